"""Schedules in the contract's form, in and out; `timeZone` is our own member beside the contract's."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import UNSET, UnsetType

from tandem.api.http.texts import Instant, Int32, Uid
from tandem.api.http.words import BackupServerJobScheduleOptionsDailyKind as DailyKind
from tandem.api.http.words import BackupServerJobScheduleOptionsPeriodicallyKind as PeriodicKind
from tandem.domain.errors import Invalid
from tandem.domain.jobs import Job
from tandem.domain.schedule import PERIOD_MAX, PeriodUnit, Schedule, ScheduleType, Weekday, next_run

_WORKDAYS = tuple(Weekday)[:5]


class DailyOptions(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's daily options: a time of day, and on which days."""

    kind: Annotated[str, msgspec.Meta(extra_json_schema={"enum": ["Everyday", "SelectedDays", "WeekDays"]})] = (
        "Everyday"
    )
    days: list[Weekday] | None = None
    time: Annotated[str, msgspec.Meta(extra_json_schema={"pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"})] = "22:00"


class PeriodicOptions(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's periodic options: every so many minutes or hours."""

    kind: PeriodUnit = PeriodUnit.HOURS
    full_period: Annotated[int, msgspec.Meta(ge=1, le=PERIOD_MAX)] = 1


class ScheduleInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """When a job is to run."""

    daily_schedule_options: DailyOptions | None = None
    periodically_schedule_options: PeriodicOptions | None = None
    time_zone: str = "UTC"


class BackupServerJobScheduleOptionsMonthlyDayNumberInMonth(StrEnum):
    """The contract's BackupServerJobScheduleOptionsMonthlyDayNumberInMonth."""

    FIRST = "First"
    FOURTH = "Fourth"
    LAST = "Last"
    ON_DAY = "OnDay"
    SECOND = "Second"
    THIRD = "Third"
    UNKNOWN = "Unknown"


class MonthOfYear(StrEnum):
    """The contract's BackupServerJobScheduleOptionsMonthlyMonthsType0Item."""

    APRIL = "April"
    AUGUST = "August"
    DECEMBER = "December"
    FEBRUARY = "February"
    JANUARY = "January"
    JULY = "July"
    JUNE = "June"
    MARCH = "March"
    MAY = "May"
    NOVEMBER = "November"
    OCTOBER = "October"
    SEPTEMBER = "September"


class TimePeriodView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobTimePeriod: hours of one day of the week."""

    day: Weekday
    hours: list[Int32] | None


class DailyView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobScheduleOptionsDaily; times of day as `HH:MM`."""

    kind: DailyKind
    days: list[Weekday] | None
    time: str | None
    time_utc: str | None


class MonthlyView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobScheduleOptionsMonthly."""

    time: str | None
    time_utc: str | None
    day_number_in_month: BackupServerJobScheduleOptionsMonthlyDayNumberInMonth
    day_of_week: Weekday
    months: list[MonthOfYear] | None


class PeriodicView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobScheduleOptionsPeriodically."""

    kind: PeriodicKind
    full_period: Int32 | None
    schedule: list[TimePeriodView] | UnsetType | None = UNSET


class BackupWindowView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobScheduleOptionsBackupWindow."""

    time_periods: list[TimePeriodView] | None


class ChainingView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobScheduleOptionsChaining."""

    previous_job_id: Uid | None
    previous_job_name: str | None


class ScheduleView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobSchedule: the part that the schedule's type has; `timeZone` is ours."""

    start_date_time: Instant | UnsetType | None = UNSET
    start_date_time_utc: Instant | UnsetType | None = UNSET
    daily_schedule_options: DailyView | UnsetType = UNSET
    monthly_schedule_options: MonthlyView | UnsetType = UNSET
    periodically_schedule_options: PeriodicView | UnsetType = UNSET
    backup_window_options: BackupWindowView | UnsetType = UNSET
    continuous_schedule_enabled: bool | UnsetType = UNSET
    chaining_options: ChainingView | UnsetType = UNSET
    time_zone: str | UnsetType = UNSET


def read_schedule(kind: ScheduleType, given: ScheduleInput | None) -> Schedule:
    """Turn the contract's form into a schedule; raises Invalid, naming the member."""
    given = given or ScheduleInput()
    match kind:
        case ScheduleType.DAILY:
            options = given.daily_schedule_options or DailyOptions()
            return Schedule(type=kind, time_of_day=options.time, days=_days(options), time_zone=given.time_zone)
        case ScheduleType.PERIODICALLY:
            period = given.periodically_schedule_options
            if period is None:
                name = "schedule.periodicallyScheduleOptions"
                raise Invalid(f"{name}: needed for a periodic schedule.", field=name)
            return Schedule(type=kind, period=period.full_period, period_unit=period.kind, time_zone=given.time_zone)
        case _:
            return Schedule(type=kind, time_zone=given.time_zone)


def view_schedule(job: Job, now: datetime, previous: tuple[str, str] | None) -> ScheduleView | UnsetType:
    """Show a schedule in the contract's form; UNSET for a job without one, as it may not be null.

    Args:
        job: whose schedule.
        now: what times of day are turned into UTC for.
        previous: uid and name of the job that a chained job runs after, if the caller sees it.
    """
    schedule = job.schedule
    match schedule.type:
        case ScheduleType.NOT_SCHEDULED:
            return UNSET
        case ScheduleType.CHAINED:
            uid, name = previous or (None, None)
            return ScheduleView(chaining_options=ChainingView(previous_job_id=uid, previous_job_name=name))
        case ScheduleType.PERIODICALLY:
            periodic = PeriodicView(kind=PeriodicKind(schedule.period_unit), full_period=schedule.period)
            return ScheduleView(periodically_schedule_options=periodic)
        case ScheduleType.DAILY:
            upcoming = next_run(schedule, now, now)
            daily = DailyView(
                kind=_kind(schedule.days),
                days=list(schedule.days),
                time=schedule.time_of_day,
                time_utc=f"{upcoming:%H:%M}" if upcoming else None,
            )
            return ScheduleView(daily_schedule_options=daily, time_zone=schedule.time_zone)


def _days(options: DailyOptions) -> tuple[Weekday, ...]:
    match options.kind:
        case "Everyday":
            return tuple(Weekday)
        case "WeekDays":
            return _WORKDAYS
        case "SelectedDays":
            return tuple(day for day in Weekday if day in (options.days or []))
        case other:
            name = "schedule.dailyScheduleOptions.kind"
            text = f'{name}: "{other[:40]}" is not allowed; use Everyday, WeekDays or SelectedDays.'
            raise Invalid(text, field=name)


def _kind(days: tuple[Weekday, ...]) -> DailyKind:
    if days == tuple(Weekday):
        return DailyKind.EVERYDAY
    return DailyKind.WEEK_DAYS if days == _WORKDAYS else DailyKind.SELECTED_DAYS
