"""Limits of a backup server or a repository: how many runs at a time, how fast, and in which hours of the week."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from tandem.domain.errors import Invalid
from tandem.domain.schedule import Weekday

PARALLEL_MAX = 1_000
RATE_MAX = 2**31 - 1
HOURS_A_DAY = 24
# Offsets of time zones are quarters of an hour: no window opens or closes at any other instant.
STEP = timedelta(minutes=15)
# A week, and one more for an hour that a day lacks as clocks go forward.
STEPS_AHEAD_MAX = timedelta(days=15) // STEP
_WEEKDAYS = tuple(Weekday)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class TimePeriod(msgspec.Struct, frozen=True):
    """Hours of one day of the week: 22 is from 22:00 to 23:00."""

    day: Weekday
    hours: tuple[int, ...]


class AllowedHours(msgspec.Struct, frozen=True, kw_only=True):
    """The hours of the week in which runs may begin; `stop_at_end` also ends those that go on after them.

    An hour that a day lacks as clocks go forward is not open that day; one that it has twice is open both times.
    """

    periods: tuple[TimePeriod, ...]
    time_zone: str = "UTC"
    stop_at_end: bool = False

    def is_open(self, at: datetime) -> bool:
        """Say whether an aware instant is in these hours."""
        local = at.astimezone(ZoneInfo(self.time_zone))
        day = _WEEKDAYS[local.weekday()]
        return any(period.day is day and local.hour in period.hours for period in self.periods)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup server or a repository bears; None is without limit. Rates are KiB per second, for all runs."""

    parallel_runs: int | None = None
    upload: int | None = None
    download: int | None = None
    hours: AllowedHours | None = None

    def share(self, rate: int | None) -> int | None:
        """Give one run's part of a rate: that of all, divided by the runs that there can be at a time."""
        return None if rate is None else max(1, rate // (self.parallel_runs or 1))


class Bandwidth(msgspec.Struct, frozen=True):
    """How fast one run may send and receive, in KiB per second; None is without limit."""

    upload: int | None = None
    download: int | None = None


NO_LIMITS = Limits()
UNBOUNDED = Bandwidth()


def bandwidth_of_run(limits: Iterable[Limits]) -> Bandwidth:
    """Give how fast a run may be: the lowest of its shares of all that it touches.

    The shares are fixed, so that all runs together never exceed a limit, however they begin and end.
    """
    known = list(limits)
    uploads = [share for each in known if (share := each.share(each.upload)) is not None]
    downloads = [share for each in known if (share := each.share(each.download)) is not None]
    return Bandwidth(min(uploads, default=None), min(downloads, default=None))


def next_open(hours: Iterable[AllowedHours], after: datetime) -> datetime | None:
    """Give the first instant, `after` or later, that is in all these hours; None if they have none in common."""
    all_hours = tuple(hours)
    if all(each.is_open(after) for each in all_hours):
        return after
    return _next_open(all_hours, after - (after - _EPOCH) % STEP)


def check_limits(limits: Limits) -> None:
    """Raise Invalid, naming the member, if limits cannot be kept."""
    for name, rate in (("uploadLimit", limits.upload), ("downloadLimit", limits.download)):
        if rate is not None and limits.parallel_runs is None:
            text = (
                f"{name}: {rate} KiB/s are shared by the runs that there can be at a time: set maxConcurrentTask too."
            )
            raise Invalid(text, field=name)
    if limits.hours is not None:
        _check_hours(limits.hours)


def _check_hours(hours: AllowedHours) -> None:
    name = "backupWindowOptions"
    if hours.time_zone not in available_timezones():
        text = f'"{hours.time_zone[:80]}" is not a time zone; use an IANA name such as "Europe/Berlin".'
        raise Invalid(f"{name}.timeZone: {text}", field=f"{name}.timeZone")
    if not any(period.hours for period in hours.periods):
        text = f"{name}.timePeriods: no hour of the week is allowed, so no run would ever begin; name one at least."
        raise Invalid(text, field=f"{name}.timePeriods")


@lru_cache(maxsize=256)
def _next_open(hours: tuple[AllowedHours, ...], quarter: datetime) -> datetime | None:
    for ahead in range(1, STEPS_AHEAD_MAX):
        instant = quarter + ahead * STEP
        if all(each.is_open(instant) for each in hours):
            return instant
    return None
