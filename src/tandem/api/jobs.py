"""Jobs over HTTP: the part that both kinds have in common."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tandem.actions import change_job
from tandem.api.file_share_job_input import RetryInterval, RetryTimes
from tandem.api.holds import RetentionHoldView, view_holds
from tandem.api.http.answers import Done, Many, One
from tandem.api.http.call import Call
from tandem.api.http.json_patch import JsonPatches, read_patch
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Double, Instant, Int32, Int64, Uid, instant, instant_or_none
from tandem.api.http.words import (
    BackupServerJobBottleneck,
    BackupServerJobRetentionLimitType,
    BackupServerJobScheduleType,
    BackupServerJobStatus,
    BackupServerJobTargetType,
    BackupServerJobType,
)
from tandem.api.schedules import ScheduleView, view_schedule
from tandem.api.session_tasks import SessionTaskView, view_tasks
from tandem.domain.errors import Invalid
from tandem.domain.identity import Scope
from tandem.domain.jobs import Job, JobStatus
from tandem.domain.retention import RetentionUnit
from tandem.store import backup_servers, jobs, sessions
from tandem.store.database import Connection


class JobView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJob. Members that may not be null are left out when there is nothing to say."""

    instance_uid: Uid
    unique_uid: Uid
    name: str
    description: str
    created_by: str
    creation_time: Instant
    backup_server_uid: Uid
    location_uid: Uid
    site_uid: Uid | None = None
    organization_uid: Uid
    mapped_organization_uid: Uid | None
    status: BackupServerJobStatus
    type: BackupServerJobType
    is_enabled: bool
    last_run: Instant | None
    last_end_time: Instant | None
    last_duration: Int32 | None
    processing_rate: Double | None
    avg_duration: Int32 | None
    transferred_data: Int64 | None
    backup_chain_size: Int64 | None
    bottleneck: BackupServerJobBottleneck = BackupServerJobBottleneck.NONE
    schedule_type: BackupServerJobScheduleType
    schedule: ScheduleView | msgspec.UnsetType = msgspec.UNSET
    failure_message: str | None
    target_type: BackupServerJobTargetType = BackupServerJobTargetType.LOCAL
    destination: str
    retention_limit: Int32 | None
    retention_limit_type: BackupServerJobRetentionLimitType
    is_gfs_option_enabled: bool
    last_session_tasks: list[SessionTaskView]
    retry_times: Int32
    retry_interval: Int32
    retention_hold: RetentionHoldView | msgspec.UnsetType = msgspec.UNSET


class JobPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a job."""

    status: Annotated[JobStatus, msgspec.Meta(extra_json_schema={"enum": ["Running", "Stopping"]})]
    is_enabled: bool
    retry_times: RetryTimes
    retry_interval: RetryInterval


class EmbeddedJob(msgspec.Struct, rename="camel"):
    """What `expand=BackupServerJob` fills in."""

    backup_server_job: JobView


JOBS = Resource(JobView, jobs.JOBS)


def list_jobs(call: Call) -> Many[JobView]:
    """List jobs of every backup server, or of the one in the path."""
    query = JOBS.read(call)
    with call.reading() as connection:
        page = jobs.list_jobs(connection, call.scope, query, server_in_path(connection, call))
        views = view_jobs(connection, call, page.rows)
    return Many(page, [views[row.unique_uid] for row in page.rows])


def get_job(call: Call) -> One[JobView]:
    """Get a job by either of its ids."""
    with call.reading() as connection:
        job = jobs.get_job(connection, call.scope, call.uid("jobUid"))
        return One(view_jobs(connection, call, [job])[job.unique_uid])


def patch_job(call: Call, body: JsonPatches) -> One[JobView]:
    """Switch the schedule on or off, start or stop, or change the retries."""
    patch = read_patch(body, JobPatch)

    def decide(connection: Connection, job: Job) -> change_job.JobChanges:
        changes = patch.changes(view_jobs(connection, call, [job])[job.unique_uid])
        status: JobStatus | None = changes.get("status")
        if status not in {None, JobStatus.RUNNING, JobStatus.STOPPING}:
            raise Invalid(f"status: {status} cannot be set; use Running to start or Stopping to stop.", field="status")
        return change_job.JobChanges(
            is_enabled=changes.get("is_enabled"),
            status=status,
            retry_times=changes.get("retry_times"),
            retry_interval=changes.get("retry_interval"),
        )

    job = change_job.patch_job(call.act, call.uid("jobUid"), decide)
    with call.reading() as connection:
        return One(view_jobs(connection, call, [job])[job.unique_uid])


def start_job(call: Call) -> Done:
    """Queue a run."""
    change_job.start_job(call.act, call.uid("jobUid"))
    return Done()


def stop_job(call: Call) -> Done:
    """Queue a stop."""
    change_job.stop_job(call.act, call.uid("jobUid"))
    return Done()


def retry_job(call: Call) -> Done:
    """Queue another run after one that failed."""
    change_job.retry_job(call.act, call.uid("jobUid"))
    return Done()


def delete_job(call: Call) -> Done:
    """Delete a job; its restore points stay."""
    change_job.delete_job(call.act, call.uid("jobUid"))
    return Done()


def server_in_path(connection: Connection, call: Call) -> str | None:
    """Give the backup server that the path names, None where it names none; raises NotFound for a hidden one."""
    if "backupServerUid" not in call.path:
        return None
    return backup_servers.get_backup_server(connection, call.scope, call.uid("backupServerUid")).instance_uid


def embedded_jobs(connection: Connection, call: Call, unique_uids: list[str]) -> dict[str, EmbeddedJob]:
    """Give what `expand=BackupServerJob` fills in, by the job's console id."""
    found = jobs.jobs_by_unique_uid(connection, call.scope, unique_uids)
    views = view_jobs(connection, call, list(found.values()))
    return {uid: EmbeddedJob(view) for uid, view in views.items()}


