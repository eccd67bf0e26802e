"""When a job runs and how long it keeps: from options to the API's form, and from that to words."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from tandem.cli.output import Row
from tandem.domain.retention import RetentionUnit
from tandem.domain.schedule import PeriodUnit, ScheduleType, Weekday

KEEP_DEFAULT = "28 days"
TIME_ZONE_DEFAULT = "UTC"
ABBREVIATION_LENGTH_MIN = 2

Daily = Annotated[str | None, typer.Option("--daily", metavar="HH:MM", help="Run daily at this time.")]
Days = Annotated[
    str | None, typer.Option("--days", metavar="Mon,Fri", help="With --daily: only on these days of the week.")
]
TimeZone = Annotated[
    str | None,
    typer.Option("--time-zone", metavar="ZONE", help="With --daily: such as Europe/Berlin; else UTC."),
]
Every = Annotated[str | None, typer.Option("--every", metavar="15m|4h", help="Run every so many minutes or hours.")]
Manual = Annotated[bool, typer.Option("--manual", help="Run only when it is started.")]
Keep = Annotated[
    str, typer.Option("--keep", metavar="TIME", help="How long points are kept: 90min, 12h, 28d, 6months, 2y.")
]

_COUNT = re.compile(r"^\s*(?P<count>[0-9]{1,6})\s*(?P<unit>[A-Za-z]+)\s*$")
_PERIOD_UNITS = {
    **dict.fromkeys(("m", "min", "minute", "minutes"), PeriodUnit.MINUTES),
    **dict.fromkeys(("h", "hour", "hours"), PeriodUnit.HOURS),
}
# No "m": minutes that were meant to be months would cost the points.
_KEEP_UNITS = {
    **dict.fromkeys(("min", "minute", "minutes"), RetentionUnit.MINUTES),
    **dict.fromkeys(("h", "hour", "hours"), RetentionUnit.HOURS),
    **dict.fromkeys(("d", "day", "days"), RetentionUnit.DAYS),
    **dict.fromkeys(("month", "months"), RetentionUnit.MONTHS),
    **dict.fromkeys(("y", "year", "years"), RetentionUnit.YEARS),
}


def schedule_body(
    *, daily: str | None, days: str | None, time_zone: str | None, every: str | None, otherwise: ScheduleType | None
) -> Row:
    """Turn options into the members of a job that say when it runs; a usage error names the option that is wrong.

    Args:
        daily: a time of day.
        days: days of the week, separated by commas.
        time_zone: of the time of day.
        every: a period.
        otherwise: the type of schedule that an option without a value asks for; None when there was none.
    """
    if (daily is not None) + (every is not None) + (otherwise is not None) > 1:
        raise typer.BadParameter(
            "choose one way to schedule the job", param_hint="--daily, --every, --manual, --chained"
        )
    if daily is None and (days is not None or time_zone is not None):
        raise typer.BadParameter("these go with --daily only", param_hint="--days, --time-zone")
    if daily is not None:
        options: Row = {"kind": "Everyday", "time": daily}
        if days is not None:
            options |= {"kind": "SelectedDays", "days": [_weekday(word) for word in days.split(",")]}
        schedule = {"dailyScheduleOptions": options, "timeZone": time_zone or TIME_ZONE_DEFAULT}
        return {"scheduleType": ScheduleType.DAILY, "schedule": schedule}
    if every is not None:
        count, unit = _count_and_unit(every)
        if unit not in _PERIOD_UNITS:
            raise typer.BadParameter(f'"{every}" is not a period; use one such as 15m or 4h', param_hint="--every")
        period = {"kind": _PERIOD_UNITS[unit], "fullPeriod": count}
        return {"scheduleType": ScheduleType.PERIODICALLY, "schedule": {"periodicallyScheduleOptions": period}}
    return {} if otherwise is None else {"scheduleType": otherwise}


def retention_body(keep: str) -> Row:
    """Turn --keep into the members of a job that say how long it keeps its points."""
    count, unit = _count_and_unit(keep)
    if unit == "m":
        text = f'"{keep}" may be minutes or months; write {count}min or {count}months'
        raise typer.BadParameter(text, param_hint="--keep")
    if unit not in _KEEP_UNITS:
        text = f'"{keep}" is not a time; use one such as 90min, 12h, 28d, 6months or 2y'
        raise typer.BadParameter(text, param_hint="--keep")
    return {"retention": count, "retentionUnit": _KEEP_UNITS[unit]}


def describe(job: Row) -> str:
    """Say when a job runs."""
    schedule: Row = job.get("schedule") or {}
    match job["scheduleType"]:
        case ScheduleType.DAILY:
            options = schedule["dailyScheduleOptions"]
            days = {"Everyday": "daily", "WeekDays": "Mon-Fri"}.get(options["kind"])
            days = days or ",".join(day[:3] for day in options["days"])
            return f"{days} {options['time']} {schedule['timeZone']}"
        case ScheduleType.PERIODICALLY:
            options = schedule["periodicallyScheduleOptions"]
            return f"every {options['fullPeriod']} {options['kind'].lower()}"
        case ScheduleType.CHAINED:
            return f"after {schedule['chainingOptions']['previousJobName'] or 'its source job'}"
        case _:
            return "manual"


def _count_and_unit(text: str) -> tuple[int, str]:
    found = _COUNT.match(text)
    return (int(found["count"]), found["unit"].lower()) if found else (0, "")


def _weekday(word: str) -> str:
    text = word.strip().lower()
    for day in Weekday:
        if len(text) >= ABBREVIATION_LENGTH_MIN and day.lower().startswith(text):
            return day.value
    raise typer.BadParameter(f'"{word}" is not a day of the week; use such as Mon,Fri', param_hint="--days")
