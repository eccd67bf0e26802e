"""What jobs protect, and how the last session of each went with it, in the contract's forms."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

from tandem.api.job_words import JobObjectBackupStatus, JobObjectSourceType
from tandem.api.texts import instant_or_none
from tandem.domain.jobs import JobObject
from tandem.domain.sessions import SessionState

INT32_MAX = 2**31 - 1


class SourceView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileJobObjectSource."""

    path: str
    type: JobObjectSourceType
    inclusion_masks: list[str]
    exclusion_masks: list[str]


class FileShareJobObjectSessionView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileShareJobObjectLastSession; sizes in bytes, duration in seconds."""

    backup_status: JobObjectBackupStatus
    source_files_count: int | None
    changed_files_count: int | None
    skipped_files_count: int | None
    backed_up_files_count: int | None
    transferred_size: int | None
    source_size: int | None
    duration: int | None
    messages: list[str]


class FileShareJobObjectView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileShareJobObject; a job that never ran has no last session."""

    job_uid: str
    unique_job_uid: str
    file_share_uid: str
    name: str
    sources: list[SourceView]
    last_session: FileShareJobObjectSessionView | UnsetType = UNSET


class FileShareCopyJobObjectSessionView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobObjectLastSession; sizes in bytes, duration in seconds."""

    backup_status: JobObjectBackupStatus
    total_backed_size: int | None
    source_size: int | None
    start_time: str | None
    end_time: str | None
    duration: int | None
    messages: list[str]


class FileShareCopyJobObjectView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileShareCopyJobObject; a job that never ran has no last session."""

    job_uid: str
    unique_job_uid: str
    file_share_uid: str
    path: str
    sources: list[SourceView]
    last_session: FileShareCopyJobObjectSessionView | UnsetType = UNSET


_Status = JobObjectBackupStatus
# A job skips a run for a reason that somebody should know.
_STATUS = {
    SessionState.QUEUED: _Status.RUNNING,
    SessionState.RUNNING: _Status.RUNNING,
    SessionState.STOPPING: _Status.RUNNING,
    SessionState.SUCCESS: _Status.SUCCESS,
    SessionState.WARNING: _Status.WARNING,
    SessionState.FAILED: _Status.FAILED,
    SessionState.SKIPPED: _Status.WARNING,
}


def view_file_share_job_object(row: JobObject) -> FileShareJobObjectView:
    """Show what a file share job protects."""
    last: FileShareJobObjectSessionView | UnsetType = UNSET
    if row.state is not None and row.statistics is not None:
        done = row.statistics
        last = FileShareJobObjectSessionView(
            backup_status=_STATUS[row.state],
            source_files_count=_bounded(done.files_total),
            changed_files_count=_bounded(done.files_changed),
            skipped_files_count=_bounded(done.files_skipped),
            backed_up_files_count=_bounded(done.files_total),
            transferred_size=done.transferred,
            source_size=done.source_size,
            duration=_duration(row),
            messages=row.messages or [],
        )
    return FileShareJobObjectView(
        job_uid=row.job_uid,
        unique_job_uid=row.unique_job_uid,
        file_share_uid=row.file_share_uid,
        name=row.name,
        sources=_sources(row),
        last_session=last,
    )


def view_file_share_copy_job_object(row: JobObject) -> FileShareCopyJobObjectView:
    """Show what a file share copy job protects."""
    last: FileShareCopyJobObjectSessionView | UnsetType = UNSET
    if row.state is not None and row.statistics is not None:
        last = FileShareCopyJobObjectSessionView(
            backup_status=_STATUS[row.state],
            total_backed_size=row.statistics.transferred,
            source_size=row.statistics.source_size,
            start_time=instant_or_none(row.started_at),
            end_time=instant_or_none(row.ended_at),
            duration=_duration(row),
            messages=row.messages or [],
        )
    return FileShareCopyJobObjectView(
        job_uid=row.job_uid,
        unique_job_uid=row.unique_job_uid,
        file_share_uid=row.file_share_uid,
        path=row.path,
        sources=_sources(row),
        last_session=last,
    )


def _sources(row: JobObject) -> list[SourceView]:
    # The whole folder.
    return [SourceView(path=row.path, type=JobObjectSourceType.DIRECTORY, inclusion_masks=[], exclusion_masks=[])]


def _duration(row: JobObject) -> int | None:
    if row.started_at is None or row.ended_at is None:
        return None
    return max(0, round((row.ended_at - row.started_at).total_seconds()))


def _bounded(count: int) -> int:
    return max(0, min(count, INT32_MAX))
