"""When a job runs: by hand, daily or weekly at a time in a zone, every n minutes or hours, after another job."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from tandem.domain.errors import Invalid

PERIOD_MAX = 10_000
# A day that lacks the time of day (clocks going forward) is looked past; a week always holds a chosen weekday.
DAYS_AHEAD_MAX = 15
_TIME_OF_DAY = re.compile(r"[0-9]{2}:[0-9]{2}")


class ScheduleType(StrEnum):
    """The contract's schedule types that a job of ours can have (`BackupServerJobScheduleType`)."""

    NOT_SCHEDULED = "NotScheduled"
    DAILY = "Daily"
    PERIODICALLY = "Periodically"
    CHAINED = "Chained"


class Weekday(StrEnum):
    """The contract's days of the week, Monday first as in `datetime.weekday`."""

    MONDAY = "Monday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"
    THURSDAY = "Thursday"
    FRIDAY = "Friday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"


class PeriodUnit(StrEnum):
    """The units of a periodic schedule."""

    MINUTES = "Minutes"
    HOURS = "Hours"


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """When a job runs. Members that the type does not use keep their defaults."""

    type: ScheduleType = ScheduleType.NOT_SCHEDULED
    time_of_day: str = "22:00"
    days: tuple[Weekday, ...] = tuple(Weekday)
    time_zone: str = "UTC"
    period: int = 1
    period_unit: PeriodUnit = PeriodUnit.HOURS


MANUAL = Schedule()


def check_schedule(schedule: Schedule) -> None:
    """Raise Invalid, naming the member, if a schedule cannot be followed."""
    _time_of_day(schedule)
    if schedule.time_zone not in available_timezones():
        text = f'timeZone: "{schedule.time_zone[:80]}" is not a time zone; use an IANA name such as "Europe/Berlin".'
        raise Invalid(text, field="timeZone")
    if not schedule.days:
        raise Invalid("days: at least one day of the week is needed.", field="days")
    if not 1 <= schedule.period <= PERIOD_MAX:
        text = f"fullPeriod: {schedule.period} is out of range; use a number from 1 to {PERIOD_MAX}."
        raise Invalid(text, field="fullPeriod")


def is_out_of_reach(schedule: Schedule, planned: datetime, now: datetime) -> bool:
    """Say whether a planned instant is farther ahead than any: the clock was far ahead when it was planned.

    Args:
        schedule: the plan.
        planned: an aware instant that the plan once gave.
        now: the present; aware.
    """
    if schedule.type is ScheduleType.PERIODICALLY:
        unit = timedelta(hours=1) if schedule.period_unit is PeriodUnit.HOURS else timedelta(minutes=1)
        between = schedule.period * unit
    else:
        days = [number for number, day in enumerate(Weekday) if day in schedule.days]
        following = [*days[1:], days[0] + len(Weekday)]
        between = timedelta(days=max(after - day for day, after in zip(days, following, strict=True)))
    # A clock that is set back by a little must not let a run take place a second time.
    return planned - now > 2 * between


def next_run(schedule: Schedule, after: datetime, anchor: datetime) -> datetime | None:
    """Give the first planned instant later than `after`.

    A time of day that a day lacks, as clocks go forward, is run at the instant it would have been by the old offset;
    one that a day has twice is run once, the first time.

    Args:
        schedule: the plan.
        after: an aware instant.
        anchor: an aware instant that periods are counted from.

    Returns:
        an aware UTC instant, or None for jobs that do not run by the clock.
    """
    match schedule.type:
        case ScheduleType.NOT_SCHEDULED | ScheduleType.CHAINED:
            return None
        case ScheduleType.PERIODICALLY:
            minutes = schedule.period * (60 if schedule.period_unit is PeriodUnit.HOURS else 1)
            period = timedelta(minutes=minutes)
            return (anchor + ((after - anchor) // period + 1) * period).astimezone(UTC)
        case ScheduleType.DAILY:
            return _next_daily(schedule, after)


def periods_zone(schedule: Schedule, source: Schedule | None) -> str:
    """Give the time zone whose days, weeks, months and years a job means; a chained one, those of its source job."""
    return source.time_zone if source and schedule.type is ScheduleType.CHAINED else schedule.time_zone


def _next_daily(schedule: Schedule, after: datetime) -> datetime:
    zone = ZoneInfo(schedule.time_zone)
    wanted = _time_of_day(schedule)
    first_day = after.astimezone(zone).date() - timedelta(days=1)
    weekdays = list(Weekday)
    for ahead in range(DAYS_AHEAD_MAX):
        day = first_day + timedelta(days=ahead)
        if weekdays[day.weekday()] not in schedule.days:
            continue
        instant = datetime.combine(day, wanted, tzinfo=zone).astimezone(UTC)
        if instant > after:
            return instant
    raise Invalid("days: no day of the next two weeks fits.", field="days")


def _time_of_day(schedule: Schedule) -> time:
    try:
        if _TIME_OF_DAY.fullmatch(schedule.time_of_day):
            return time.fromisoformat(schedule.time_of_day)
    except ValueError:
        pass  # Told below, as for any other text.
    text = f'time: "{schedule.time_of_day[:40]}" is not a time of day; use "HH:MM", such as "22:00".'
    raise Invalid(text, field="time")
