"""Encryption passwords, stored and sealed."""

from __future__ import annotations

from sqlalchemy import delete, exists, func, insert, select

from tandem.domain.encryption_passwords import EncryptionPassword
from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import visible
from tandem.store.schema.secret_tables import encryption_passwords
from tandem.store.schema.tables import organizations

ENCRYPTION_PASSWORDS = Collection(
    encryption_passwords,
    EncryptionPassword,
    source=encryption_passwords.outerjoin(
        organizations, organizations.c.instance_uid == encryption_passwords.c.mapped_organization_uid
    ),
    columns={"mapped_organization_name": organizations.c.name},
)
NOUN = "encryption password"


def list_encryption_passwords(
    connection: Connection,
    scope: Scope,
    query: Query,
    backup_server_uid: str,
    mapped_organization_uid: str | None = None,
) -> Page[EncryptionPassword]:
    """List the encryption passwords of a backup server that the caller sees, all or those mapped to one company."""
    return ENCRYPTION_PASSWORDS.page(
        connection,
        scope,
        query,
        backup_server_uid=backup_server_uid,
        mapped_organization_uid=mapped_organization_uid,
    )


def sees_encryption_passwords(connection: Connection, scope: Scope, backup_server_uid: str) -> bool:
    """Say whether the caller sees any encryption password of a backup server."""
    of_server = encryption_passwords.c.backup_server_uid == backup_server_uid
    return bool(connection.scalar(select(exists().where(visible(encryption_passwords, scope), of_server))))


def get_sealed_password(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> str:
    """Get an encryption password of a backup server, sealed for its own uid; raises NotFound."""
    statement = select(encryption_passwords.c.sealed_password).where(
        visible(encryption_passwords, scope),
        encryption_passwords.c.instance_uid == uid,
        encryption_passwords.c.backup_server_uid == backup_server_uid,
    )
    sealed = connection.scalar(statement)
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
