"""Limits of backup servers and repositories, stored."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Table, select, update

from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.domain.limits import NO_LIMITS, Limits
from tandem.store.database import Connection
from tandem.store.query import visible
from tandem.store.schema.tables import backup_repositories, backup_servers


def get_limits(connection: Connection, scope: Scope, backup_server_uid: str, repository_uid: str | None) -> Limits:
    """Get the limits of a backup server or, with its uid, of one of its repositories; raises NotFound."""
    table, is_it = _which(backup_server_uid, repository_uid)
    row = connection.execute(select(table.c.limits).where(visible(table, scope), is_it)).first()
    if row is None:
        raise _not_found(backup_server_uid, repository_uid)
    return row[0] or NO_LIMITS


def set_limits(
    connection: Connection, scope: Scope, backup_server_uid: str, repository_uid: str | None, limits: Limits
) -> None:
    """Set the limits of a backup server or of one of its repositories; raises NotFound."""
    table, is_it = _which(backup_server_uid, repository_uid)
    if connection.execute(update(table).where(visible(table, scope), is_it).values(limits=limits)).rowcount != 1:
        raise _not_found(backup_server_uid, repository_uid)


def limits_of_repositories(connection: Connection, backup_server_uid: str) -> dict[str, Limits]:
    """Get the limits of a backup server's repositories that have some, by repository."""
    repositories = backup_repositories.c
    statement = select(repositories.instance_uid, repositories.limits).where(
        repositories.backup_server_uid == backup_server_uid, repositories.limits.is_not(None)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def limits_of_server(connection: Connection, backup_server_uid: str) -> Limits:
    """Get the limits of a backup server, for its agent."""
    is_server = backup_servers.c.instance_uid == backup_server_uid
    return connection.scalar(select(backup_servers.c.limits).where(is_server)) or NO_LIMITS


def _which(backup_server_uid: str, repository_uid: str | None) -> tuple[Table, ColumnElement[bool]]:
    if repository_uid is None:
        return backup_servers, backup_servers.c.instance_uid == backup_server_uid
    is_there = backup_repositories.c.backup_server_uid == backup_server_uid
    return backup_repositories, is_there & (backup_repositories.c.instance_uid == repository_uid)


def _not_found(backup_server_uid: str, repository_uid: str | None) -> NotFound:
    if repository_uid is None:
        return NotFound.of("backup server", backup_server_uid)
    return NotFound.of("backup repository", repository_uid)
