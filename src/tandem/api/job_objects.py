"""What jobs protect, and how it went the last time, over HTTP."""

from __future__ import annotations

import msgspec

from tandem.api.http.texts import Instant, Int32, Int64, Uid, instant_or_none
from tandem.api.http.words import BackupServerFileJobObjectSourceType, BackupServerJobObjectLastSessionBackupStatus
from tandem.domain.jobs import JobObject


class ObjectSource(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileJobObjectSource: what is read, here always a folder."""

    path: str
    type: BackupServerFileJobObjectSourceType = BackupServerFileJobObjectSourceType.DIRECTORY
    inclusion_masks: list[str] = []
    exclusion_masks: list[str] = []


class FileShareJobLastSession(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileShareJobObjectLastSession; sizes in bytes, duration in seconds."""

    backup_status: BackupServerJobObjectLastSessionBackupStatus
    source_files_count: Int32 | None
    changed_files_count: Int32 | None
    skipped_files_count: Int32 | None
    backed_up_files_count: Int32 | None
    transferred_size: Int64 | None
    source_size: Int64 | None
    duration: Int32 | None
    messages: list[str]


class FileShareJobObjectView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileShareJobObject."""

    job_uid: Uid
    unique_job_uid: Uid
    file_share_uid: Uid
    name: str
    sources: list[ObjectSource]
    last_session: FileShareJobLastSession | msgspec.UnsetType = msgspec.UNSET


class FileShareCopyJobLastSession(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobObjectLastSession; sizes in bytes, duration in seconds."""

    backup_status: BackupServerJobObjectLastSessionBackupStatus
    total_backed_size: Int64 | None
    source_size: Int64 | None
    start_time: Instant | None
    end_time: Instant | None
    duration: Int32 | None
    messages: list[str]


class FileShareCopyJobObjectView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerFileShareCopyJobObject."""

    job_uid: Uid
    unique_job_uid: Uid
    file_share_uid: Uid
    path: str
    sources: list[ObjectSource]
    last_session: FileShareCopyJobLastSession | msgspec.UnsetType = msgspec.UNSET


def view_file_share_job_object(row: JobObject) -> FileShareJobObjectView:
    """Show what a file share job protects."""
    view = FileShareJobObjectView(
        job_uid=row.job_uid,
        unique_job_uid=row.unique_job_uid,
        file_share_uid=row.file_share_uid,
        name=row.name,
        sources=[_source(row)],
    )
    if row.state is not None and row.statistics is not None:
        done = row.statistics
        view.last_session = FileShareJobLastSession(
            backup_status=_status(row),
            source_files_count=_bounded(done.files_total),
            changed_files_count=_bounded(done.files_changed),
            skipped_files_count=_bounded(done.files_skipped),
            backed_up_files_count=_bounded(done.files_total),
            transferred_size=done.transferred,
            source_size=done.source_size,
            duration=_duration(row),
            messages=row.messages or [],
        )
    return view


def view_file_share_copy_job_object(row: JobObject) -> FileShareCopyJobObjectView:
    """Show what a file share copy job protects."""
    view = FileShareCopyJobObjectView(
        job_uid=row.job_uid,
        unique_job_uid=row.unique_job_uid,
        file_share_uid=row.file_share_uid,
        path=row.path,
        sources=[_source(row)],
    )
    if row.state is not None and row.statistics is not None:
        view.last_session = FileShareCopyJobLastSession(
            backup_status=_status(row),
            total_backed_size=row.statistics.transferred,
            source_size=row.statistics.source_size,
            start_time=instant_or_none(row.started_at),
            end_time=instant_or_none(row.ended_at),
            duration=_duration(row),
            messages=row.messages or [],
        )
    return view


def _source(row: JobObject) -> ObjectSource:
    return ObjectSource(path=row.path, inclusion_masks=row.inclusion_masks, exclusion_masks=row.exclusion_masks)


def _bounded(count: int) -> int:
    # What the contract's counts can hold.
    return min(count, 2**31 - 1)


def _duration(row: JobObject) -> int | None:
    if row.started_at is None or row.ended_at is None:
        return None
    return max(0, round((row.ended_at - row.started_at).total_seconds()))


def _status(row: JobObject) -> BackupServerJobObjectLastSessionBackupStatus:
    words = {"Running", "Success", "Warning", "Failed"}
    if row.state in words:
        return BackupServerJobObjectLastSessionBackupStatus(row.state)
    is_open = row.state is not None and not row.state.is_final
    return BackupServerJobObjectLastSessionBackupStatus("Running" if is_open else "Warning")
