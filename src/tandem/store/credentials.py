"""Credentials, stored; their secrets sealed."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select

from tandem.domain.credentials import Credentials, CredentialsColumn
from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.domain.ordering import Order
from tandem.domain.paging import Page, Window
from tandem.store.database import Connection
from tandem.store.mapped import of_server, ordered, sees_any, select_mapped
from tandem.store.query import fetch_one, fetch_page, visible
from tandem.store.secret_tables import credentials

_CREDENTIALS = select_mapped(credentials, Credentials)
_ORDER = {
    CredentialsColumn.DESCRIPTION: func.lower(func.coalesce(credentials.c.description, "")),
    CredentialsColumn.USERNAME: func.lower(credentials.c.username),
}
AS_MADE: Order[CredentialsColumn] = Order()


def list_credentials(
    connection: Connection,
    scope: Scope,
    window: Window,
    backup_server_uid: str,
    *,
    mapped_organization_uid: str | None = None,
    order: Order[CredentialsColumn] = AS_MADE,
) -> Page[Credentials]:
    """List the credentials of a backup server that the caller sees, all or those mapped to one company."""
    found = of_server(credentials, scope, backup_server_uid, mapped_organization_uid=mapped_organization_uid)
    column = None if order.column is None else _ORDER[order.column]
    return fetch_page(connection, ordered(_CREDENTIALS.where(*found), credentials, column, order), window, Credentials)


def sees_credentials(connection: Connection, scope: Scope, backup_server_uid: str) -> bool:
    """Say whether the caller sees any credentials of a backup server."""
    return sees_any(connection, credentials, scope, backup_server_uid)


def get_credentials(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> Credentials:
    """Get credentials of a backup server; raises NotFound."""
    found = of_server(credentials, scope, backup_server_uid, mapped_organization_uid=None)
    statement = _CREDENTIALS.where(*found, credentials.c.instance_uid == uid)
    return fetch_one(connection, statement, Credentials, noun="credentials", uid=uid)


def insert_credentials(connection: Connection, made: Credentials, *, sealed_secrets: str) -> None:
    """Store new credentials."""
    names = set(Credentials.__struct_fields__) - {"mapped_organization_name"}
    values = {name: getattr(made, name) for name in names}
    connection.execute(insert(credentials).values({**values, "sealed_secrets": sealed_secrets}))


def delete_credentials(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> None:
    """Delete credentials of a backup server that nothing uses; raises NotFound."""
    found = (
        visible(credentials, scope),
        credentials.c.instance_uid == uid,
        credentials.c.backup_server_uid == backup_server_uid,
    )
    if connection.execute(delete(credentials).where(*found)).rowcount != 1:
        raise NotFound.of("credentials", uid)


def secrets_of_server(connection: Connection, backup_server_uid: str) -> dict[str, tuple[str, str]]:
    """Get user name and sealed secrets, by credentials."""
    columns = select(credentials.c.instance_uid, credentials.c.username, credentials.c.sealed_secrets)
    rows = connection.execute(columns.where(credentials.c.backup_server_uid == backup_server_uid))
    return {row[0]: (row[1], row[2]) for row in rows}
