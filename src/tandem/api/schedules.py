"""Schedules in the contract's form, in and out; `timeZone` is our own member beside the contract's."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec

from tandem.domain.errors import Invalid
from tandem.domain.jobs import Job
from tandem.domain.schedule import PERIOD_MAX, PeriodUnit, Schedule, ScheduleType, Weekday, next_run

_WORKDAYS = tuple(Weekday)[:5]


class DailyOptions(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's daily options: a time of day, and on which days."""

    kind: str = "Everyday"
    days: list[Weekday] | None = None
    time: str = "22:00"


class PeriodicOptions(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's periodic options: every so many minutes or hours."""

    kind: PeriodUnit = PeriodUnit.HOURS
    full_period: Annotated[int, msgspec.Meta(ge=1, le=PERIOD_MAX)] = 1


class ScheduleInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """When a job is to run."""

    daily_schedule_options: DailyOptions | None = None
    periodically_schedule_options: PeriodicOptions | None = None
    time_zone: str = "UTC"


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
            return Schedule(type=kind, period=period.full_period, period_unit=period.kind)
        case _:
            return Schedule(type=kind)


def view_schedule(job: Job, now: datetime, previous: tuple[str, str] | None) -> dict[str, Any] | None:
    """Show a schedule in the contract's form; None for a job without one.

    Args:
        job: whose schedule.
        now: what times of day are turned into UTC for.
        previous: uid and name of the job that a chained job runs after.
    """
    schedule = job.schedule
    match schedule.type:
        case ScheduleType.NOT_SCHEDULED:
            return None
        case ScheduleType.CHAINED:
            uid, name = previous or (None, None)
            return {"chainingOptions": {"previousJobId": uid, "previousJobName": name}}
        case ScheduleType.PERIODICALLY:
            return {"periodicallyScheduleOptions": {"kind": schedule.period_unit, "fullPeriod": schedule.period}}
        case ScheduleType.DAILY:
            upcoming = next_run(schedule, now, now)
            daily: dict[str, Any] = {
                "kind": _kind(schedule.days),
                "days": list(schedule.days),
                "time": schedule.time_of_day,
                "timeUtc": f"{upcoming:%H:%M}" if upcoming else None,
            }
            return {"dailyScheduleOptions": daily, "timeZone": schedule.time_zone}


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


def _kind(days: tuple[Weekday, ...]) -> str:
    if days == tuple(Weekday):
        return "Everyday"
    return "WeekDays" if days == _WORKDAYS else "SelectedDays"
