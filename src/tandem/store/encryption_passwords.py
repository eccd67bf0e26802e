"""Encryption passwords, stored and sealed."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select

from tandem.domain.encryption_passwords import EncryptionPassword, EncryptionPasswordColumn
from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.domain.ordering import Order
from tandem.domain.paging import Page, Window
from tandem.store.database import Connection
from tandem.store.mapped import of_server, ordered, sees_any, select_mapped
from tandem.store.query import fetch_page, visible
from tandem.store.secret_tables import encryption_passwords

_PASSWORD = select_mapped(encryption_passwords, EncryptionPassword)
_ORDER = {
    EncryptionPasswordColumn.HINT: func.lower(encryption_passwords.c.hint),
    EncryptionPasswordColumn.MODIFICATION_TIME: encryption_passwords.c.modification_time,
}
AS_MADE: Order[EncryptionPasswordColumn] = Order()
NOUN = "encryption password"


def list_encryption_passwords(
    connection: Connection,
    scope: Scope,
    window: Window,
    backup_server_uid: str,
    *,
    mapped_organization_uid: str | None = None,
    order: Order[EncryptionPasswordColumn] = AS_MADE,
) -> Page[EncryptionPassword]:
    """List the encryption passwords of a backup server that the caller sees, all or those mapped to one company."""
    found = of_server(encryption_passwords, scope, backup_server_uid, mapped_organization_uid=mapped_organization_uid)
    column = None if order.column is None else _ORDER[order.column]
    statement = ordered(_PASSWORD.where(*found), encryption_passwords, column, order)
    return fetch_page(connection, statement, window, EncryptionPassword)


def sees_encryption_passwords(connection: Connection, scope: Scope, backup_server_uid: str) -> bool:
    """Say whether the caller sees any encryption password of a backup server."""
    return sees_any(connection, encryption_passwords, scope, backup_server_uid)


def get_sealed_password(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> str:
    """Get an encryption password of a backup server, sealed for its own uid; raises NotFound."""
    found = of_server(encryption_passwords, scope, backup_server_uid, mapped_organization_uid=None)
    statement = select(encryption_passwords.c.sealed_password)
    sealed = connection.scalar(statement.where(*found, encryption_passwords.c.instance_uid == uid))
    if sealed is None:
        raise NotFound.of(NOUN, uid)
    return sealed


def is_unique_id_taken(connection: Connection, backup_server_uid: str, unique_id: str) -> bool:
    """Say whether an encryption password of a backup server has this id, whoever sees it."""
    is_same = encryption_passwords.c.unique_id == unique_id
    of_it = select(func.count()).where(encryption_passwords.c.backup_server_uid == backup_server_uid, is_same)
    return bool(connection.scalar(of_it))


def insert_encryption_password(connection: Connection, made: EncryptionPassword, *, sealed_password: str) -> None:
    """Store a new encryption password."""
    names = set(EncryptionPassword.__struct_fields__) - {"mapped_organization_name"}
    values = {name: getattr(made, name) for name in names}
    connection.execute(insert(encryption_passwords).values({**values, "sealed_password": sealed_password}))


def delete_encryption_password(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> None:
    """Delete an encryption password that nothing uses; raises NotFound."""
    found = (
        visible(encryption_passwords, scope),
        encryption_passwords.c.instance_uid == uid,
        encryption_passwords.c.backup_server_uid == backup_server_uid,
    )
    if connection.execute(delete(encryption_passwords).where(*found)).rowcount != 1:
        raise NotFound.of(NOUN, uid)
