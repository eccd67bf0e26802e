"""What a copy job will take: the next run, and what it holds after some days, estimated from what was seen so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

import msgspec

from tandem.domain.fates import Fate, fates_of
from tandem.domain.retention import Point, Rule

DAY = timedelta(days=1)
# The rate of change is that of the last days.
SEEN = timedelta(days=30)
# More points than these are not imagined one by one, but each for several.
IMAGINED_MAX = 1_000
# Looked at for the day on which the disk is full; between two of them the growth counts as even.
DAYS_LOOKED_AT = (1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365, 545, 730, 1095, 1825, 3650)


class Made(msgspec.Struct, frozen=True):
    """A point that the source job has made, whether or not it is still there; `size` and `added` in bytes."""

    snapshot_id: str
    created_at: datetime
    size: int
    added: int


class Change(msgspec.Struct, frozen=True):
    """How fast the source changes; `seen_days` is how long it was looked at for that."""

    points_per_day: float
    bytes_per_day: float
    seen_days: float


class Forecast(msgspec.Struct, frozen=True):
    """What a copy holds after some days."""

    points: int
    size: int


def bytes_to_copy(made: Iterable[Made], wanted: set[str], held: set[str]) -> int:
    """Estimate what copying points adds to a repository, in bytes as the source counts them.

    A point brings what the source has added since the point before it that the copy has or gets, and at most its own
    size. It is too much where what was added in between was deleted in between.

    Args:
        made: every point that the source job has made.
        wanted: the snapshot ids of those to be copied.
        held: of those that are there.
    """
    total = since = 0
    for point in sorted(made, key=lambda each: each.created_at):
        since += point.added
        if point.snapshot_id in wanted:
            total += min(point.size, since)
        if point.snapshot_id in wanted or point.snapshot_id in held:
            since = 0
    return total


def change_of(made: Sequence[Made], now: datetime) -> Change:
    """Give how fast a source changes, by the points of the last 30 days; its first point is no change."""
    points = sorted(made, key=lambda each: each.created_at)
    if len(points) <= 1:
        return Change(points_per_day=0.0, bytes_per_day=0.0, seen_days=0.0)
    seen = [point for point in points[1:] if now - SEEN <= point.created_at <= now]
    days = max((min(now - points[0].created_at, SEEN)) / DAY, 1.0)
    return Change(
        points_per_day=len(seen) / days, bytes_per_day=sum(point.added for point in seen) / days, seen_days=days
    )


def after(
    points: Iterable[Point], rule: Rule, change: Change, *, whole_size: int, now: datetime, days: float
) -> Forecast:
    """Estimate what a copy holds after some days, if the source goes on changing as it does.

    What is held is one whole point and, for each older one, what was changed until the next one that is kept, at most
    as much as a whole point.

    Args:
        points: those that the copy holds or is about to get; adopted ones stay: nobody has confirmed that they may go.
        rule: how long they are kept.
        change: how fast the source changes.
        whole_size: what one point takes that shares nothing with others, in bytes.
        now: the present; aware.
        days: from now on.
    """
    end = now + timedelta(days=days)
    imagined, each_for = _imagined(change, now, days)
    known = list(points)
    fates = fates_of([*known, *imagined], rule, end, may_forget_adopted=False)
    keep = {uid for uid, fate in fates.items() if fate.fate is Fate.KEEP}
    kept = sorted(point.created_at for point in (*known, *imagined) if point.snapshot_id in keep)
    if not kept:
        return Forecast(points=0, size=0)
    gaps = [(later - earlier) / DAY for earlier, later in pairwise(kept)]
    changed = sum(min(whole_size, gap * change.bytes_per_day) for gap in gaps)
    count = sum(each_for if point.snapshot_id in keep else 0 for point in imagined)
    count += sum(point.snapshot_id in keep for point in known)
    return Forecast(points=round(count), size=round(whole_size + changed))


def full_at(sizes: Mapping[int, int], *, free: int, held: int, now: datetime) -> datetime | None:
    """Give when a copy needs more than there is: None if it does not within the days looked at.

    Args:
        sizes: what it holds after so many days, in bytes.
        free: what is free in its repository.
        held: what it holds now.
        now: the present; aware.
    """
    earlier, before = 0, held
    for days, size in sorted(sizes.items()):
        if size - held > free:
            share = (held + free - before) / (size - before) if size > before else 0.0
            return now + timedelta(days=earlier + max(0.0, share) * (days - earlier))
        earlier, before = days, size
    return None


def _imagined(change: Change, now: datetime, days: float) -> tuple[list[Point], float]:
    count = change.points_per_day * days
    number = min(round(count), IMAGINED_MAX)
    if not number:
        return [], 0.0
    step = timedelta(days=days) / number
    return [Point(f"imagined {index}", now + step * (index + 1)) for index in range(number)], count / number
