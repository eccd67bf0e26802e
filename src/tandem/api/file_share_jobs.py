"""File share jobs over HTTP, in the oldest form and the current one."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from tandem.actions import create_job
from tandem.api.bodies import read_body
from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, single
from tandem.api.file_share_job_input import FileShareJobInput, read_job
from tandem.api.jobs import EmbeddedJob, embedded_jobs, server_in_path
from tandem.domain.file_share_jobs import FileShareJob
from tandem.domain.jobs import JobObject
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
    return collection(page, [_view_object(row) for row in page.rows])


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


def source_of(row: JobObject) -> list[dict[str, Any]]:
    """Show what a job reads: the whole folder."""
    return [{"path": row.path, "type": "Directory", "inclusionMasks": [], "exclusionMasks": []}]


def duration_of(row: JobObject) -> int | None:
    """Give the seconds that the last session took."""
    if row.started_at is None or row.ended_at is None:
        return None
    return max(0, round((row.ended_at - row.started_at).total_seconds()))


def status_of(row: JobObject) -> str:
    """Give the contract's word for how the last session went."""
    words = {"Running", "Success", "Warning", "Failed"}
    return row.state if row.state in words else "Running" if row.state and not row.state.is_final else "Warning"


def _view_object(row: JobObject) -> dict[str, Any]:
    view: dict[str, Any] = {
        "jobUid": row.job_uid,
        "uniqueJobUid": row.unique_job_uid,
        "fileShareUid": row.file_share_uid,
        "name": row.name,
        "sources": source_of(row),
    }
    if row.state is not None and row.statistics is not None:
        done = row.statistics
        view["lastSession"] = {
            "backupStatus": status_of(row),
            "sourceFilesCount": done.files_total,
            "changedFilesCount": done.files_changed,
            "skippedFilesCount": done.files_skipped,
            "backedUpFilesCount": done.files_total,
            "transferredSize": done.transferred,
            "sourceSize": done.source_size,
            "duration": duration_of(row),
            "messages": row.messages or [],
        }
    return view