def view_jobs(connection: Connection, call: Call, rows: list[Job]) -> dict[str, JobView]:
    """Show jobs as the contract does, by console id."""
    previous = _previous_jobs(connection, call.scope, rows)
    tasks = sessions.last_tasks_of(connection, call.scope, [job.unique_uid for job in rows]) if rows else {}
    views = {
        job.unique_uid: _view(
            call, job, previous.get(job.previous_job_unique_uid or ""), view_tasks(tasks.get(job.unique_uid))
        )
        for job in rows
    }
    for uid, hold in view_holds(connection, call, rows).items():
        views[uid].retention_hold = hold
    return views


def _previous_jobs(connection: Connection, scope: Scope, rows: list[Job]) -> dict[str, tuple[str, str]]:
    uids = [job.previous_job_unique_uid for job in rows if job.previous_job_unique_uid]
    found = jobs.jobs_by_unique_uid(connection, scope, uids) if uids else {}
    return {uid: (job.instance_uid, job.name) for uid, job in found.items()}


def _view(call: Call, job: Job, previous: tuple[str, str] | None, tasks: list[SessionTaskView]) -> JobView:
    in_days = job.retention_unit == RetentionUnit.DAYS
    rate = job.transferred_data / job.last_duration if job.transferred_data and job.last_duration else None
    return JobView(
        instance_uid=job.instance_uid,
        unique_uid=job.unique_uid,
        name=job.name,
        description=job.description,
        created_by=job.created_by,
        creation_time=instant(job.creation_time),
        backup_server_uid=job.backup_server_uid,
        location_uid=job.location_uid,
        organization_uid=job.organization_uid,
        mapped_organization_uid=job.mapped_organization_uid,
        status=BackupServerJobStatus(job.status),
        type=BackupServerJobType(job.type),
        is_enabled=job.is_enabled,
        last_run=instant_or_none(job.last_run),
        last_end_time=instant_or_none(job.last_end_time),
        last_duration=job.last_duration,
        processing_rate=rate,
        avg_duration=job.average_duration,
        transferred_data=job.transferred_data,
        backup_chain_size=job.backup_chain_size,
        schedule_type=BackupServerJobScheduleType(job.schedule.type),
        schedule=view_schedule(job, call.context.clock(), previous),
        failure_message=job.failure_message,
        destination=job.destination,
        retention_limit=job.retention if in_days else None,
        retention_limit_type=BackupServerJobRetentionLimitType("Days" if in_days else "None"),
        is_gfs_option_enabled=job.is_gfs_option_enabled,
        last_session_tasks=tasks,
        retry_times=job.retry_times,
        retry_interval=job.retry_interval,
    )
