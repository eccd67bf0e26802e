"""Which part of a repository is read back next, so that every pack is read within a promised period.

A pack belongs to the slot of the first byte of its id. Part n of t holds the slots whose number leaves n - 1 when
divided by t, so that parts of different sizes can follow each other without anything being forgotten: what is
remembered is when each slot was last read. A pack that is new in a slot is read with it the next time, within the
same period.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

SLOTS = 256
EVERY_DEFAULT_DAYS = 30
EVERY_MIN_DAYS = 1
EVERY_MAX_DAYS = 365
# The promise is aimed at early, so that a few days without a run break no promise.
AIM = 0.9
# How often a run can be counted on, and the largest share of a repository that one of them reads to catch up.
RUNS_EVERY = timedelta(days=1)
PARTS_WHEN_LATE = 4


class Part(msgspec.Struct, frozen=True):
    """Part `number` of `count`, from 1 to at most 256."""

    number: int
    count: int


EVERYTHING = Part(1, 1)


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """When each slot of a repository was last read; one that never was counts from `begun_at`."""

    begun_at: datetime
    reads: tuple[datetime | None, ...] = (None,) * SLOTS

    @property
    def since(self) -> list[datetime]:
        """The instant from which each slot's age counts."""
        return [read or self.begun_at for read in self.reads]

    @property
    def proven_since(self) -> datetime | None:
        """The instant since which every pack has been read; None until all have been."""
        done = [read for read in self.reads if read is not None]
        return min(done) if len(done) == SLOTS else None

    def overdue_by(self, every: timedelta, now: datetime) -> timedelta:
        """Give for how long the promise has been broken; nothing while it is kept."""
        return max(timedelta(), now - min(self.since) - every)

    def after(self, part: Part, read_at: datetime) -> Rotation:
        """Note that a part was read; `read_at` is when that began."""
        reads = (read_at if slot % part.count == part.number - 1 else before for slot, before in enumerate(self.reads))
        return msgspec.structs.replace(self, reads=tuple(reads))


def due_part(rotation: Rotation, every: timedelta, now: datetime) -> Part | None:
    """Decide what is to be read now; None while there is time.

    The parts are read evenly over the period. With a call at least every `RUNS_EVERY`, no slot is ever older than
    `every`, since there are no more parts than calls: one at a call is enough. After a pause the parts are larger, up
    to one of `PARTS_WHEN_LATE`.

    Args:
        rotation: what was read when.
        every: the period in which every pack is to be read.
        now: the present; aware.
    """
    count, since = _parts(every), rotation.since
    oldest = sorted(min(since[number::count]) for number in range(count))
    is_time = now - max(since) >= every * AIM / count
    needed = max(_needed(oldest, every * AIM, now), int(is_time))
    if needed == 0:
        return None
    coarse = count
    while count // coarse < needed and coarse > PARTS_WHEN_LATE:
        coarse //= 2
    return _oldest(since, coarse)


def next_part(rotation: Rotation, every: timedelta, now: datetime) -> Part:
    """Give what is read next, whether or not it is due: for someone who asks for it."""
    return due_part(rotation, every, now) or _oldest(rotation.since, _parts(every))


def _parts(every: timedelta) -> int:
    days = max(1, int(every * AIM / RUNS_EVERY))
    return int(min(SLOTS, 1 << (days.bit_length() - 1)))


def _needed(oldest: list[datetime], aim: timedelta, now: datetime) -> int:
    """Count the parts, the oldest first, without which the others can still be read in time, one a call."""
    latest = [now - aim + RUNS_EVERY * place for place in range(1, len(oldest) + 1)]
    for taken in range(len(oldest)):
        if all(read > limit for read, limit in zip(oldest[taken:], latest, strict=False)):
            return taken
    return len(oldest)


def _oldest(since: list[datetime], count: int) -> Part:
    """Give the part with the oldest slot; of several, the one whose next slots are older."""
    return Part(min(range(count), key=lambda number: sorted(since[number::count])) + 1, count)
