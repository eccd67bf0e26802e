"""File share copy jobs, stored."""

from __future__ import annotations

from typing import TypeVar

from sqlalchemy import delete, exists, insert, select

from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.identity import Scope
from tandem.domain.jobs import Job, JobObject
from tandem.domain.listing import Query
from tandem.domain.paging import Page, WrittenPage
from tandem.store.database import Connection
from tandem.store.jobs import instance_first, names_job, objects_of
from tandem.store.listing.collection import Collection, Shape
from tandem.store.listing.documents import Documents
from tandem.store.query import columns_of, fetch_one, visible
from tandem.store.schema.document_tables import file_share_copy_job_documents
from tandem.store.schema.tables import file_share_copy_jobs, file_share_jobs

Row = TypeVar("Row")

_FILE_SHARE_COPY_JOB = select(*columns_of(file_share_copy_jobs.c, FileShareCopyJob))
FILE_SHARE_COPY_JOBS = Collection(
    file_share_copy_jobs,
    FileShareCopyJob,
    columns={
        "source_file_share_job_uid": file_share_copy_jobs.c.source_job_instance_uid,
        "source_file_share_job_unique_uid": file_share_copy_jobs.c.source_job_unique_uid,
    },
    uid="unique_uid",
    documents=Documents(file_share_copy_job_documents),
    is_counted=True,
)
OBJECTS = objects_of(file_share_copy_jobs, file_share_jobs.c.file_share_uid)


def list_file_share_copy_jobs(
    connection: Connection, scope: Scope, query: Query, shape: Shape[Row], backup_server_uid: str | None = None
) -> Page[Row]:
    """List the file share copy jobs that the caller sees, all or those of one backup server."""
    return FILE_SHARE_COPY_JOBS.page_as(shape, connection, scope, query, backup_server_uid=backup_server_uid)


def write_file_share_copy_jobs(
    connection: Connection, scope: Scope, query: Query, form: str, backup_server_uid: str | None = None
) -> WrittenPage:
    """List them as they are answered, in a form of `file_share_copy_job_documents`; without filters and sorts."""
    collection = FILE_SHARE_COPY_JOBS
    return collection.written_page(form, connection, scope, query, backup_server_uid=backup_server_uid)


def get_file_share_copy_job(connection: Connection, scope: Scope, uid: str) -> FileShareCopyJob:
    """Get one file share copy job by either of its ids; raises NotFound."""
    statement = _FILE_SHARE_COPY_JOB.where(
        visible(file_share_copy_jobs, scope), names_job(file_share_copy_jobs.c, uid)
    ).order_by(*instance_first(file_share_copy_jobs.c, uid))
    return fetch_one(connection, statement, FileShareCopyJob, noun="file share copy job", uid=uid)


def list_file_share_copy_job_objects(
    connection: Connection,
    scope: Scope,
    query: Query,
    *,
    backup_server_uid: str | None = None,
    unique_uid: str | None = None,
) -> Page[JobObject]:
    """List what copy jobs protect: all that the caller sees, those of one backup server, or of one job."""
    return OBJECTS.page(connection, scope, query, backup_server_uid=backup_server_uid, unique_uid=unique_uid)


def insert_file_share_copy_job(connection: Connection, job: Job, family: FileShareCopyJob) -> None:
    """Store what a file share copy job has beside the common part, which is stored first."""
    values = {name: getattr(family, name) for name in FileShareCopyJob.__struct_fields__}
    values |= {
        "backup_server_uid": job.backup_server_uid,
        "organization_uid": job.organization_uid,
        "mapped_organization_uid": job.mapped_organization_uid,
    }
    connection.execute(insert(file_share_copy_jobs), values)


def is_copied_to(connection: Connection, source_job_unique_uid: str, repository_uid: str) -> bool:
    """Say whether a file share job is copied to a repository already."""
    copy = file_share_copy_jobs.c
    same = (copy.source_job_unique_uid == source_job_unique_uid) & (copy.target_repository_uid == repository_uid)
    return bool(connection.scalar(select(exists().where(same))))


def delete_file_share_copy_job(connection: Connection, scope: Scope, unique_uid: str) -> None:
    """Remove a file share copy job."""
    is_job = file_share_copy_jobs.c.unique_uid == unique_uid
    connection.execute(delete(file_share_copy_jobs).where(visible(file_share_copy_jobs, scope), is_job))


def first_job_into(connection: Connection, repository_uid: str) -> str | None:
    """Get the oldest job of this family that writes into a repository: its unique uid."""
    columns = file_share_copy_jobs.c
    into = select(columns.unique_uid).where(columns.target_repository_uid == repository_uid)
    return connection.scalar(into.order_by(columns.position).limit(1))
