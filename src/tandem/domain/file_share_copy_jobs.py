"""File share copy jobs: the second copy of a share's backups, in another repository, with a retention of its own."""

from __future__ import annotations

import msgspec

from tandem.domain.retention import RetentionUnit


class FileShareCopyJob(msgspec.Struct, frozen=True):
    """What a file share copy job has beside the common part of a job; `source_size` in bytes."""

    instance_uid: str
    unique_uid: str
    source_job_instance_uid: str
    source_job_unique_uid: str
    target_repository_uid: str
    retention: int
    retention_unit: RetentionUnit
    source_size: int | None
    gfs_daily: int = 0
    gfs_weekly: int = 0
    gfs_monthly: int = 0
    gfs_yearly: int = 0
