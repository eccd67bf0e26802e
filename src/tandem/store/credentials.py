"""Credentials, stored; their secrets sealed."""

from __future__ import annotations

from sqlalchemy import delete, exists, insert, select

from tandem.domain.credentials import Credentials
from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import visible
from tandem.store.schema.secret_tables import credentials
from tandem.store.schema.tables import organizations

CREDENTIALS = Collection(
    credentials,
    Credentials,
    source=credentials.outerjoin(organizations, organizations.c.instance_uid == credentials.c.mapped_organization_uid),
    columns={"mapped_organization_name": organizations.c.name},
)


def list_credentials(
    connection: Connection,
    scope: Scope,
    query: Query,
    backup_server_uid: str,
    mapped_organization_uid: str | None = None,
) -> Page[Credentials]:
    """List the credentials of a backup server that the caller sees, all or those mapped to one company."""
    return CREDENTIALS.page(
        connection,
        scope,
        query,
        backup_server_uid=backup_server_uid,
        mapped_organization_uid=mapped_organization_uid,
    )


def sees_credentials(connection: Connection, scope: Scope, backup_server_uid: str) -> bool:
    """Say whether the caller sees any credentials of a backup server, which he may without seeing the server."""
    found = exists().where(visible(credentials, scope), credentials.c.backup_server_uid == backup_server_uid)
    return bool(connection.scalar(select(found)))


def get_credentials(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> Credentials:
    """Get credentials of a backup server; raises NotFound."""
    found = CREDENTIALS.page(connection, scope, Query(), instance_uid=uid, backup_server_uid=backup_server_uid)
    if not found.rows:
        raise NotFound.of("credentials", uid)
    return found.rows[0]


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
