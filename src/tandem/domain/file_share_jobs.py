"""File share jobs: the backup of a file share into its first repository."""

from __future__ import annotations

import msgspec

from tandem.domain.retention import RetentionUnit


class FileShareJob(msgspec.Struct, frozen=True):
    """What a file share job has beside the common part of a job."""

    instance_uid: str
    unique_uid: str
    target_repository_uid: str
    retention: int
    retention_unit: RetentionUnit
    gfs_daily: int = 0
    gfs_weekly: int = 0
    gfs_monthly: int = 0
    gfs_yearly: int = 0
