"""Limits of backup servers and repositories over HTTP: an extension, in the contract's words where it has some."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from tandem.actions import change_limits
from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.json_patch import JsonPatches, read_patch
from tandem.domain.limits import HOURS_A_DAY, PARALLEL_MAX, RATE_MAX, AllowedHours, Limits, TimePeriod
from tandem.domain.schedule import Weekday
from tandem.store import limits as stored

Hour = Annotated[int, msgspec.Meta(ge=0, le=HOURS_A_DAY - 1)]
Rate = Annotated[int, msgspec.Meta(ge=1, le=RATE_MAX, extra_json_schema={"format": "int32"})]
Count = Annotated[int, msgspec.Meta(ge=1, le=PARALLEL_MAX, extra_json_schema={"format": "int32"})]
PERIODS_MAX = 50


class AllowedPeriod(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Hours of one day of the week, in the contract's form of a time period; 22 is from 22:00 to 23:00."""

    day: Weekday
    hours: Annotated[list[Hour], msgspec.Meta(max_length=HOURS_A_DAY)]


class WindowView(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """Allowed hours, in the contract's form of a backup window; whether runs are stopped at their end."""

    time_periods: Annotated[list[AllowedPeriod], msgspec.Meta(max_length=PERIODS_MAX)]
    time_zone: str = "UTC"
    stop_at_end: bool = False


class LimitsView(msgspec.Struct, rename="camel", kw_only=True):
    """What a backup server or a repository bears; null is without limit. Rates in KiB per second, of all runs."""

    max_concurrent_task: Count | None
    upload_limit: Rate | None
    download_limit: Rate | None
    backup_window_options: WindowView | None


class LimitsPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of limits: all of them."""

    max_concurrent_task: Count | None
    upload_limit: Rate | None
    download_limit: Rate | None
    backup_window_options: WindowView | None


def get_limits(call: Call) -> One[LimitsView]:
    """Get the limits of a backup server, or of the repository in the path."""
    with call.reading() as connection:
        server_uid, repository_uid = _place(call)
        return One(_view(stored.get_limits(connection, call.scope, server_uid, repository_uid)))


def patch_limits(call: Call, body: JsonPatches) -> One[LimitsView]:
    """Change the limits of a backup server, or of the repository in the path."""
    patch = read_patch(body, LimitsPatch)

    def decide(current: Limits) -> Limits:
        changes = {_FIELDS[name]: value for name, value in patch.changes(_view(current)).items()}
        if changes.get("hours") is not None:
            changes["hours"] = _hours(changes["hours"])
        return msgspec.structs.replace(current, **changes)

    server_uid, repository_uid = _place(call)
    return One(_view(change_limits.change_limits(call.act, server_uid, repository_uid, decide)))


_FIELDS = {
    "max_concurrent_task": "parallel_runs",
    "upload_limit": "upload",
    "download_limit": "download",
    "backup_window_options": "hours",
}


def _place(call: Call) -> tuple[str, str | None]:
    return call.uid("backupServerUid"), call.uid("repositoryUid") if "repositoryUid" in call.path else None


def _hours(window: Any) -> AllowedHours:
    periods = tuple(TimePeriod(period.day, tuple(sorted(set(period.hours)))) for period in window.time_periods)
    return AllowedHours(periods=periods, time_zone=window.time_zone, stop_at_end=window.stop_at_end)


def _view(limits: Limits) -> LimitsView:
    window = None
    if limits.hours is not None:
        window = WindowView(
            time_periods=[AllowedPeriod(day=period.day, hours=list(period.hours)) for period in limits.hours.periods],
            time_zone=limits.hours.time_zone,
            stop_at_end=limits.hours.stop_at_end,
        )
    return LimitsView(
        max_concurrent_task=limits.parallel_runs,
        upload_limit=limits.upload,
        download_limit=limits.download,
        backup_window_options=window,
    )
