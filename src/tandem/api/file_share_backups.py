"""Backups of protected file shares over HTTP."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection
from tandem.api.texts import instant
from tandem.domain.file_share_backups import FileShareBackup
from tandem.store import file_share_backups, file_shares


class FileShareSourceView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's ProtectedOnPremisesFileShareSource: the whole folder."""

    path: str
    inclusion_masks: list[str]
    exclusion_masks: list[str]


class FileShareBackupView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's ProtectedOnPremisesFileShareBackup; sizes in bytes; there is no archive."""

    file_share_uid: str
    job_uid: str | None
    backup_server_uid: str
    backup_uid: str | None
    repository_uid: str
    archive_repository_uid: str | None = None
    archive_size: int = 0
    short_term_backup_size: int
    archive_restore_points: int = 0
    restore_points: int
    latest_restore_point_date: str
    source_size: int | None
    sources: list[FileShareSourceView]


def list_file_share_backups(call: Call) -> Response:
    """List the backups of all shares, or of the one in the path."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        share_uid = None
        if "fileShareUid" in call.path:
            share_uid = file_shares.get_file_share(connection, call.scope, call.uid("fileShareUid")).instance_uid
        page = file_share_backups.list_file_share_backups(connection, call.scope, call.window(), share_uid)
    return collection(page, [_view(row) for row in page.rows])


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
