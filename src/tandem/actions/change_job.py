"""Starting, stopping, switching and deleting jobs; what starts here is queued for the agent, not done."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tandem.actions.ask_agent import START_LIFETIME, require_connected
from tandem.actions.context import Act
from tandem.domain.activity_log import ActivityType
from tandem.domain.errors import Conflict, Forbidden
from tandem.domain.jobs import Job, JobStatus, JobType
from tandem.domain.retries import check_retries
from tandem.protocol.messages import Order, StartJob, StopJob
from tandem.store import activity_log, agent_commands, backup_servers, file_share_copy_jobs, file_share_jobs, jobs
from tandem.store.database import Connection


def start_job(act: Act, uid: str) -> Job:
    """Queue a run of a job.

    Raises:
        NotFound: if the job is not there for the caller.
        Forbidden: if it is assigned to a company, and the caller does not see its backup server and repository too.
        Conflict: if it is running or about to.
        Unavailable: if its agent is away.
    """
    with act.context.database.writing() as connection:
        job = changeable(connection, act, uid)
        return _start(connection, act, job, "StartBackupServerJob")


def retry_job(act: Act, uid: str) -> Job:
    """Queue another run of a job whose last one failed; raises as `start_job`, and Conflict if it did not fail."""
    with act.context.database.writing() as connection:
        job = changeable(connection, act, uid)
        if job.status not in {JobStatus.FAILED, JobStatus.WARNING}:
            raise Conflict(f"The job {job.name} has the status {job.status}; only Failed or Warning can be retried.")
        return _start(connection, act, job, "RetryBackupServerJob")


def stop_job(act: Act, uid: str) -> Job:
    """Queue the stop of a running job; raises as `start_job`, and Conflict if it is not running."""
    with act.context.database.writing() as connection:
        job = changeable(connection, act, uid)
        if not job.status.is_active:
            raise Conflict(f"The job {job.name} is not running; its status is {job.status}.")
        _order(connection, act, job, StopJob(job_uid=job.instance_uid))
        log_job(connection, act, job, "StopBackupServerJob")
        jobs.move_job(connection, act.caller.scope, job.unique_uid, old=job.status, new=JobStatus.STOPPING)
        return jobs.get_job(connection, act.caller.scope, job.unique_uid)


class JobChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change at a job; None stays."""

    is_enabled: bool | None = None
    status: JobStatus | None = None
    retry_times: int | None = None
    retry_interval: int | None = None


def patch_job(act: Act, uid: str, decide: Callable[[Connection, Job], JobChanges]) -> Job:
    """Change the schedule switch, the retries, the status (Running starts, Stopping stops), or all; all or nothing.

    Args:
        act: by whom.
        uid: either of the job's ids.
        decide: says what is to change at the job as it is; what it raises ends the action.

    Raises as `start_job` and `stop_job`.
    """
    with act.context.database.writing() as connection:
        job = changeable(connection, act, uid)
        changes = decide(connection, job)
        is_enabled, status = changes.is_enabled, changes.status
        if is_enabled is not None:
            backup_servers.bump_revision(connection, job.backup_server_uid)
            jobs.set_job_enabled(connection, act.caller.scope, job.unique_uid, is_enabled=is_enabled)
            switched = ActivityType.BACKUP_JOB_ENABLED if is_enabled else ActivityType.BACKUP_JOB_DISABLED
            log_job(connection, act, job, "PatchBackupServerJob", switched)
        if changes.retry_times is not None or changes.retry_interval is not None:
            _set_retries(connection, act, job, changes)
        if status is JobStatus.RUNNING:
            _start(connection, act, job, "PatchBackupServerJob", ActivityType.BACKUP_JOB_STARTED)
        if status is JobStatus.STOPPING:
            if not job.status.is_active:
                raise Conflict(f"The job {job.name} is not running; its status is {job.status}.")
            _order(connection, act, job, StopJob(job_uid=job.instance_uid))
            log_job(connection, act, job, "PatchBackupServerJob", ActivityType.BACKUP_JOB_STOPPED)
            jobs.move_job(connection, act.caller.scope, job.unique_uid, old=job.status, new=JobStatus.STOPPING)
        return jobs.get_job(connection, act.caller.scope, job.unique_uid)


