"""Backups of file shares: what one job holds of one share in one repository."""

from __future__ import annotations

from datetime import datetime

import msgspec


class FileShareBackup(msgspec.Struct, frozen=True, kw_only=True):
    """What a file share job, or a file share copy job, holds; sizes in bytes.

    A job writes to one repository as long as it lives, so the console's id of the job is the backup's too.
    """

    backup_uid: str
    job_uid: str
    file_share_uid: str
    backup_server_uid: str
    repository_uid: str
    path: str
    restore_points: int
    short_term_backup_size: int
    latest_restore_point_date: datetime
    source_size: int
