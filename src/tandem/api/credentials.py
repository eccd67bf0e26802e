"""Credentials of a backup server over HTTP: secrets come in and never go out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from tandem.actions import change_credentials
from tandem.actions.change_credentials import NewCredentials
from tandem.api.http.answers import Done, Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import window_of
from tandem.api.http.ordering import ordered_by
from tandem.api.http.texts import Instant, Int32, Name, PrivateKey, Secret, Text, Uid, instant
from tandem.api.http.words import CredentialsOrderColumn
from tandem.domain.credentials import SSH_PORT, Credentials, CredentialsType, LinuxDetails, Secrets
from tandem.store import backup_servers, credentials

Port = Annotated[int, msgspec.Meta(ge=1, le=65_535)]


class LinuxDetailsView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerCredentialsRecordLinuxDetails; what is secret is never told."""

    ssh_port: Int32
    auto_elevated: bool
    add_to_sudoers: bool
    use_su: bool
    private_key: str | None = None
    passphrase: str | None = None


class CredentialsRecordView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerCredentialsRecord."""

    instance_uid: Uid
    type: CredentialsType
    username: str
    creation_time: Instant
    description: str | None
    mapped_organization_uid: Uid | None
    mapped_organization_name: str | None
    linux_credentials_details: LinuxDetailsView | UnsetType = UNSET


class StandardCredentialsView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServerCredentialsStandard."""

    instance_uid: Uid
    username: str
    description: str | None
    creation_time: Instant
    mapped_organization_uid: Uid | None
    mapped_organization_name: str | None


class LinuxCredentialsView(StandardCredentialsView, rename="camel", kw_only=True):
    """The contract's BackupServerCredentialsLinux; what is secret is never told."""

    ssh_port: Int32
    auto_elevated: bool
    add_to_sudoers: bool
    use_su: bool
    private_key: str | None = None
    passphrase: str | None = None


class StandardCredentialsInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's BackupServerCredentialsStandardInput."""

    username: Name
    password: Secret
    description: Text | None = None
    mapped_organization_uid: UUID | None = None


class LinuxCredentialsInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's BackupServerCredentialsLinuxInput."""

    username: Name
    password: Secret | None = None
    description: Text | None = None
    mapped_organization_uid: UUID | None = None
    ssh_port: Port = SSH_PORT
    auto_elevated: bool = False
    add_to_sudoers: bool = False
    use_su: bool = False
    private_key: PrivateKey | None = None
    passphrase: Secret | None = None
    root_password: Secret | None = None


class CredentialsParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The query: whose credentials are asked for, and in which order."""

    mapped_organization_uid_filter: UUID | None = None
    order_column: CredentialsOrderColumn | None = None
    order_asc: bool | None = None


_COLUMNS = {CredentialsOrderColumn.DESCRIPTION: "description", CredentialsOrderColumn.USERNAME: "username"}


def list_credentials(call: Call, query: CredentialsParameters) -> Many[CredentialsRecordView]:
    """List the credentials of a backup server: all of the caller's own, or, of another's, those mapped to him."""
    column = _COLUMNS[query.order_column] if query.order_column else None
    asked = ordered_by(window_of(call), column, is_ascending=query.order_asc is not False)
    mapped_uid = str(query.mapped_organization_uid_filter) if query.mapped_organization_uid_filter else None
    uid = call.uid("backupServerUid")
    with call.reading() as connection:
        if not credentials.sees_credentials(connection, call.scope, uid):
            backup_servers.get_backup_server(connection, call.scope, uid)
        page = credentials.list_credentials(connection, call.scope, asked, uid, mapped_uid)
    return Many(page, [_record(row) for row in page.rows])


def create_standard_credentials(call: Call, body: StandardCredentialsInput) -> One[StandardCredentialsView]:
    """Add credentials of the type Standard."""
    new = NewCredentials(
        username=body.username,
        description=body.description,
        mapped_organization_uid=str(body.mapped_organization_uid) if body.mapped_organization_uid else None,
        linux=None,
        secrets=Secrets(password=body.password),
    )
    made = change_credentials.create_credentials(call.act, call.uid("backupServerUid"), new)
    return One(
        StandardCredentialsView(
            instance_uid=made.instance_uid,
            username=made.username,
            description=made.description,
            creation_time=instant(made.creation_time),
            mapped_organization_uid=made.mapped_organization_uid,
            mapped_organization_name=made.mapped_organization_name,
        )
    )


def create_linux_credentials(call: Call, body: LinuxCredentialsInput) -> One[LinuxCredentialsView]:
    """Add credentials of the type Linux."""
    details = LinuxDetails(
        ssh_port=body.ssh_port,
        auto_elevated=body.auto_elevated,
        add_to_sudoers=body.add_to_sudoers,
        use_su=body.use_su,
    )
    new = NewCredentials(
        username=body.username,
        description=body.description,
        mapped_organization_uid=str(body.mapped_organization_uid) if body.mapped_organization_uid else None,
        linux=details,
        secrets=Secrets(
            password=body.password,
            root_password=body.root_password,
            private_key=body.private_key,
            passphrase=body.passphrase,
        ),
    )
    made = change_credentials.create_credentials(call.act, call.uid("backupServerUid"), new)
    return One(
        LinuxCredentialsView(
            instance_uid=made.instance_uid,
            username=made.username,
            description=made.description,
            creation_time=instant(made.creation_time),
            mapped_organization_uid=made.mapped_organization_uid,
            mapped_organization_name=made.mapped_organization_name,
            **msgspec.structs.asdict(details),
        )
    )


def delete_credentials(call: Call) -> Done:
    """Delete credentials that nothing uses."""
    change_credentials.delete_credentials(call.act, call.uid("backupServerUid"), call.uid("credentialsUid"))
    return Done()


def _record(found: Credentials) -> CredentialsRecordView:
    linux = UNSET if found.linux is None else LinuxDetailsView(**msgspec.structs.asdict(found.linux))
    return CredentialsRecordView(
        instance_uid=found.instance_uid,
        type=found.type,
        username=found.username,
        creation_time=instant(found.creation_time),
        description=found.description,
        mapped_organization_uid=found.mapped_organization_uid,
        mapped_organization_name=found.mapped_organization_name,
        linux_credentials_details=linux,
    )
