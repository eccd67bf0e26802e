"""File shares, stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, cast, func, insert, select

from tandem.domain.file_shares import FileShare
from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import fetch_one, visible
from tandem.store.schema.tables import file_shares, restore_points

_held = (restore_points.c.file_share_uid == file_shares.c.instance_uid) & restore_points.c.forgotten_at.is_(None)
_COLUMNS = {column.name: column for column in file_shares.c} | {
    "latest_restore_point_date": select(func.max(restore_points.c.created_at)).where(_held).scalar_subquery(),
    "restore_points": select(func.count()).select_from(restore_points).where(_held).scalar_subquery(),
    # PostgreSQL adds up whole numbers to decimals.
    "short_term_backup_size": select(cast(func.coalesce(func.sum(restore_points.c.added), 0), BigInteger))
    .where(_held)
    .scalar_subquery(),
}
FILE_SHARES = Collection(
    file_shares,
    FileShare,
    columns=_COLUMNS
    | {
        "file_share_uid": file_shares.c.instance_uid,
        "total_short_term_backup_size": _COLUMNS["short_term_backup_size"],
    },
)
_FILE_SHARE = select(*(_COLUMNS[name] for name in FileShare.__struct_fields__))


def list_file_shares(
    connection: Connection, scope: Scope, query: Query, backup_server_uid: str | None = None
) -> Page[FileShare]:
    """List the file shares that the caller sees, all or those of one backup server."""
    return FILE_SHARES.page(connection, scope, query, backup_server_uid=backup_server_uid)


def get_file_share(connection: Connection, scope: Scope, uid: str) -> FileShare:
    """Get one file share; raises NotFound."""
    statement = _FILE_SHARE.where(visible(file_shares, scope), file_shares.c.instance_uid == uid)
    return fetch_one(connection, statement, FileShare, noun="file share", uid=uid)


def paths_of_server(connection: Connection, backup_server_uid: str) -> list[tuple[str, str, str]]:
    """Get (uid, name, path) of all shares of a backup server."""
    columns = select(file_shares.c.instance_uid, file_shares.c.name, file_shares.c.path)
    rows = connection.execute(columns.where(file_shares.c.backup_server_uid == backup_server_uid))
    return [(row[0], row[1], row[2]) for row in rows]


def masks_of_server(connection: Connection, backup_server_uid: str) -> dict[str, tuple[list[str], list[str]]]:
    """Get (inclusion masks, exclusion masks) of the shares of a backup server."""
    columns = select(file_shares.c.instance_uid, file_shares.c.inclusion_masks, file_shares.c.exclusion_masks)
    rows = connection.execute(columns.where(file_shares.c.backup_server_uid == backup_server_uid))
    return {row[0]: (row[1], row[2]) for row in rows}


def credentials_of_server(connection: Connection, backup_server_uid: str) -> dict[str, str]:
    """Get the credentials that shares of a backup server use, by share; those that use none are left out."""
    columns = select(file_shares.c.instance_uid, file_shares.c.credentials_uid)
    uses = (file_shares.c.backup_server_uid == backup_server_uid) & file_shares.c.credentials_uid.is_not(None)
    return {row[0]: row[1] for row in connection.execute(columns.where(uses))}


def shares_with_credentials(connection: Connection, credentials_uid: str) -> list[str]:
    """Get the names of the shares that use credentials."""
    names = select(file_shares.c.name).where(file_shares.c.credentials_uid == credentials_uid)
    return list(connection.scalars(names.order_by(file_shares.c.position)))


def insert_file_share(
    connection: Connection, share: FileShare, *, created_at: datetime, credentials_uid: str | None = None
) -> None:
    """Store a new file share."""
    names = (
        "instance_uid",
        "backup_server_uid",
        "organization_uid",
        "name",
        "path",
        "inclusion_masks",
        "exclusion_masks",
    )
    values = {name: getattr(share, name) for name in names}
    values |= {"created_at": created_at, "credentials_uid": credentials_uid}
    connection.execute(insert(file_shares), values)
