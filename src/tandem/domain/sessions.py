"""Sessions: what every planned action leaves behind, one that was skipped as well, with its reason."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

MESSAGES_MAX = 200
MESSAGE_LENGTH_MAX = 2_000
# An agent speaks of its sessions at least every half minute; a large file or a prune may take minutes without a word.
SILENT_AFTER = timedelta(minutes=2)
HANGING_AFTER = timedelta(minutes=10)
# A rate is that of about the last so many seconds, measured no more often than so.
RATE_SECONDS = 15.0
RATE_SECONDS_MIN = 0.5


class SessionType(StrEnum):
    """What a session did."""

    BACKUP = "BackupFile"
    COPY = "BackupFileCopy"
    RESTORE = "Restore"
    ADOPTION = "Adoption"
    VERIFICATION = "Verification"
    HEALING = "Healing"
    DRILL = "RestoreDrill"


# What a job is there for: only these are its runs.
RUNS = (SessionType.BACKUP, SessionType.COPY)


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


FINAL = tuple(state for state in SessionState if state.is_final)


class Liveness(StrEnum):
    """Whether a session that has not ended is alive, as its agent's last words tell."""

    ACTIVE = "Active"
    WAITING = "Waiting"
    SILENT = "Silent"
    HANGING = "Hanging"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a running session is; sizes in bytes, `rate` in bytes per second, 0 while it is not known."""

    percent: float = 0.0
    files_done: int = 0
    files_total: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    points_done: int = 0
    points_total: int = 0
    rate: int = 0
    remaining_seconds: int | None = None


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
    """A run of a job, a restore, or an adoption.

    The last members are the console's: when its agent last spoke of it, when it last got any further, and, while it
    waits, its place and why.
    """

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
    last_heartbeat: datetime | None = None
    last_progress: datetime | None = None
    queue_position: int | None = None
    waiting_reason: str | None = None

    def liveness(self, now: datetime) -> Liveness | None:
        """Say whether it is alive, at an aware instant; None of one that has ended, or that nobody has spoken of."""
        if self.state.is_final or self.last_heartbeat is None:
            return None
        if now - self.last_heartbeat > SILENT_AFTER:
            return Liveness.SILENT
        if self.state is SessionState.QUEUED:
            return Liveness.WAITING
        is_hanging = self.last_progress is not None and now - self.last_progress > HANGING_AFTER
        return Liveness.HANGING if is_hanging else Liveness.ACTIVE


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


class Meter:
    """Tells how fast a session is, smoothed, and how long it will take."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._at: float | None = None
        self._bytes = 0
        self._rate = 0.0

    def read(self, progress: Progress, seconds: float) -> Progress:
        """Add rate and remaining time to a progress.

        Args:
            progress: as it is now.
            seconds: now, on a clock that never goes back.
        """
        if self._at is None or progress.bytes_done < self._bytes:
            self._at, self._bytes, self._rate = seconds, progress.bytes_done, 0.0
        elif seconds - self._at >= RATE_SECONDS_MIN:
            passed = seconds - self._at
            weight = 1 - math.exp(-passed / RATE_SECONDS) if self._rate else 1.0
            self._rate += weight * ((progress.bytes_done - self._bytes) / passed - self._rate)
            self._at, self._bytes = seconds, progress.bytes_done
        left = progress.bytes_total - progress.bytes_done
        remaining = round(left / self._rate) if self._rate >= 1 and left >= 0 else None
        return msgspec.structs.replace(progress, rate=round(self._rate), remaining_seconds=remaining)


def bounded(messages: list[str]) -> list[str]:
    """Cut a list of messages to what is kept of a session, as text: names of files may be none."""
    cut = [message[:MESSAGE_LENGTH_MAX].encode(errors="replace").decode() for message in messages[:MESSAGES_MAX]]
    if len(messages) > MESSAGES_MAX:
        cut[-1] = f"{len(messages) - MESSAGES_MAX + 1} more messages were left out."
    return cut
