"""Encryption passwords of a backup server over HTTP: the password comes in and never goes out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from starlette.responses import Response

from tandem.actions import change_encryption_passwords
from tandem.actions.change_encryption_passwords import NewEncryptionPassword
from tandem.api.bodies import read_body
from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, empty, single
from tandem.api.mapped import read_order, read_uid
from tandem.api.texts import Name, Text, instant
from tandem.domain.encryption_passwords import EncryptionPassword, EncryptionPasswordColumn
from tandem.store import backup_servers, encryption_passwords

Hint = Annotated[Text, msgspec.Meta(min_length=1)]


class EncryptionPasswordView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerEncryptionPassword."""

    hint: str
    instance_uid: str
    unique_id: str | None
    modification_time: str | None
    mapped_organization_uid: str | None
    mapped_organization_name: str | None


class EncryptionPasswordInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's BackupServerEncryptionPasswordInput; the organization's name is read, not taken over."""

    # Checked by what a repository can have, so that its length is not told with it.
    password: str
    hint: Hint
    unique_id: Name | None = None
    mapped_organization_uid: UUID | None = None
    mapped_organization_name: Text | None = None


def list_encryption_passwords(call: Call) -> Response:
    """List the encryption passwords of a backup server: the caller's own or, of another's, those mapped to him."""
    refuse_unserved_parameters(call)
    uid = call.uid("backupServerUid")
    with call.reading() as connection:
        if not encryption_passwords.sees_encryption_passwords(connection, call.scope, uid):
            backup_servers.get_backup_server(connection, call.scope, uid)
        page = encryption_passwords.list_encryption_passwords(
            connection,
            call.scope,
            call.window(),
            uid,
            mapped_organization_uid=read_uid(call, "mappedOrganizationUidFilter"),
            order=read_order(call, EncryptionPasswordColumn),
        )
    return collection(page, [_view(row) for row in page.rows])


def create_encryption_password(call: Call) -> Response:
    """Add an encryption password."""
    body = read_body(call, EncryptionPasswordInput)
    new = NewEncryptionPassword(
        password=body.password,
        hint=body.hint,
        unique_id=body.unique_id,
        mapped_organization_uid=str(body.mapped_organization_uid) if body.mapped_organization_uid else None,
    )
    made = change_encryption_passwords.create_encryption_password(call.act, call.uid("backupServerUid"), new)
    return single(_view(made))


def delete_encryption_password(call: Call) -> Response:
    """Delete an encryption password that nothing uses."""
    server_uid, uid = call.uid("backupServerUid"), call.uid("passwordUid")
    change_encryption_passwords.delete_encryption_password(call.act, server_uid, uid)
    return empty()


def _view(found: EncryptionPassword) -> EncryptionPasswordView:
    return EncryptionPasswordView(
        hint=found.hint,
        instance_uid=found.instance_uid,
        unique_id=found.unique_id,
        modification_time=instant(found.modification_time),
        mapped_organization_uid=found.mapped_organization_uid,
        mapped_organization_name=found.mapped_organization_name,
    )
