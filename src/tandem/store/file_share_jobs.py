"""File share jobs, stored."""

from __future__ import annotations

from sqlalchemy import delete, exists, insert, select

from tandem.domain.errors import Conflict
from tandem.domain.file_share_jobs import FileShareJob
from tandem.domain.identity import Scope
from tandem.domain.jobs import Job, JobObject
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.jobs import instance_first, names_job, objects_of
from tandem.store.listing.collection import Collection
from tandem.store.query import columns_of, fetch_one, visible
from tandem.store.schema.tables import file_share_copy_jobs, file_share_jobs, restore_points

_FILE_SHARE_JOB = select(*columns_of(file_share_jobs.c, FileShareJob))
FILE_SHARE_JOBS = Collection(file_share_jobs, FileShareJob, uid="unique_uid", is_counted=True)
OBJECTS = objects_of(file_share_jobs, file_share_jobs.c.file_share_uid)


def list_file_share_jobs(
    connection: Connection, scope: Scope, query: Query, backup_server_uid: str | None = None
) -> Page[FileShareJob]:
    """List the file share jobs that the caller sees, all or those of one backup server."""
    return FILE_SHARE_JOBS.page(connection, scope, query, backup_server_uid=backup_server_uid)


def get_file_share_job(connection: Connection, scope: Scope, uid: str) -> FileShareJob:
    """Get one file share job by either of its ids; raises NotFound."""
    statement = _FILE_SHARE_JOB.where(visible(file_share_jobs, scope), names_job(file_share_jobs.c, uid))
    statement = statement.order_by(*instance_first(file_share_jobs.c, uid))
    return fetch_one(connection, statement, FileShareJob, noun="file share job", uid=uid)


def list_file_share_job_objects(
    connection: Connection,
    scope: Scope,
    query: Query,
    *,
    backup_server_uid: str | None = None,
    unique_uid: str | None = None,
) -> Page[JobObject]:
    """List what file share jobs protect: all that the caller sees, those of one backup server, or of one job."""
    return OBJECTS.page(connection, scope, query, backup_server_uid=backup_server_uid, unique_uid=unique_uid)


def source_size_of(connection: Connection, unique_uid: str) -> int | None:
    """Get the size of the share at its newest point, in bytes; None before the first."""
    points = restore_points.c
    newest = select(points.size).where(points.job_unique_uid == unique_uid).order_by(points.created_at.desc()).limit(1)
    return connection.scalar(newest)


def file_share_of(connection: Connection, unique_uid: str) -> str:
    """Get the uid of the share that a file share job backs up."""
    statement = select(file_share_jobs.c.file_share_uid).where(file_share_jobs.c.unique_uid == unique_uid)
    return str(connection.execute(statement).scalar_one())


def insert_file_share_job(connection: Connection, job: Job, family: FileShareJob, file_share_uid: str) -> None:
    """Store what a file share job has beside the common part, which is stored first."""
    values = {name: getattr(family, name) for name in FileShareJob.__struct_fields__}
    values |= {
        "backup_server_uid": job.backup_server_uid,
        "organization_uid": job.organization_uid,
        "mapped_organization_uid": job.mapped_organization_uid,
        "file_share_uid": file_share_uid,
    }
    connection.execute(insert(file_share_jobs), values)


def delete_file_share_job(connection: Connection, scope: Scope, unique_uid: str) -> None:
    """Remove a file share job; raises Conflict while a copy job reads from it."""
    is_job = visible(file_share_jobs, scope) & (file_share_jobs.c.unique_uid == unique_uid)
    is_source = file_share_copy_jobs.c.source_job_unique_uid == file_share_jobs.c.unique_uid
    if connection.scalar(select(exists().where(is_job, is_source))):
        raise Conflict("A file share copy job copies from this job; delete the copy job first.")
    connection.execute(delete(file_share_jobs).where(is_job))


def first_job_into(connection: Connection, repository_uid: str) -> str | None:
    """Get the oldest job of this family that writes into a repository: its unique uid."""
    columns = file_share_jobs.c
    into = select(columns.unique_uid).where(columns.target_repository_uid == repository_uid)
    return connection.scalar(into.order_by(columns.position).limit(1))
