"""Protected file shares over HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec

from tandem.actions import create_file_share as create
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import (
    ExclusionMasks,
    InclusionMasks,
    Instant,
    Int32,
    Int64,
    Name,
    SharePath,
    Uid,
    instant_or_none,
)
from tandem.domain.file_shares import FileShare
from tandem.store import backup_servers, file_shares


class FileShareView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's ProtectedOnPremisesFileShare, and what is read of it, and where; sizes in bytes."""

    file_share_uid: Uid
    backup_server_uid: Uid
    organization_uid: Uid
    name: str
    path: str
    latest_restore_point_date: Instant | None
    restore_points: Int32
    total_short_term_backup_size: Int64
    archive_restore_points: Int32 = 0
    total_archive_size: Int64 = 0
    inclusion_masks: list[str]
    exclusion_masks: list[str]


class FileShareInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What a file share is made from; `credentialsUid` is of its backup server, where a share asks for some.

    The path is a folder of the backup server, an SMB share as in `//host/share/folder`, or an NFS export as in
    `host:/export`.
    """

    name: Name
    path: SharePath
    credentials_uid: UUID | None = None
    inclusion_masks: InclusionMasks = []
    exclusion_masks: ExclusionMasks = []


FILE_SHARES = Resource(FileShareView, file_shares.FILE_SHARES)


def list_file_shares(call: Call) -> Many[FileShareView]:
    """List file shares of every backup server, or of the one in the path."""
    query = FILE_SHARES.read(call)
    with call.reading() as connection:
        server_uid = call.uid("backupServerUid") if "backupServerUid" in call.path else None
        if server_uid is not None:
            backup_servers.get_backup_server(connection, call.scope, server_uid)
        page = file_shares.list_file_shares(connection, call.scope, query, server_uid)
    return Many(page, [_view(row) for row in page.rows])


def get_file_share(call: Call) -> One[FileShareView]:
    """Get a file share."""
    with call.reading() as connection:
        return One(_view(file_shares.get_file_share(connection, call.scope, call.uid("fileShareUid"))))


def create_file_share(call: Call, body: FileShareInput) -> One[FileShareView]:
    """Create a file share: a folder on a backup server, or a share that it can mount."""
    new = create.NewFileShare(
        name=body.name,
        path=body.path,
        credentials_uid=str(body.credentials_uid) if body.credentials_uid else None,
        inclusion_masks=body.inclusion_masks,
        exclusion_masks=body.exclusion_masks,
    )
    return One(_view(create.create_file_share(call.act, call.uid("backupServerUid"), new)))


def _view(share: FileShare) -> FileShareView:
    return FileShareView(
        file_share_uid=share.instance_uid,
        backup_server_uid=share.backup_server_uid,
        organization_uid=share.organization_uid,
        name=share.name,
        path=share.path,
        latest_restore_point_date=instant_or_none(share.latest_restore_point_date),
        restore_points=share.restore_points,
        total_short_term_backup_size=share.short_term_backup_size,
        inclusion_masks=share.inclusion_masks,
        exclusion_masks=share.exclusion_masks,
    )
