"""File share jobs over HTTP, in the oldest form and the current one."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from tandem.actions import create_job
from tandem.api.bodies import read_body
from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, single
from tandem.api.file_share_job_input import FileShareJobInput, read_job
from tandem.api.job_objects import view_file_share_job_object
from tandem.api.jobs import EmbeddedJob, embedded_jobs, server_in_path
from tandem.domain.file_share_jobs import FileShareJob
from tandem.store import file_share_jobs


class OldestFileShareJob(msgspec.Struct, rename="camel"):
    """The form of the oldest release: lower-case units."""

    instance_uid: str
    target_repository_uid: str
    archive_repository_uid: str | None
    retention: int
    retention_unit: str
    is_archive_retention_enabled: bool
    archive_retention: int
    archive_retention_unit: str


class FileShareJobView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's current BackupServerFileShareJob; there is no archive."""

    instance_uid: str
    unique_uid: str
    target_repository_uid: str
    archive_repository_uid: str | None = None
    retention: int
    retention_unit: str
    is_archive_retention_enabled: bool = False
    archive_retention: int = 0
    archive_retention_unit: str = "Days"
    embedded: EmbeddedJob | None = msgspec.field(name="_embedded", default=None)


def list_file_share_jobs(call: Call) -> Response:
    """List file share jobs of every backup server, or of the one in the path."""
    with call.reading() as connection:
        if call.is_oldest_form:
            server_uid = server_in_path(connection, call)
            page = file_share_jobs.list_file_share_jobs(connection, call.scope, call.window(), server_uid)
            return collection(page, [view_oldest(row) for row in page.rows])
        refuse_unserved_parameters(call)
        expand = call.expands("BackupServerJob")
        server_uid = server_in_path(connection, call)
        page = file_share_jobs.list_file_share_jobs(connection, call.scope, call.window(), server_uid)
        uids = [row.unique_uid for row in page.rows] if expand else []
        embedded = embedded_jobs(connection, call, uids) if uids else {}
    return collection(page, [view_current(row, embedded.get(row.unique_uid)) for row in page.rows])


def get_file_share_job(call: Call) -> Response:
    """Get a file share job by either of its ids."""
    with call.reading() as connection:
        return single(_view(call, file_share_jobs.get_file_share_job(connection, call.scope, call.uid("jobUid"))))


def create_file_share_job(call: Call) -> Response:
    """Create a file share job."""
    body = read_body(call, FileShareJobInput)
    server_uid = call.uid("backupServerUid")
    share_uid = str(body.file_share_uid)
    return single(
        _view(call, create_job.create_file_share_job(call.act, server_uid, read_job(body), file_share_uid=share_uid))
    )


def list_objects(call: Call) -> Response:
    """List what file share jobs protect: of all, of the backup server or of the job in the path."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        unique_uid = None
        if "jobUid" in call.path:
            unique_uid = file_share_jobs.get_file_share_job(connection, call.scope, call.uid("jobUid")).unique_uid
        page = file_share_jobs.list_file_share_job_objects(
            connection,
            call.scope,
            call.window(),
            backup_server_uid=server_in_path(connection, call),
            unique_uid=unique_uid,
        )
    return collection(page, [view_file_share_job_object(row) for row in page.rows])


def view_oldest(job: FileShareJob) -> OldestFileShareJob:
    """Show a file share job as the oldest page does."""
    return OldestFileShareJob(
        instance_uid=job.instance_uid,
        target_repository_uid=job.target_repository_uid,
        archive_repository_uid=None,
        retention=job.retention,
        retention_unit=job.retention_unit.lower(),
        is_archive_retention_enabled=False,
        archive_retention=0,
        archive_retention_unit="days",
    )


def view_current(job: FileShareJob, embedded: EmbeddedJob | None = None) -> FileShareJobView:
    """Show a file share job as the current contract does."""
    return FileShareJobView(
        instance_uid=job.instance_uid,
        unique_uid=job.unique_uid,
        target_repository_uid=job.target_repository_uid,
        retention=job.retention,
        retention_unit=job.retention_unit,
        embedded=embedded,
    )


def _view(call: Call, job: FileShareJob) -> OldestFileShareJob | FileShareJobView:
    return view_oldest(job) if call.is_oldest_form else view_current(job)
