"""Which of the runs that wait may begin: first come, first served, and nobody waits for ever.

A run asks for all its repositories at once and holds them to its end, so runs cannot wait for each other in a circle.
Who came earlier is treated as if it were running already: so nobody is overtaken for a repository that he waits for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What a run needs.

    Attributes:
        key: of one key only one run is there at a time.
        label: what it is called towards others who wait, such as "the job Documents".
        writes: repositories that nobody else may use meanwhile.
        reads: repositories that others may read meanwhile too.
    """

    key: str
    label: str
    writes: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()

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


def judge(waiting: Sequence[Ticket], running: Sequence[Ticket], names: Mapping[str, str]) -> list[Verdict]:
    """Say of each run that waits whether it may begin now.

    Args:
        waiting: first come first; those that may begin count as running for all behind them.
        running: what goes on.
        names: of repositories.

    Returns:
        a verdict for each that waits, in their order.
    """
    going_on = list(running)
    ahead: list[Ticket] = []
    verdicts: list[Verdict] = []
    for ticket in waiting:
        reason = _obstacle(ticket, going_on, ahead, names)
        if reason:
            ahead.append(ticket)
            verdicts.append(Verdict(ticket=ticket, position=len(ahead), reason=reason))
        else:
            going_on.append(ticket)
            verdicts.append(Verdict(ticket=ticket))
    return verdicts


def _obstacle(ticket: Ticket, running: Sequence[Ticket], ahead: Sequence[Ticket], names: Mapping[str, str]) -> str:
    for holder in running:
        for uid in sorted(ticket.collides_at(holder)):
            place = sum(1 for earlier in ahead if uid in ticket.collides_at(earlier)) + 1
            return f"{_ordinal(place)} in line for the repository {names.get(uid, uid)}, held by {holder.label}."
    for other in ahead:
        for uid in sorted(ticket.collides_at(other)):
            place = sum(1 for earlier in ahead if uid in ticket.collides_at(earlier)) + 1
            return f"{_ordinal(place)} in line for the repository {names.get(uid, uid)}, behind {other.label}."
    return ""


def _ordinal(number: int) -> str:
    teens = range(11, 14)
    ending = "th" if number % 100 in teens else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
