"""The common part of jobs, stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, Table, case, exists, func, insert, or_, select, update
from sqlalchemy import cast as sql_cast

from tandem.domain.identity import Scope
from tandem.domain.jobs import Job, JobObject, JobStatus
from tandem.domain.listing import Collation, Query, collated
from tandem.domain.paging import Page
from tandem.domain.retention import RetentionUnit
from tandem.domain.sessions import RUNS, SessionState
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import columns_of, fetch_one, records, visible, visible_one_by_one
from tandem.store.schema.tables import (
    backup_repositories,
    backup_servers,
    file_share_copy_jobs,
    file_share_jobs,
    file_shares,
    jobs,
    sessions,
)

_JOB = select(*columns_of(jobs.c, Job))
LIVE = jobs.c.deleted_at.is_(None)
_IN_DAYS = jobs.c.retention_unit == RetentionUnit.DAYS
JOBS = Collection(
    jobs,
    Job,
    columns={
        "processing_rate": sql_cast(jobs.c.transferred_data, Float) / func.nullif(jobs.c.last_duration, 0),
        "avg_duration": jobs.c.average_duration,
        "retention_limit": case((_IN_DAYS, jobs.c.retention)),
        "retention_limit_type": case((_IN_DAYS, "Days"), else_="None"),
    },
    folded={"name": jobs.c.name_key},
    where=[LIVE],
    uid="unique_uid",
    is_counted=True,
)

# The contract's word for how the last session went, as it is shown too.
_BACKUP_STATUS = case(
    (sessions.c.state == SessionState.SUCCESS, "Success"),
    (sessions.c.state == SessionState.FAILED, "Failed"),
    (or_(sessions.c.state == SessionState.WARNING, sessions.c.state == SessionState.SKIPPED), "Warning"),
    (sessions.c.state.is_not(None), "Running"),
)


def list_jobs(connection: Connection, scope: Scope, query: Query, backup_server_uid: str | None = None) -> Page[Job]:
    """List the jobs that the caller sees, all or those of one backup server."""
    return JOBS.page(connection, scope, query, backup_server_uid=backup_server_uid)


def get_job(connection: Connection, scope: Scope, uid: str) -> Job:
    """Get one job by its id at the backup server or, failing that, in the console; raises NotFound."""
    statement = _JOB.where(visible(jobs, scope), LIVE, names_job(jobs.c, uid)).order_by(*instance_first(jobs.c, uid))
    return fetch_one(connection, statement, Job, noun="job", uid=uid)


def names_job(columns: Any, uid: str) -> ColumnElement[bool]:
    """Give the condition that a uid means a job, by either of its ids."""
    return or_(columns.instance_uid == uid, columns.unique_uid == uid)


def instance_first(columns: Any, uid: str) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    """Give the order in which a uid that means two jobs is read: by the backup server's id first."""
    return case((columns.instance_uid == uid, 0), else_=1), columns.position


def jobs_by_unique_uid(connection: Connection, scope: Scope, uids: list[str]) -> dict[str, Job]:
    """Get several jobs at once, those that the caller sees."""
    statement = _JOB.where(visible_one_by_one(jobs, scope), LIVE, jobs.c.unique_uid.in_(uids))
    return {job.unique_uid: job for job in records(connection, statement, Job)}


def is_job_name_taken(connection: Connection, backup_server_uid: str, name: str) -> bool:
    """Say whether a job of a backup server has this name."""
    same = (jobs.c.backup_server_uid == backup_server_uid) & (jobs.c.name == name) & LIVE
    return bool(connection.scalar(select(exists().where(same))))


def insert_job(connection: Connection, job: Job) -> None:
    """Store the common part of a new job."""
    values = {name: getattr(job, name) for name in Job.__struct_fields__}
    values |= {"name_key": collated(job.name, Collation.IGNORECASE), "schedule_type": job.schedule.type}
    connection.execute(insert(jobs), values)


def set_job_enabled(connection: Connection, scope: Scope, unique_uid: str, *, is_enabled: bool) -> None:
    """Switch a job's schedule on or off."""
    statement = update(jobs).where(visible(jobs, scope), jobs.c.unique_uid == unique_uid)
    connection.execute(statement.values(is_enabled=is_enabled))


def set_job_retries(connection: Connection, scope: Scope, unique_uid: str, times: int, interval: int) -> None:
    """Change how often a run that failed is tried again, and how many minutes later."""
    statement = update(jobs).where(visible(jobs, scope), jobs.c.unique_uid == unique_uid)
    connection.execute(statement.values(retry_times=times, retry_interval=interval))


def move_job(connection: Connection, scope: Scope, unique_uid: str, *, old: JobStatus, new: JobStatus) -> bool:
    """Change a job's status if it still is what the caller saw; False if it is not."""
    statement = update(jobs).where(visible(jobs, scope), jobs.c.unique_uid == unique_uid, jobs.c.status == old)
    return connection.execute(statement.values(status=new)).rowcount == 1


