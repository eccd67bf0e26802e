"""File share jobs over HTTP, in the oldest form and the current one."""

from __future__ import annotations

import msgspec

from tandem.actions import create_job
from tandem.api.file_share_job_input import FileShareJobInput, read_job
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Int32, Uid
from tandem.api.job_objects import FileShareJobObjectView, view_file_share_job_object
from tandem.api.jobs import EmbeddedJob, embedded_jobs, server_in_path
from tandem.domain.file_share_jobs import FileShareJob
from tandem.domain.retention import RetentionUnit
from tandem.store import file_share_jobs


class OldestFileShareJob(msgspec.Struct, rename="camel"):
    """The form of the oldest release: lower-case units."""

    instance_uid: Uid
    target_repository_uid: Uid
    archive_repository_uid: Uid | None
    retention: Int32
    retention_unit: str
    is_archive_retention_enabled: bool
    archive_retention: Int32
    archive_retention_unit: str


class FileShareJobView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileShareJob in its current form; there is no archive.

    The four `gfs…` are ours: of how many days, weeks, months and years one point is kept beside the retention.
    """

    instance_uid: Uid
    unique_uid: Uid
    target_repository_uid: Uid
    archive_repository_uid: Uid | None = None
    retention: Int32
    retention_unit: RetentionUnit
    is_archive_retention_enabled: bool = False
    archive_retention: Int32 = 0
    archive_retention_unit: RetentionUnit = RetentionUnit.DAYS
    gfs_daily: Int32
    gfs_weekly: Int32
    gfs_monthly: Int32
    gfs_yearly: Int32
    embedded: EmbeddedJob | None = msgspec.field(name="_embedded", default=None)


FILE_SHARE_JOBS = Resource(FileShareJobView, file_share_jobs.FILE_SHARE_JOBS)
OBJECTS = Resource(FileShareJobObjectView, file_share_jobs.OBJECTS)


def list_file_share_jobs(call: Call) -> Many[OldestFileShareJob | FileShareJobView]:
    """List file share jobs of every backup server, or of the one in the path."""
    query = FILE_SHARE_JOBS.read(call)
    is_oldest = call.is_oldest_form
    expand = not is_oldest and call.expands("BackupServerJob")
    with call.reading() as connection:
        server_uid = server_in_path(connection, call)
        page = file_share_jobs.list_file_share_jobs(connection, call.scope, query, server_uid)
        uids = [row.unique_uid for row in page.rows] if expand else []
        embedded = embedded_jobs(connection, call, uids) if uids else {}
    if is_oldest:
        return Many(page, [view_oldest(row) for row in page.rows])
    return Many(page, [view_current(row, embedded.get(row.unique_uid)) for row in page.rows])


def get_file_share_job(call: Call) -> One[OldestFileShareJob | FileShareJobView]:
    """Get a file share job by either of its ids."""
    with call.reading() as connection:
        return One(
            view_file_share_job(call, file_share_jobs.get_file_share_job(connection, call.scope, call.uid("jobUid")))
        )


def create_file_share_job(call: Call, body: FileShareJobInput) -> One[OldestFileShareJob | FileShareJobView]:
    """Create a file share job."""
    server_uid = call.uid("backupServerUid")
    share_uid = str(body.file_share_uid)
    return One(
        view_file_share_job(
            call, create_job.create_file_share_job(call.act, server_uid, read_job(body), file_share_uid=share_uid)
        )
    )


def list_objects(call: Call) -> Many[FileShareJobObjectView]:
    """List what file share jobs protect: of all, of the backup server or of the job in the path."""
    query = OBJECTS.read(call)
    with call.reading() as connection:
        unique_uid = None
        if "jobUid" in call.path:
            unique_uid = file_share_jobs.get_file_share_job(connection, call.scope, call.uid("jobUid")).unique_uid
        page = file_share_jobs.list_file_share_job_objects(
            connection,
            call.scope,
            query,
            backup_server_uid=server_in_path(connection, call),
            unique_uid=unique_uid,
        )
    return Many(page, [view_file_share_job_object(row) for row in page.rows])


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
        gfs_daily=job.gfs_daily,
        gfs_weekly=job.gfs_weekly,
        gfs_monthly=job.gfs_monthly,
        gfs_yearly=job.gfs_yearly,
        embedded=embedded,
    )


def view_file_share_job(call: Call, job: FileShareJob) -> OldestFileShareJob | FileShareJobView:
    """Show a file share job in the form that the client reads."""
    return view_oldest(job) if call.is_oldest_form else view_current(job)
