"""Holds: when retention may delete nothing, as what a run has seen cannot be explained; until somebody releases it.

Retention trusts three things: that the newest points are as good as the older ones, that points are dated truly, and
that the clock is right. Who empties a share, or sets a clock, would otherwise have the good points deleted in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

# A point that lost more than this share of the files or bytes of the one before is suspicious, unless that is little.
SHRINK_SHARE = 0.5
FILES_LOST_MIN = 10
BYTES_LOST_MIN = 10_000_000
# Clocks of machines that work together differ by less.
CLOCK_TOLERANCE = timedelta(minutes=10)
CAUSES_MAX = 20


class HoldReason(StrEnum):
    """What cannot be explained."""

    EMPTY = "Empty"
    SHRUNK = "Shrunk"
    BACK_DATED = "BackDated"
    FUTURE_DATED = "FutureDated"
    FOREIGN = "Foreign"
    CLOCK_CHANGED = "ClockChanged"


class HoldCause(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was seen: when, and of which restore point, if of one."""

    reason: HoldReason
    message: str
    seen_at: datetime
    snapshot_id: str | None = None


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """A file share job whose retention, and that of its copies, deletes nothing; `uid` changes with each new cause."""

    uid: str
    since: datetime
    causes: list[HoldCause]

    @property
    def told(self) -> str:
        """What is said of it where retention is foreseen: the beginning of a sentence."""
        return f"Retention is on hold since {self.since:%Y-%m-%d %H:%M} UTC"


class JobHold(msgspec.Struct, frozen=True):
    """A hold as the console knows it: whether it is released already, and only its agent has to hear so."""

    hold: Hold
    is_released: bool


class SeenPoint(msgspec.Struct, frozen=True, kw_only=True):
    """What the rules need to know of a restore point; sizes in bytes."""

    snapshot_id: str
    created_at: datetime
    files: int
    size: int
    is_complete: bool


class ClockLook(msgspec.Struct, frozen=True):
    """What the clock said, and beside it how many seconds the machine has been up since its boot."""

    now: datetime
    uptime: float
    boot_id: str


def with_causes(hold: Hold | None, causes: Sequence[HoldCause], uid: str) -> Hold:
    """Give a hold with causes added; the first ones stay when there are too many."""
    before = hold.causes if hold else []
    since = hold.since if hold else min(cause.seen_at for cause in causes)
    return Hold(uid=uid, since=since, causes=[*before, *causes][:CAUSES_MAX])


def newest_complete(points: Iterable[SeenPoint]) -> SeenPoint | None:
    """Give the newest point of which all files are known to have been read."""
    complete = [point for point in points if point.is_complete]
    return max(complete, key=lambda point: (point.created_at, point.snapshot_id), default=None)


def judge_new_point(new: SeenPoint, before: Sequence[SeenPoint], now: datetime) -> list[HoldCause]:
    """Give what cannot be explained of a point that a run has just made.

    Args:
        new: the point.
        before: the points of the job that were there, in any order.
        now: the present; aware.
    """
    causes = judge_dates([new], before, now)
    reference = newest_complete(before)
    if reference is None or reference.files == 0:
        return causes
    lost_files, lost_bytes = reference.files - new.files, reference.size - new.size
    told = f"{new.files} files of {new.size} bytes, {reference.files} files of {reference.size} bytes in the point"
    told = f"{told} of {_moment(reference.created_at)}"
    is_much = lost_files >= FILES_LOST_MIN and lost_files > SHRINK_SHARE * reference.files
    is_much |= lost_bytes >= BYTES_LOST_MIN and lost_bytes > SHRINK_SHARE * reference.size
    if new.files == 0:
        causes.append(_cause(HoldReason.EMPTY, f"The share was empty: {told}.", now, new))
    elif is_much:
        causes.append(_cause(HoldReason.SHRUNK, f"The share has shrunk: {told}.", now, new))
    return causes


def judge_adopted_points(adopted: Sequence[SeenPoint], before: Sequence[SeenPoint], now: datetime) -> list[HoldCause]:
    """Give what cannot be explained of points that were found in the repository and were not known.

    One may be left by a run that was cut short. A memory that is new knows none of them, and learns them all.
    """
    causes = judge_dates(adopted, before, now)
    if before and len(adopted) > 1:
        text = f"{len(adopted)} restore points were found that no session of this agent had made."
        causes.append(_cause(HoldReason.FOREIGN, text, now, max(adopted, key=lambda point: point.created_at)))
    return causes


def judge_dates(new: Iterable[SeenPoint], before: Sequence[SeenPoint], now: datetime) -> list[HoldCause]:
    """Give which new points are dated later than now, or earlier than a point that was there before them."""
    # One that is dated in the future itself makes no other a late one.
    credible = [point.created_at for point in before if point.created_at <= now + CLOCK_TOLERANCE]
    latest = max(credible, default=None)
    causes: list[HoldCause] = []
    for point in new:
        if point.created_at > now + CLOCK_TOLERANCE:
            text = f"A restore point is dated in the future: {_moment(point.created_at)}."
            causes.append(_cause(HoldReason.FUTURE_DATED, text, now, point))
        elif latest is not None and point.created_at < latest - CLOCK_TOLERANCE:
            text = (
                f"A new restore point is dated {_moment(point.created_at)}, before an older one of {_moment(latest)}."
            )
            causes.append(_cause(HoldReason.BACK_DATED, text, now, point))
    return causes


def judge_clock(last: ClockLook | None, look: ClockLook) -> HoldCause | None:
    """Give how the clock was changed since the last look; None if it was not.

    After a boot only a step back can be told: nobody knows how long the machine was off.
    """
    if last is None:
        return None
    is_same_boot = last.boot_id == look.boot_id
    passed = timedelta(seconds=look.uptime - last.uptime) if is_same_boot else timedelta()
    step = look.now - (last.now + passed)
    if step < -CLOCK_TOLERANCE:
        text = f"The clock was set back: to {_moment(look.now)}, from {_moment(look.now - step)}."
    elif is_same_boot and step > CLOCK_TOLERANCE:
        text = f"The clock was set forward: to {_moment(look.now)}, from {_moment(look.now - step)}."
    else:
        return None
    return HoldCause(reason=HoldReason.CLOCK_CHANGED, message=text, seen_at=look.now)


def _cause(reason: HoldReason, message: str, now: datetime, point: SeenPoint) -> HoldCause:
    return HoldCause(reason=reason, message=message, seen_at=now, snapshot_id=point.snapshot_id)


def _moment(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S %Z}"