def is_job_wholly_visible(connection: Connection, scope: Scope, unique_uid: str) -> bool:
    """Say whether the caller sees, beside a job, the machine that it runs on and the repository that it writes to."""
    target = func.coalesce(file_share_jobs.c.target_repository_uid, file_share_copy_jobs.c.target_repository_uid)
    joined = (
        jobs.join(backup_servers, backup_servers.c.instance_uid == jobs.c.backup_server_uid)
        .outerjoin(file_share_jobs, file_share_jobs.c.unique_uid == jobs.c.unique_uid)
        .outerjoin(file_share_copy_jobs, file_share_copy_jobs.c.unique_uid == jobs.c.unique_uid)
        .join(backup_repositories, backup_repositories.c.instance_uid == target)
    )
    seen = [visible(table, scope) for table in (jobs, backup_servers, backup_repositories)]
    statement = select(jobs.c.unique_uid).select_from(joined).where(*seen, jobs.c.unique_uid == unique_uid)
    return connection.execute(statement).first() is not None


def map_job(connection: Connection, scope: Scope, unique_uid: str, organization_uid: str | None) -> None:
    """Assign a job to a company, or to none: in the common part and in its family's, which repeats it."""
    for table in (jobs, file_share_jobs, file_share_copy_jobs):
        statement = update(table).where(visible(table, scope), table.c.unique_uid == unique_uid)
        connection.execute(statement.values(mapped_organization_uid=organization_uid))


def fail_start(connection: Connection, backup_server_uid: str, job_uid: str, *, old: JobStatus, failure: str) -> None:
    """Note that a job which was to start did not, unless it has moved on since."""
    is_job = (jobs.c.instance_uid == job_uid) & (jobs.c.backup_server_uid == backup_server_uid)
    statement = update(jobs).where(is_job, jobs.c.status == old)
    connection.execute(statement.values(status=JobStatus.FAILED, failure_message=failure))


def give_up_stop(connection: Connection, backup_server_uid: str, job_uid: str, failure: str) -> None:
    """Note that a job which was to stop was not told: it goes on running, or, if it never began, has failed."""
    is_job = (jobs.c.instance_uid == job_uid) & (jobs.c.backup_server_uid == backup_server_uid)
    is_stopping = is_job & (jobs.c.status == JobStatus.STOPPING)
    is_run = (sessions.c.job_unique_uid == jobs.c.unique_uid) & sessions.c.type.in_(RUNS)
    is_running = exists().where(is_run, sessions.c.ended_at.is_(None))
    connection.execute(update(jobs).where(is_stopping, is_running).values(status=JobStatus.RUNNING))
    connection.execute(update(jobs).where(is_stopping).values(status=JobStatus.FAILED, failure_message=failure))


def mark_job_deleted(connection: Connection, scope: Scope, unique_uid: str, now: datetime) -> None:
    """Take a job out of every list; its restore points stay."""
    statement = update(jobs).where(visible(jobs, scope), jobs.c.unique_uid == unique_uid)
    connection.execute(statement.values(deleted_at=now))


def objects_of(family: Table, share_link: ColumnElement[str]) -> Collection[JobObject]:
    """Give the collection of what the jobs of a family protect, with the last session of each.

    Args:
        family: `file_share_jobs` or `file_share_copy_jobs`.
        share_link: the family's joined column that holds the share's uid.
    """
    columns: dict[str, Any] = {
        "job_uid": family.c.instance_uid,
        "unique_job_uid": family.c.unique_uid,
        "file_share_uid": file_shares.c.instance_uid,
        "name": file_shares.c.name,
        "path": file_shares.c.path,
        "inclusion_masks": file_shares.c.inclusion_masks,
        "exclusion_masks": file_shares.c.exclusion_masks,
    }
    columns |= {name: sessions.c[name] for name in ("state", "statistics", "started_at", "ended_at", "messages")}
    columns |= {
        "last_session_backup_status": _BACKUP_STATUS,
        "last_session_start_time": sessions.c.started_at,
        "last_session_end_time": sessions.c.ended_at,
    }
    joined = jobs.join(family, family.c.unique_uid == jobs.c.unique_uid)
    if family is file_share_copy_jobs:
        joined = joined.join(file_share_jobs, file_share_jobs.c.unique_uid == family.c.source_job_unique_uid)
    joined = joined.join(file_shares, file_shares.c.instance_uid == share_link)
    joined = joined.outerjoin(sessions, sessions.c.instance_uid == jobs.c.last_session_uid)
    return Collection(family, JobObject, source=joined, columns=columns, uid="unique_uid")


def get_job_of_repository(connection: Connection, unique_uid: str) -> Job:
    """Get the job whose session the work on a repository is; the caller sees the repository."""
    statement = select(*columns_of(jobs.c, Job)).where(jobs.c.unique_uid == unique_uid)
    return fetch_one(connection, statement, Job, noun="job", uid=unique_uid)


def share_of_job(connection: Connection, unique_uid: str) -> str | None:
    """Get the share that a job is about, whichever kind it is."""
    copied = select(file_share_copy_jobs.c.source_job_unique_uid).where(file_share_copy_jobs.c.unique_uid == unique_uid)
    is_job = (file_share_jobs.c.unique_uid == unique_uid) | file_share_jobs.c.unique_uid.in_(copied)
    return connection.scalar(select(file_share_jobs.c.file_share_uid).where(is_job))
