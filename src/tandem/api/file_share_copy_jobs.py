"""File share copy jobs over HTTP, in the oldest form and the current one. The heart of the API is `list_…` here."""

from __future__ import annotations

from typing import Any

import msgspec

from tandem.actions import create_job
from tandem.api.file_share_job_input import FileShareCopyJobInput, read_job
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.envelope import is_shown_whole
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Int32, Int64, Uid
from tandem.api.job_objects import FileShareCopyJobObjectView, view_file_share_copy_job_object
from tandem.api.jobs import EmbeddedJob, embedded_jobs, server_in_path
from tandem.api.repositories import read_repository
from tandem.domain.errors import Invalid
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.listing import Query
from tandem.domain.retention import RetentionUnit
from tandem.store import file_share_copy_jobs
from tandem.store.listing.collection import Shape


class OldestFileShareCopyJob(msgspec.Struct, rename="camel"):
    """The form of the oldest release: five members, lower-case units."""

    instance_uid: Uid
    source_file_share_job_uid: Uid
    target_repository_uid: Uid
    retention: Int32
    retention_unit: str


class FileShareCopyJobView(msgspec.Struct, rename="camel"):
    """The contract's BackupServerFileShareCopyJob in its current form; `sourceSize` in bytes.

    The four `gfs…` are ours: of how many days, weeks, months and years one point is kept beside the retention.
    """

    instance_uid: Uid
    unique_uid: Uid
    source_file_share_job_uid: Uid
    source_file_share_job_unique_uid: Uid
    target_repository_uid: Uid
    retention: Int32
    retention_unit: RetentionUnit
    source_size: Int64 | None
    gfs_daily: Int32
    gfs_weekly: Int32
    gfs_monthly: Int32
    gfs_yearly: Int32
    embedded: EmbeddedJob | None = msgspec.field(name="_embedded", default=None)


FILE_SHARE_COPY_JOBS = Resource(FileShareCopyJobView, file_share_copy_jobs.FILE_SHARE_COPY_JOBS)
OBJECTS = Resource(FileShareCopyJobObjectView, file_share_copy_jobs.OBJECTS)


def list_file_share_copy_jobs(call: Call) -> Many[OldestFileShareCopyJob | FileShareCopyJobView]:
    """List file share copy jobs of every backup server, or of the one in the path."""
    query = FILE_SHARE_COPY_JOBS.read(call)
    if call.is_oldest_form:
        # That no member is null, and no word new, it has in common with all releases.
        is_ready = query.is_plain and not call.parameter("select")
        return _write(call, query, "oldest_form") if is_ready else _list(call, query, _OLDEST)
    expand = call.expands("BackupServerJob")
    if query.is_plain and not expand and is_shown_whole(call):
        return _write(call, query, "current_form")
    return _list(call, query, _CURRENT, expand=expand)


def get_file_share_copy_job(call: Call) -> One[OldestFileShareCopyJob | FileShareCopyJobView]:
    """Get a file share copy job by either of its ids."""
    with call.reading() as connection:
        found = file_share_copy_jobs.get_file_share_copy_job(connection, call.scope, call.uid("jobUid"))
    return One(view_file_share_copy_job(call, found))


def create_file_share_copy_job(
    call: Call, body: FileShareCopyJobInput
) -> One[OldestFileShareCopyJob | FileShareCopyJobView]:
    """Create a file share copy job."""
    server_uid = call.uid("backupServerUid")
    source_uid = str(body.source_file_share_job_uid)
    target = body.target_repository
    if (target is None) is (body.target_repository_uid is None):
        text = "targetRepositoryUid: give this, or targetRepository for one that is to be made; one of the two."
        raise Invalid(text, field="targetRepositoryUid")
    if target is not None:
        made = create_job.create_copy_and_repository(
            call.act,
            server_uid,
            read_job(body),
            source_job_uid=source_uid,
            target=create_job.NewTarget(
                read_repository(target), is_encryption_inherited=target.is_encryption_inherited
            ),
        )
        return One(view_file_share_copy_job(call, made))
    made = create_job.create_file_share_copy_job(call.act, server_uid, read_job(body), source_job_uid=source_uid)
    return One(view_file_share_copy_job(call, made))


def list_objects(call: Call) -> Many[FileShareCopyJobObjectView]:
    """List what copy jobs protect: of all, of the backup server or of the job in the path."""
    query = OBJECTS.read(call)
    with call.reading() as connection:
        unique_uid = None
        if "jobUid" in call.path:
            uid = call.uid("jobUid")
            unique_uid = file_share_copy_jobs.get_file_share_copy_job(connection, call.scope, uid).unique_uid
        page = file_share_copy_jobs.list_file_share_copy_job_objects(
            connection,
            call.scope,
            query,
            backup_server_uid=server_in_path(connection, call),
            unique_uid=unique_uid,
        )
    return Many(page, [view_file_share_copy_job_object(row) for row in page.rows])


def view_oldest(job: FileShareCopyJob) -> OldestFileShareCopyJob:
    """Show a copy job as the oldest page does."""
    return _OLDEST.make(*(getattr(job, name) for name in _OLDEST.columns))


def view_current(job: FileShareCopyJob) -> FileShareCopyJobView:
    """Show a copy job as the current contract does."""
    return _CURRENT.make(*(getattr(job, name) for name in _CURRENT.columns))


def _write(call: Call, query: Query, form: str) -> Many[Any]:
    with call.reading() as connection:
        server_uid = server_in_path(connection, call)
        return Many(file_share_copy_jobs.write_file_share_copy_jobs(connection, call.scope, query, form, server_uid))


def _list(call: Call, query: Query, shape: Shape[Any], *, expand: bool = False) -> Many[Any]:
    with call.reading() as connection:
        server_uid = server_in_path(connection, call)
        page = file_share_copy_jobs.list_file_share_copy_jobs(connection, call.scope, query, shape, server_uid)
        if expand and page.rows:
            embedded = embedded_jobs(connection, call, [view.unique_uid for view in page.rows])
            for view in page.rows:
                view.embedded = embedded.get(view.unique_uid)
    return Many(page, page.rows)


def _make_oldest(
    instance_uid: str, source_uid: str, target_uid: str, retention: int, unit: RetentionUnit
) -> OldestFileShareCopyJob:
    return OldestFileShareCopyJob(instance_uid, source_uid, target_uid, retention, _OLDEST_UNITS[unit])


_OLDEST_UNITS = {unit: unit.lower() for unit in RetentionUnit}
_OLDEST = Shape(
    ("instance_uid", "source_job_instance_uid", "target_repository_uid", "retention", "retention_unit"), _make_oldest
)
_CURRENT = Shape(
    (
        "instance_uid",
        "unique_uid",
        "source_job_instance_uid",
        "source_job_unique_uid",
        "target_repository_uid",
        "retention",
        "retention_unit",
        "source_size",
        "gfs_daily",
        "gfs_weekly",
        "gfs_monthly",
        "gfs_yearly",
    ),
    FileShareCopyJobView,
)


def view_file_share_copy_job(call: Call, job: FileShareCopyJob) -> OldestFileShareCopyJob | FileShareCopyJobView:
    """Show a copy job in the form that the client reads."""
    return view_oldest(job) if call.is_oldest_form else view_current(job)
