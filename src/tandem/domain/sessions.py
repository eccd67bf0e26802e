"""Sessions: what every planned action leaves behind, one that was skipped as well, with its reason."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

MESSAGES_MAX = 200
MESSAGE_LENGTH_MAX = 2_000


class SessionType(StrEnum):
    """What a session did."""

    BACKUP = "BackupFile"
    COPY = "BackupFileCopy"
    RESTORE = "Restore"
    VERIFICATION = "Verification"
    HEALING = "Healing"
    DRILL = "RestoreDrill"

    @property
    def is_run(self) -> bool:
        """Whether it is what a job is for, so that its end is the job's."""
        return self in {SessionType.BACKUP, SessionType.COPY}


RUNS = [kind for kind in SessionType if kind.is_run]


class SessionState(StrEnum):
    """How far a session is, or how it ended."""

    QUEUED = "Queued"
    RUNNING = "Running"
    STOPPING = "Stopping"
    SUCCESS = "Success"
    WARNING = "Warning"
    FAILED = "Failed"
    SKIPPED = "Skipped"

    @property
    def is_final(self) -> bool:
        """Whether nothing can change any more."""
        return self in {SessionState.SUCCESS, SessionState.WARNING, SessionState.FAILED, SessionState.SKIPPED}


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a running session is; sizes in bytes."""

    percent: float = 0.0
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    points_done: int = 0
    points_total: int = 0


class Statistics(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished session did; sizes in bytes."""

    files_total: int = 0
    files_changed: int = 0
    files_skipped: int = 0
    source_size: int = 0
    transferred: int = 0
    points_copied: int = 0
    points_forgotten: int = 0
    restic_processes: int = 0


class PlanEntry(msgspec.Struct, frozen=True):
    """One decision of a session about one restore point, and why."""

    action: str
    snapshot_id: str
    reason: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a job, or a restore."""

    instance_uid: str
    job_uid: str | None
    job_unique_uid: str | None
    file_share_uid: str | None
    type: SessionType
    state: SessionState
    started_at: datetime
    ended_at: datetime | None = None
    progress: Progress = Progress()
    statistics: Statistics = Statistics()
    messages: list[str] = []
    plan: list[PlanEntry] = []


class SessionTask(msgspec.Struct, frozen=True, kw_only=True):
    """What a session worked on: a job has one share, so a session has one task; sizes in bytes."""

    session_uid: str
    job_unique_uid: str
    file_share_uid: str
    file_share_name: str
    type: SessionType
    state: SessionState
    started_at: datetime
    ended_at: datetime | None
    progress: Progress
    statistics: Statistics
    messages: list[str]


def bounded(messages: list[str]) -> list[str]:
    """Cut a list of messages to what is kept of a session."""
    cut = [message[:MESSAGE_LENGTH_MAX] for message in messages[:MESSAGES_MAX]]
    if len(messages) > MESSAGES_MAX:
        cut[-1] = f"{len(messages) - MESSAGES_MAX + 1} more messages were left out."
    return cut
