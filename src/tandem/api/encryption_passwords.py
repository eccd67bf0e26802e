"""Encryption passwords of a backup server over HTTP: the password comes in and never goes out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from tandem.actions import change_encryption_passwords
from tandem.actions.change_encryption_passwords import NewEncryptionPassword
from tandem.api.http.answers import Done, Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import window_of
from tandem.api.http.ordering import ordered_by
from tandem.api.http.texts import Instant, Name, Text, Uid, instant
from tandem.api.http.words import EncryptionPasswordsOrderColumn
from tandem.domain.encryption_passwords import EncryptionPassword
from tandem.store import backup_servers, encryption_passwords

Hint = Annotated[Text, msgspec.Meta(min_length=1)]


class EncryptionPasswordView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerEncryptionPassword."""

    hint: str
    instance_uid: Uid
    unique_id: str | None
    modification_time: Instant | None
    mapped_organization_uid: Uid | None
    mapped_organization_name: str | None


class EncryptionPasswordInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's BackupServerEncryptionPasswordInput; the organization's name is read, not taken over."""

    # Checked by what a repository can have, so that its length is not told with it.
    password: str
    hint: Hint
    unique_id: Name | None = None
    mapped_organization_uid: UUID | None = None
    mapped_organization_name: Text | None = None


class EncryptionPasswordParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The query: whose passwords are asked for, and in which order."""

    mapped_organization_uid_filter: UUID | None = None
    order_column: EncryptionPasswordsOrderColumn | None = None
    order_asc: bool | None = None


_COLUMNS = {
    EncryptionPasswordsOrderColumn.HINT: "hint",
    EncryptionPasswordsOrderColumn.MODIFICATION_TIME: "modification_time",
}


def list_encryption_passwords(call: Call, query: EncryptionPasswordParameters) -> Many[EncryptionPasswordView]:
    """List the encryption passwords of a backup server: the caller's own or, of another's, those mapped to him."""
    column = _COLUMNS[query.order_column] if query.order_column else None
    asked = ordered_by(window_of(call), column, is_ascending=query.order_asc is not False)
    mapped_uid = str(query.mapped_organization_uid_filter) if query.mapped_organization_uid_filter else None
    uid = call.uid("backupServerUid")
    with call.reading() as connection:
        if not encryption_passwords.sees_encryption_passwords(connection, call.scope, uid):
            backup_servers.get_backup_server(connection, call.scope, uid)
        page = encryption_passwords.list_encryption_passwords(connection, call.scope, asked, uid, mapped_uid)
    return Many(page, [_view(row) for row in page.rows])


def create_encryption_password(call: Call, body: EncryptionPasswordInput) -> One[EncryptionPasswordView]:
    """Add an encryption password."""
    new = NewEncryptionPassword(
        password=body.password,
        hint=body.hint,
        unique_id=body.unique_id,
        mapped_organization_uid=str(body.mapped_organization_uid) if body.mapped_organization_uid else None,
    )
    made = change_encryption_passwords.create_encryption_password(call.act, call.uid("backupServerUid"), new)
    return One(_view(made))


def delete_encryption_password(call: Call) -> Done:
    """Delete an encryption password that nothing uses."""
    server_uid, uid = call.uid("backupServerUid"), call.uid("passwordUid")
    change_encryption_passwords.delete_encryption_password(call.act, server_uid, uid)
    return Done()


def _view(found: EncryptionPassword) -> EncryptionPasswordView:
    return EncryptionPasswordView(
        hint=found.hint,
        instance_uid=found.instance_uid,
        unique_id=found.unique_id,
        modification_time=instant(found.modification_time),
        mapped_organization_uid=found.mapped_organization_uid,
        mapped_organization_name=found.mapped_organization_name,
    )
