"""Backups of protected file shares over HTTP."""

from __future__ import annotations

import msgspec

from tandem.api.http.answers import Many
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Instant, Int32, Int64, Uid, instant
from tandem.domain.file_share_backups import FileShareBackup
from tandem.store import file_share_backups, file_shares


class FileShareSourceView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's ProtectedOnPremisesFileShareSource: the whole folder."""

    path: str
    inclusion_masks: list[str]
    exclusion_masks: list[str]


class FileShareBackupView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's ProtectedOnPremisesFileShareBackup; sizes in bytes; there is no archive."""

    file_share_uid: Uid
    job_uid: Uid | None
    backup_server_uid: Uid
    backup_uid: Uid | None
    repository_uid: Uid
    archive_repository_uid: Uid | None = None
    archive_size: Int64 = 0
    short_term_backup_size: Int64
    archive_restore_points: Int32 = 0
    restore_points: Int32
    latest_restore_point_date: Instant
    source_size: Int64 | None
    sources: list[FileShareSourceView]


FILE_SHARE_BACKUPS = Resource(FileShareBackupView, file_share_backups.FILE_SHARE_BACKUPS)


def list_file_share_backups(call: Call) -> Many[FileShareBackupView]:
    """List the backups of all shares, or of the one in the path."""
    query = FILE_SHARE_BACKUPS.read(call)
    with call.reading() as connection:
        share_uid = None
        if "fileShareUid" in call.path:
            share_uid = file_shares.get_file_share(connection, call.scope, call.uid("fileShareUid")).instance_uid
        page = file_share_backups.list_file_share_backups(connection, call.scope, query, share_uid)
    return Many(page, [_view(row) for row in page.rows])


def _view(backup: FileShareBackup) -> FileShareBackupView:
    return FileShareBackupView(
        file_share_uid=backup.file_share_uid,
        job_uid=backup.job_uid,
        backup_server_uid=backup.backup_server_uid,
        backup_uid=backup.backup_uid,
        repository_uid=backup.repository_uid,
        short_term_backup_size=backup.short_term_backup_size,
        restore_points=backup.restore_points,
        latest_restore_point_date=instant(backup.latest_restore_point_date),
        source_size=backup.source_size,
        sources=[FileShareSourceView(path=backup.path, inclusion_masks=[], exclusion_masks=[])],
    )
