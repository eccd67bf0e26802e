"""File shares: what is protected. In this release a share is a folder on a backup server."""

from __future__ import annotations

from datetime import datetime

import msgspec

PATH_LENGTH_MAX = 4096


class FileShare(msgspec.Struct, frozen=True, kw_only=True):
    """A protected share and what is held of it."""

    instance_uid: str
    backup_server_uid: str
    organization_uid: str
    name: str
    path: str
    latest_restore_point_date: datetime | None
    restore_points: int
    short_term_backup_size: int