def delete_job(act: Act, uid: str) -> None:
    """Delete a job; what it backed up stays, and stays restorable.

    Raises:
        NotFound: if the job is not there for the caller.
        Forbidden: as `start_job`.
        Conflict: if it is running, or a copy job reads from it.
    """
    with act.context.database.writing() as connection:
        backup_servers.bump_revision(connection, changeable(connection, act, uid).backup_server_uid)
        job = changeable(connection, act, uid)
        if job.status.is_active:
            raise Conflict(f"The job {job.name} is running; stop it first.")
        if job.type is JobType.BACKUP_FILE:
            file_share_jobs.delete_file_share_job(connection, act.caller.scope, job.unique_uid)
        else:
            file_share_copy_jobs.delete_file_share_copy_job(connection, act.caller.scope, job.unique_uid)
        jobs.mark_job_deleted(connection, act.caller.scope, job.unique_uid, act.now)
        log_job(connection, act, job, "DeleteBackupServerJob")


def expire_orders(connection: Connection, commands: list[tuple[str, Order]]) -> None:
    """Note at their jobs that starts and stops were not taken by an agent in time."""
    for server_uid, order in commands:
        if isinstance(order, StartJob):
            failure = "The agent of the backup server did not take the order to start in time."
            jobs.fail_start(connection, server_uid, order.job_uid, old=JobStatus.STARTING, failure=failure)
        if isinstance(order, StopJob):
            failure = "The agent of the backup server took neither the order to start nor the one to stop in time."
            jobs.give_up_stop(connection, server_uid, order.job_uid, failure)


def log_job(
    connection: Connection, act: Act, job: Job, activity: str, kind: ActivityType | None = None, *, more: str = ""
) -> None:
    """Write down what was done to a job, for those whose it is.

    Args:
        connection: the transaction of the action.
        act: who does it.
        job: what it is done to.
        activity: the operation's id.
        kind: the type, where the operation alone does not say it.
        more: what to tell after the job's name.
    """
    activity_log.record_activity(
        connection,
        act.caller,
        activity,
        type=kind,
        object_uid=job.unique_uid,
        object_organization_uid=job.mapped_organization_uid or job.organization_uid,
        detail=" ".join(filter(None, (job.name, more))),
        now=act.now,
    )


def changeable(connection: Connection, act: Act, uid: str) -> Job:
    """Get a job that the caller may change; raises NotFound and, of one that is only shown to him, Forbidden."""
    job = jobs.get_job(connection, act.caller.scope, uid)
    if not jobs.is_job_wholly_visible(connection, act.caller.scope, job.unique_uid):
        text = f"The job {job.name} is assigned to a company, but runs on another's backup server or into another's"
        raise Forbidden(f"{text} repository: you may look at it; ask your service provider to change it.")
    return job


def _set_retries(connection: Connection, act: Act, job: Job, changes: JobChanges) -> None:
    times = job.retry_times if changes.retry_times is None else changes.retry_times
    interval = job.retry_interval if changes.retry_interval is None else changes.retry_interval
    check_retries(times, interval)
    backup_servers.bump_revision(connection, job.backup_server_uid)
    jobs.set_job_retries(connection, act.caller.scope, job.unique_uid, times, interval)
    log_job(connection, act, job, "PatchBackupServerJob")


def _start(connection: Connection, act: Act, job: Job, activity: str, kind: ActivityType | None = None) -> Job:
    if job.status.is_active:
        raise Conflict(f"The job {job.name} is running already; its status is {job.status}.")
    _order(connection, act, job, StartJob(job_uid=job.instance_uid))
    log_job(connection, act, job, activity, kind)
    if not jobs.move_job(connection, act.caller.scope, job.unique_uid, old=job.status, new=JobStatus.STARTING):
        raise Conflict(f"The job {job.name} was started by someone else.")
    return jobs.get_job(connection, act.caller.scope, job.unique_uid)


def _order(connection: Connection, act: Act, job: Job, order: Order) -> None:
    server = backup_servers.get_server_of_job(connection, job.backup_server_uid)
    require_connected(act.context, server)
    expires_at = act.now + START_LIFETIME
    agent_commands.insert_command(connection, server.instance_uid, order, now=act.now, expires_at=expires_at)
