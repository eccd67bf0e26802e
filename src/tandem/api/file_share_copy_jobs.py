"""File share copy jobs over HTTP, in the oldest form and the current one. The heart of the API is `list_…` here."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from tandem.actions import create_job
from tandem.api.bodies import read_body
from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, single
from tandem.api.file_share_job_input import FileShareCopyJobInput, read_job
from tandem.api.job_objects import view_file_share_copy_job_object
from tandem.api.jobs import EmbeddedJob, embedded_jobs, server_in_path
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.retention import RetentionUnit
from tandem.store import file_share_copy_jobs
from tandem.store.listing import Shape


class OldestFileShareCopyJob(msgspec.Struct, rename="camel"):
    """The form of the oldest release: five members, lower-case units."""

    instance_uid: str
    source_file_share_job_uid: str
    target_repository_uid: str
    retention: int
    retention_unit: str


class FileShareCopyJobView(msgspec.Struct, rename="camel"):
    """The contract's current BackupServerFileShareCopyJob; `sourceSize` in bytes."""

    instance_uid: str
    unique_uid: str
    source_file_share_job_uid: str
    source_file_share_job_unique_uid: str
    target_repository_uid: str
    retention: int
    retention_unit: str
    source_size: int | None
    embedded: EmbeddedJob | None = msgspec.field(name="_embedded", default=None)


def list_file_share_copy_jobs(call: Call) -> Response:
    """List file share copy jobs of every backup server, or of the one in the path."""
    if call.is_oldest_form:
        return _list(call, _OLDEST)
    refuse_unserved_parameters(call)
    return _list(call, _CURRENT, expand=call.expands("BackupServerJob"))


def get_file_share_copy_job(call: Call) -> Response:
    """Get a file share copy job by either of its ids."""
    with call.reading() as connection:
        found = file_share_copy_jobs.get_file_share_copy_job(connection, call.scope, call.uid("jobUid"))
    return single(_view(call, found))


def create_file_share_copy_job(call: Call) -> Response:
    """Create a file share copy job."""
    body = read_body(call, FileShareCopyJobInput)
    server_uid = call.uid("backupServerUid")
    source_uid = str(body.source_file_share_job_uid)
    made = create_job.create_file_share_copy_job(call.act, server_uid, read_job(body), source_job_uid=source_uid)
    return single(_view(call, made))


def list_objects(call: Call) -> Response:
    """List what copy jobs protect: of all, of the backup server or of the job in the path."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        unique_uid = None
        if "jobUid" in call.path:
            uid = call.uid("jobUid")
            unique_uid = file_share_copy_jobs.get_file_share_copy_job(connection, call.scope, uid).unique_uid
        page = file_share_copy_jobs.list_file_share_copy_job_objects(
            connection,
            call.scope,
            call.window(),
            backup_server_uid=server_in_path(connection, call),
            unique_uid=unique_uid,
        )
    return collection(page, [view_file_share_copy_job_object(row) for row in page.rows])


def view_oldest(job: FileShareCopyJob) -> OldestFileShareCopyJob:
    """Show a copy job as the oldest page does."""
    return _OLDEST.make(*(getattr(job, name) for name in _OLDEST.columns))


def view_current(job: FileShareCopyJob) -> FileShareCopyJobView:
    """Show a copy job as the current contract does."""
    return _CURRENT.make(*(getattr(job, name) for name in _CURRENT.columns))


def _list(call: Call, shape: Shape[Any], *, expand: bool = False) -> Response:
    with call.reading() as connection:
        server_uid = server_in_path(connection, call)
        page = file_share_copy_jobs.list_file_share_copy_jobs(connection, call.scope, call.window(), shape, server_uid)
        if expand and page.rows:
            embedded = embedded_jobs(connection, call, [view.unique_uid for view in page.rows])
            for view in page.rows:
                view.embedded = embedded.get(view.unique_uid)
    return collection(page, page.rows)


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
    ),
    FileShareCopyJobView,
)


def _view(call: Call, job: FileShareCopyJob) -> OldestFileShareCopyJob | FileShareCopyJobView:
    return view_oldest(job) if call.is_oldest_form else view_current(job)
