"""What a job's last session worked on, as `lastSessionTasks` of the job shows it."""

from __future__ import annotations

import msgspec

from tandem.api.http.texts import Instant, Int32, Int64, Uid, instant, instant_or_none
from tandem.api.http.words import BackupServerJobSessionTaskStatus
from tandem.domain.sessions import SessionState, SessionTask, SessionType


class SessionTaskView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerJobSessionTask; sizes in bytes, duration in seconds."""

    instance_uid: Uid
    object_uid: Uid | None
    object_name: str | None
    total_objects: Int32 | None
    processed_objects: Int32 | None
    read_data_size: Int64 | None
    transferred_data_size: Int64 | None
    start_time: Instant | None
    end_time: Instant | None
    duration: Int32 | None
    failure_messages: list[str] | None
    status: BackupServerJobSessionTaskStatus


_Status = BackupServerJobSessionTaskStatus
# A job skips a run for a reason that somebody should know.
_STATUS = {
    SessionState.QUEUED: _Status.PENDING,
    SessionState.RUNNING: _Status.RUNNING,
    SessionState.STOPPING: _Status.RUNNING,
    SessionState.SUCCESS: _Status.SUCCESS,
    SessionState.WARNING: _Status.WARNING,
    SessionState.FAILED: _Status.FAILED,
    SessionState.SKIPPED: _Status.WARNING,
}


def view_tasks(task: SessionTask | None) -> list[SessionTaskView]:
    """Show the tasks of a session: one, its share, which has the session's uid; none of a job that never ran.

    Objects are files of a backup and restore points of a copy.
    """
    if task is None:
        return []
    done, progress, is_copy = task.statistics, task.progress, task.type is SessionType.COPY
    if task.ended_at is None:
        total, processed = (
            (progress.points_total, progress.points_done) if is_copy else (progress.files_total, progress.files_done)
        )
        read, transferred, duration = progress.bytes_done, None, None
    else:
        total = max(progress.points_total, done.points_copied) if is_copy else done.files_total + done.files_skipped
        processed = done.points_copied if is_copy else done.files_total
        read, transferred = (done.transferred if is_copy else done.source_size), done.transferred
        duration = max(0, round((task.ended_at - task.started_at).total_seconds()))
    has_failed = task.state in {SessionState.FAILED, SessionState.WARNING, SessionState.SKIPPED}
    return [
        SessionTaskView(
            instance_uid=task.session_uid,
            object_uid=task.file_share_uid,
            object_name=task.file_share_name,
            total_objects=_bounded(total),
            processed_objects=_bounded(processed),
            read_data_size=read,
            transferred_data_size=transferred,
            start_time=instant(task.started_at),
            end_time=instant_or_none(task.ended_at),
            duration=duration,
            failure_messages=task.messages if has_failed else [],
            status=_STATUS[task.state],
        )
    ]


def _bounded(count: int) -> int:
    return max(0, min(count, 2**31 - 1))
