"""Jobs: what the two kinds, file share jobs and file share copy jobs, have in common."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from tandem.domain.retries import RETRY_INTERVAL_DEFAULT, RETRY_TIMES_DEFAULT
from tandem.domain.schedule import Schedule
from tandem.domain.sessions import SessionState, Statistics


class JobType(StrEnum):
    """The contract's job types that Tandem runs (`BackupServerJobType`)."""

    BACKUP_FILE = "BackupFile"
    BACKUP_FILE_COPY = "BackupFileCopy"


class JobStatus(StrEnum):
    """The contract's job states that Tandem uses (`BackupServerJobStatus`)."""

    NONE = "None"
    STARTING = "Starting"
    RUNNING = "Running"
    STOPPING = "Stopping"
    SUCCESS = "Success"
    WARNING = "Warning"
    FAILED = "Failed"

    @property
    def is_active(self) -> bool:
        """Whether a run is going on or about to."""
        return self in {JobStatus.STARTING, JobStatus.RUNNING, JobStatus.STOPPING}


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """The common part of a job, and its last run; sizes in bytes, durations in seconds."""

    unique_uid: str
    instance_uid: str
    name: str
    description: str
    created_by: str
    creation_time: datetime
    backup_server_uid: str
    organization_uid: str
    mapped_organization_uid: str | None
    location_uid: str
    type: JobType
    is_enabled: bool
    status: JobStatus
    schedule: Schedule
    previous_job_unique_uid: str | None
    destination: str
    retention: int
    retention_unit: str
    last_run: datetime | None
    last_end_time: datetime | None
    last_duration: int | None
    average_duration: int | None
    transferred_data: int | None
    backup_chain_size: int | None
    failure_message: str | None
    is_gfs_option_enabled: bool = False
    retry_times: int = RETRY_TIMES_DEFAULT
    retry_interval: int = RETRY_INTERVAL_DEFAULT


class JobObject(msgspec.Struct, frozen=True, kw_only=True):
    """What a job protects, and how its last session went with it."""

    job_uid: str
    unique_job_uid: str
    file_share_uid: str
    name: str
    path: str
    inclusion_masks: list[str] = []
    exclusion_masks: list[str] = []
    state: SessionState | None
    statistics: Statistics | None
    started_at: datetime | None
    ended_at: datetime | None
    messages: list[str] | None
