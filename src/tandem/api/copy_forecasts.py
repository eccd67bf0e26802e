"""Looking ahead at what a copy job takes, over HTTP: one that is there, or one that is about to be made."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import msgspec

from tandem.actions.forecast_copy import CopyForecast, Plan, forecast_copy
from tandem.api.file_share_job_input import RETENTION_DEFAULT
from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.texts import Double, Instant, Int32, Int64, instant_or_none
from tandem.api.retention import PreviewParameters, changed_rule
from tandem.domain.errors import Invalid, NotFound
from tandem.domain.jobs import JobType
from tandem.domain.retention import Retention, RetentionUnit, Rule
from tandem.store import backup_servers, file_share_copy_jobs, file_share_jobs, jobs, repositories, retention

DAYS_DEFAULT = 30
DAYS_MAX = 3650
LIMIT_MAX = 2**31 - 1

Days = Annotated[int, msgspec.Meta(ge=1, le=DAYS_MAX)]
UploadLimit = Annotated[int, msgspec.Meta(ge=1, le=LIMIT_MAX)]


class ForecastParameters(PreviewParameters, rename="camel", kw_only=True):
    """The query: a retention other than the job's, how far to look ahead, and KiB per second other than the limits."""

    days: Days = DAYS_DEFAULT
    upload_limit: UploadLimit | None = None


class NewJobForecastParameters(ForecastParameters, rename="camel", kw_only=True):
    """The query: what the job would be made from."""

    source_file_share_job_uid: UUID
    target_repository_uid: UUID


class CopyForecastView(msgspec.Struct, rename="camel", kw_only=True):
    """What a copy job takes; sizes in bytes, rates in bytes per second. `basis` says what was estimated from what."""

    next_run_points: Int32
    next_run_bytes: Int64
    next_run_seconds: Double | None
    upload_limit: Int32 | None
    measured_rate: Double | None
    points_held: Int32
    bytes_held: Int64
    days: Int32
    points_held_then: Int32
    bytes_held_then: Int64
    points_per_day: Double
    bytes_per_day: Double
    free_space: Int64 | None
    disk_full_time: Instant | None
    basis: list[str]


def get_forecast(call: Call, query: ForecastParameters) -> One[CopyForecastView]:
    """Say what the next run of a copy job copies, and what it holds after some days."""
    with call.reading() as connection:
        job = jobs.get_job(connection, call.scope, call.uid("jobUid"))
        if job.type is not JobType.BACKUP_FILE_COPY:
            raise NotFound.of("file share copy job", call.uid("jobUid"))
        copy = file_share_copy_jobs.get_file_share_copy_job(connection, call.scope, job.unique_uid)
        target_uid = copy.target_repository_uid
        plan = Plan(
            source_job_unique_uid=copy.source_job_unique_uid,
            job_unique_uid=copy.unique_uid,
            target=repositories.get_repository(connection, call.scope, target_uid, job.backup_server_uid),
            rule=_rule(retention.retention_of(connection, call.scope, job).rule, query),
            days=query.days,
            upload_limit=query.upload_limit,
        )
        return One(_view(forecast_copy(connection, call.act, plan), plan))


def get_forecast_of_new_job(call: Call, query: NewJobForecastParameters) -> One[CopyForecastView]:
    """Say what the first run of a copy job would copy that is about to be made, and what it holds after some days."""
    with call.reading() as connection:
        server_uid = call.uid("backupServerUid")
        backup_servers.get_backup_server(connection, call.scope, server_uid)
        source_uid, target_uid = str(query.source_file_share_job_uid), str(query.target_repository_uid)
        with _told_of("sourceFileShareJobUid"):
            source = file_share_jobs.get_file_share_job(connection, call.scope, source_uid)
            job = jobs.get_job(connection, call.scope, source.unique_uid)
            if job.backup_server_uid != server_uid:
                raise NotFound.of("file share job", source_uid)
        with _told_of("targetRepositoryUid"):
            target = repositories.get_repository(connection, call.scope, target_uid, server_uid)
        gfs = retention.retention_of(connection, call.scope, job).rule.gfs
        zone = msgspec.structs.replace(gfs, daily=0, weekly=0, monthly=0, yearly=0)
        present = Rule(Retention(RETENTION_DEFAULT, RetentionUnit.DAYS), zone, target.immutability_interval)
        plan = Plan(
            source_job_unique_uid=source.unique_uid,
            job_unique_uid=None,
            target=target,
            rule=_rule(present, query),
            days=query.days,
            upload_limit=query.upload_limit,
        )
        return One(_view(forecast_copy(connection, call.act, plan), plan))


@contextmanager
def _told_of(parameter: str) -> Generator[None]:
    """Tell by which parameter something was named that is not there for the caller, or not on this backup server."""
    try:
        yield
    except NotFound as error:
        raise Invalid(f"{parameter}: {error.message}", parameter=parameter) from error


def _rule(rule: Rule, query: PreviewParameters) -> Rule:
    names = PreviewParameters.__struct_fields__
    return changed_rule(rule, **{name: getattr(query, name) for name in names})


def _view(forecast: CopyForecast, plan: Plan) -> CopyForecastView:
    return CopyForecastView(
        next_run_points=forecast.run_points,
        next_run_bytes=forecast.run_bytes,
        next_run_seconds=forecast.run_seconds,
        upload_limit=forecast.bandwidth.upload,
        measured_rate=forecast.measured_rate,
        points_held=forecast.held_points,
        bytes_held=forecast.held_bytes,
        days=plan.days,
        points_held_then=forecast.after.points,
        bytes_held_then=forecast.after.size,
        points_per_day=forecast.change.points_per_day,
        bytes_per_day=forecast.change.bytes_per_day,
        free_space=plan.target.free_space,
        disk_full_time=instant_or_none(forecast.full_at),
        basis=forecast.basis,
    )
