"""What becomes of points with the next run: decided here for the agent, which does it, and the console, which shows it.

Beside what the rule keeps, the newest point of which all files were read stays, and so do adopted points until somebody
has confirmed that they may go.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

import msgspec

from tandem.domain.retention import Point, Rule, Verdict, judge

NEWEST_COMPLETE = "Kept: the newest of which all files are known to be read."
UNCONFIRMED = "Adopted, and stays until somebody confirms that adopted points may go."
NEWER_ONE = "The run makes a newer one first."
_MADE_NEXT = "made by the next run"


class Fate(StrEnum):
    """What the next run does with a point."""

    KEEP = "Keep"
    DELETE = "Delete"
    COPY = "Copy"
    SKIP = "Skip"


class Foreseen(msgspec.Struct, frozen=True):
    """What the next run does with a point.

    Attributes:
        fate: that.
        reason: why.
        expires_at: until when the rule keeps it.
        once_confirmed: of an adopted point, while nobody has confirmed that such may go: what would become of it then.
    """

    fate: Fate
    reason: str
    expires_at: datetime
    once_confirmed: Fate | None = None

    @property
    def is_unconfirmed(self) -> bool:
        """Whether it is kept only because nobody has confirmed that adopted points may go."""
        return self.once_confirmed is Fate.DELETE


def fates_of(points: Iterable[Point], rule: Rule, now: datetime, *, may_forget_adopted: bool) -> dict[str, Foreseen]:
    """Say of each point that a repository holds, by its snapshot id, whether it stays.

    Args:
        points: the points of one job in one repository.
        rule: how long they are kept.
        now: the instant to decide for; aware.
        may_forget_adopted: whether somebody has confirmed that those may go which were adopted.
    """
    points = list(points)
    complete = [(point.created_at, point.snapshot_id) for point in points if point.is_complete]
    _made_at, newest_complete = max(complete, default=(None, None))
    verdicts = judge(points, rule, now)
    return {
        point.snapshot_id: _fate(
            verdicts[point.snapshot_id],
            is_newest_complete=point.snapshot_id == newest_complete,
            is_unconfirmed=point.is_adopted and not may_forget_adopted,
        )
        for point in points
    }


def _fate(verdict: Verdict, *, is_newest_complete: bool, is_unconfirmed: bool) -> Foreseen:
    if verdict.is_kept or is_newest_complete:
        reason = verdict.reason if verdict.is_kept else NEWEST_COMPLETE
        return Foreseen(Fate.KEEP, reason, verdict.expires_at, Fate.KEEP if is_unconfirmed else None)
    if is_unconfirmed:
        return Foreseen(Fate.KEEP, f"{UNCONFIRMED} {verdict.reason}", verdict.expires_at, Fate.DELETE)
    return Foreseen(Fate.DELETE, verdict.reason, verdict.expires_at)


def foresee_backups(
    points: Iterable[Point], rule: Rule, now: datetime, *, may_forget_adopted: bool
) -> dict[str, Foreseen]:
    """Say what a run of a file share job does with the points that are there, as `fates_of`.

    Retention comes after the run has made its own point, which is taken to be whole: what was the newest before is
    judged like any other.
    """
    points = list(points)
    before = fates_of(points, rule, now, may_forget_adopted=may_forget_adopted)
    made = Point(_MADE_NEXT, now)
    after = fates_of([*points, made], rule, now, may_forget_adopted=may_forget_adopted)
    return {
        uid: after[uid] if _is_over(after[uid]) == _is_over(before[uid]) else _outlived(after[uid]) for uid in before
    }


def _is_over(fate: Foreseen) -> bool:
    return fate.fate is Fate.DELETE or fate.is_unconfirmed


def _outlived(fate: Foreseen) -> Foreseen:
    return msgspec.structs.replace(fate, reason=f"{fate.reason} {NEWER_ONE}")
