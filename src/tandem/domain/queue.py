"""Which of the runs that wait may begin: first come, first served, and nobody waits for ever.

A run asks for all its repositories at once and holds them to its end, so runs cannot wait for each other in a circle.
Who came earlier is treated as if it were running already: so nobody is overtaken for a repository that he waits for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from tandem.domain.limits import NO_LIMITS, AllowedHours, Limits, next_open


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a run needs.

    Attributes:
        key: of one key only one run is there at a time.
        label: what it is called towards others who wait, such as "the job Documents".
        writes: repositories that nobody else may use meanwhile.
        reads: repositories that others may read meanwhile too.
        heeds_hours: whether it waits for the allowed hours, and is stopped at their end.
    """

    key: str
    label: str
    writes: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    heeds_hours: bool = True

    @property
    def repositories(self) -> frozenset[str]:
        """All repositories that it touches."""
        return self.writes | self.reads

    def collides_at(self, other: Ticket) -> frozenset[str]:
        """Give the repositories that the two cannot use at the same time."""
        return (self.writes & other.repositories) | (self.repositories & other.writes)


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a waiting run may begin; if not, its place among all that wait, and why."""

    ticket: Ticket
    position: int = 0
    reason: str = ""

    @property
    def may_begin(self) -> bool:
        """Whether nothing stands in its way."""
        return not self.reason


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a backup server, and of its repositories by uid, with the names of these."""

    server: Limits = NO_LIMITS
    repositories: Mapping[str, Limits] = {}
    names: Mapping[str, str] = {}

    def name(self, uid: str) -> str:
        """Give what a repository is called."""
        return f"the repository {self.names.get(uid, uid)}"

    def limits_of(self, ticket: Ticket) -> list[Limits]:
        """Give all limits that a run comes under: the backup server's, and those of what it touches."""
        return [self.server, *(self.repositories.get(uid, NO_LIMITS) for uid in sorted(ticket.repositories))]

    def hours_of(self, ticket: Ticket) -> list[tuple[str, AllowedHours]]:
        """Give the hours that a run heeds, with whose they are."""
        if not ticket.heeds_hours:
            return []
        whose = ["this backup server", *(self.name(uid) for uid in sorted(ticket.repositories))]
        return [
            (name, limits.hours)
            for name, limits in zip(whose, self.limits_of(ticket), strict=True)
            if limits.hours is not None
        ]


def judge(waiting: Sequence[Ticket], running: Sequence[Ticket], rules: Rules, now: datetime) -> list[Verdict]:
    """Say of each run that waits whether it may begin now.

    Who waits for allowed hours holds nobody up: those behind him go first.

    Args:
        waiting: first come first; those that may begin count as running for all behind them.
        running: what goes on.
        rules: the limits.
        now: an aware instant.

    Returns:
        a verdict for each that waits, in their order.
    """
    going_on = list(running)
    ahead: list[Ticket] = []
    verdicts: list[Verdict] = []
    position = 0
    for ticket in waiting:
        closed = _closed(ticket, rules, now)
        reason = closed or _obstacle(ticket, going_on, ahead, rules)
        if not reason:
            going_on.append(ticket)
            verdicts.append(Verdict(ticket=ticket))
            continue
        if not closed:
            ahead.append(ticket)
        position += 1
        verdicts.append(Verdict(ticket=ticket, position=position, reason=reason))
    return verdicts


def over_time(ticket: Ticket, rules: Rules, now: datetime) -> str:
    """Say whose hours have ended for a run that is to be stopped then; empty if it may go on."""
    ended = (whose for whose, hours in rules.hours_of(ticket) if hours.stop_at_end and not hours.is_open(now))
    return next(ended, "")


def _closed(ticket: Ticket, rules: Rules, now: datetime) -> str:
    heeded = rules.hours_of(ticket)
    closed = [(whose, hours) for whose, hours in heeded if not hours.is_open(now)]
    if not closed:
        return ""
    opens_at = next_open((hours for _whose, hours in heeded), now)
    whose, hours = closed[0]
    if opens_at is None:
        return f"Outside the allowed hours of {whose}, which have none in common with the others that it must heed."
    local = opens_at.astimezone(ZoneInfo(hours.time_zone))
    return f"Outside the allowed hours of {whose} until {local:%Y-%m-%d %H:%M} ({hours.time_zone})."


def _obstacle(ticket: Ticket, running: Sequence[Ticket], ahead: Sequence[Ticket], rules: Rules) -> str:
    for other, word in [*((other, "held by") for other in running), *((other, "behind") for other in ahead)]:
        for uid in sorted(ticket.collides_at(other)):
            place = sum(1 for earlier in ahead if uid in ticket.collides_at(earlier)) + 1
            return f"{_ordinal(place)} in line for {rules.name(uid)}, {word} {other.label}."
    for uid in sorted(ticket.repositories):
        limit = rules.repositories.get(uid, NO_LIMITS).parallel_runs
        here = [other for other in (*running, *ahead) if uid in other.repositories]
        if limit is not None and len(here) >= limit:
            count = min(limit, sum(1 for other in running if uid in other.repositories))
            return f"{count} of {limit} runs on {rules.name(uid)} are going on{_and_wait(limit - count)}."
    limit = rules.server.parallel_runs
    if limit is not None and len(running) >= limit:
        return f"{len(running)} of {limit} runs of this backup server are going on."
    return ""


def _and_wait(count: int) -> str:
    return f", and {count} that came earlier wait" if count else ""


def _ordinal(number: int) -> str:
    teens = range(11, 14)
    ending = "th" if number % 100 in teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
