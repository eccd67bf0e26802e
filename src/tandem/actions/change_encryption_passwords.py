"""Adding encryption passwords to a backup server, and deleting them; the password goes in and never comes out."""

from __future__ import annotations

import msgspec

from tandem.actions.change_credentials import refuse_in_use
from tandem.actions.context import Act, new_uid
from tandem.actions.mapping import find_mapped
from tandem.domain.encryption_passwords import EncryptionPassword, check_password
from tandem.domain.errors import Conflict
from tandem.store import activity_log, backup_servers, encryption_passwords, repositories


class NewEncryptionPassword(msgspec.Struct, frozen=True, kw_only=True):
    """What an encryption password is made from."""

    password: str
    hint: str
    unique_id: str | None
    mapped_organization_uid: str | None

    def __repr__(self) -> str:
        """Show nothing of the password."""
        return f"NewEncryptionPassword({self.hint!r}, …)"


def create_encryption_password(act: Act, backup_server_uid: str, new: NewEncryptionPassword) -> EncryptionPassword:
    """Add an encryption password to a backup server.

    Raises:
        NotFound: if the backup server, or the company it is mapped to, is not there for the caller.
        Invalid: if no repository could have this password, or the backup server has nothing to do with the company.
        Conflict: if the unique id is taken on this backup server.
    """
    check_password(new.password)
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        server = backup_servers.get_backup_server(connection, scope, backup_server_uid)
        company = find_mapped(connection, scope, server, new.mapped_organization_uid)
        unique_id = new.unique_id
        if unique_id is not None and encryption_passwords.is_unique_id_taken(connection, backup_server_uid, unique_id):
            text = f'uniqueId: an encryption password with the id "{unique_id}" exists on this backup server.'
            raise Conflict(text, field="uniqueId")
        made = EncryptionPassword(
            instance_uid=new_uid(),
            backup_server_uid=server.instance_uid,
            organization_uid=server.organization_uid,
            mapped_organization_uid=company.instance_uid if company else None,
            mapped_organization_name=company.name if company else None,
            hint=new.hint,
            unique_id=unique_id,
            modification_time=act.now,
        )
        sealed = act.context.seal.close(new.password, made.instance_uid)
        encryption_passwords.insert_encryption_password(connection, made, sealed_password=sealed)
        activity_log.record_activity(
            connection,
            act.caller,
            "CreateBackupServerEncryptionPassword",
            object_uid=made.instance_uid,
            detail=f"of {server.name}",
            now=act.now,
            object_organization_uid=made.mapped_organization_uid or made.organization_uid,
        )
    return made


def delete_encryption_password(act: Act, backup_server_uid: str, uid: str) -> None:
    """Delete an encryption password.

    Raises:
        NotFound: if the backup server or the password is not there for the caller. Seeing a password that is mapped
            to him, on a backup server that is not his, is not enough.
        Conflict: if a repository was made with it, saying which: a person who looks for the password finds it here.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        server = backup_servers.get_backup_server(connection, scope, backup_server_uid)
        encryption_passwords.get_sealed_password(connection, scope, uid, backup_server_uid)
        names = repositories.repositories_with_password(connection, uid)
        refuse_in_use(f"The encryption password {uid}", "the repository", names)
        encryption_passwords.delete_encryption_password(connection, scope, uid, backup_server_uid)
        activity_log.record_activity(
            connection,
            act.caller,
            "DeleteBackupServerEncryptionPassword",
            object_uid=uid,
            detail=f"of {server.name}",
            now=act.now,
            object_organization_uid=server.organization_uid,
        )
