"""Backup repositories over HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec

from tandem.actions import change_repository_access as change
from tandem.actions import create_repository as create
from tandem.actions.repository_places import Place
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import (
    HostKey,
    ImmutabilityInterval,
    Instant,
    Int32,
    Int64,
    Name,
    RepositoryPath,
    Uid,
    instant_or_none,
)
from tandem.api.http.words import BackupRepositoryInfoStatus, BackupRepositoryInfoType
from tandem.domain.errors import NotFound
from tandem.domain.identity import ScopeKind
from tandem.domain.repositories import BackupRepository
from tandem.domain.repository_locations import RepositoryKind
from tandem.store import backup_servers, organizations, repositories
from tandem.store.database import Connection


class RepositoryInfo(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupRepositoryInfo; sizes in bytes."""

    parent_repository_uid: Uid | None = None
    per_vm_backup_files: bool | None = msgspec.field(name="perVMBackupFiles", default=None)
    capacity: Int64 | None
    is_capacity_available: bool
    free_space: Int64 | None
    is_free_space_available: bool
    used_space: Int64 | None
    is_used_space_available: bool
    backup_size: Int64 | None
    is_immutability_enabled: bool = False
    immutability_interval: Int32 | None = None
    type: BackupRepositoryInfoType
    cloud_repository_uid: Uid | None = None
    path: str
    host_name: str
    host_uid: Uid
    is_out_of_date: bool = False
    status: BackupRepositoryInfoStatus
    is_cloud: bool = False


class RepositoryView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupRepository, why it is in Error, and who has its recovery kit; embedded is the info itself.

    Without a time, nobody has a kit that would open it. By whom is told to those who work for the same organization,
    and to the provider's administrators.
    """

    instance_uid: Uid
    name: str
    backup_server_uid: Uid
    failure: str | None = msgspec.field(name="failureMessage")
    recovery_kit_download_time: Instant | None
    recovery_kit_downloaded_by: str | None
    embedded: RepositoryInfo | msgspec.UnsetType = msgspec.field(name="_embedded", default=msgspec.UNSET)


class RepositoryInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What a repository is made from; `isExisting` registers a restic repository that is there already.

    `path` is a folder of the backup server, or a location elsewhere, which `credentialsUid` opens: `sftp://user@host//folder`
    (with the server's public key in `hostKey`), `s3:https://host/bucket/folder`, or `rest:https://host/name/`.
    `isPlainAllowed` permits http instead of https.
    Its password is the one given, the encryption password of its backup server that is named, or generated.
    """

    name: Name
    path: RepositoryPath
    credentials_uid: UUID | None = None
    host_key: HostKey | None = None
    is_plain_allowed: bool = False
    password: str | None = None
    encryption_password_uid: UUID | None = None
    is_existing: bool = False
    immutability_interval: ImmutabilityInterval = 0


class RepositoryAccessInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What opens a repository elsewhere from now on; what is left out stays as it is."""

    credentials_uid: UUID | None = None
    host_key: HostKey | None = None


class RepositoryParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The query: `companyUid` asks for what is available to a company, its own and the targets of its jobs."""

    company_uid: UUID | None = None


# The contract has no word for a REST server.
_TYPES = {
    RepositoryKind.LOCAL: BackupRepositoryInfoType.LINUX,
    RepositoryKind.SFTP: BackupRepositoryInfoType.LINUX,
    RepositoryKind.S3: BackupRepositoryInfoType.S3_COMPATIBLE,
    RepositoryKind.REST: BackupRepositoryInfoType.UNKNOWN,
}

REPOSITORIES = Resource(RepositoryView, repositories.REPOSITORIES)


def list_repositories(call: Call) -> Many[RepositoryView]:
    """List repositories."""
    asked = REPOSITORIES.read(call)
    expand = call.expands("BackupRepositoryInfo")
    with call.reading() as connection:
        page = repositories.list_repositories(connection, call.scope, asked)
    return Many(page, [view_repository(call, row, with_info=expand) for row in page.rows])


def list_repositories_by_server(call: Call, query: RepositoryParameters) -> Many[RepositoryView]:
    """List the repositories of a backup server: all, or those available to a company."""
    asked = REPOSITORIES.read(call)
    expand = call.expands("BackupRepositoryInfo")
    company_uid = str(query.company_uid) if query.company_uid else None
    with call.reading() as connection:
        server = backup_servers.get_backup_server(connection, call.scope, call.uid("backupServerUid"))
        if company_uid is not None:
            _check_company(call, connection, company_uid)
        page = repositories.list_repositories(
            connection, call.scope, asked, server.instance_uid, company_uid=company_uid
        )
    return Many(page, [view_repository(call, row, with_info=expand) for row in page.rows])


def _check_company(call: Call, connection: Connection, company_uid: str) -> None:
    try:
        organizations.get_company(connection, call.scope, company_uid)
    except NotFound as error:
        raise NotFound(f"companyUid: {error.message}", parameter="companyUid") from error


def get_repository(call: Call) -> One[RepositoryView]:
    """Get a repository."""
    expand = call.expands("BackupRepositoryInfo")
    with call.reading() as connection:
        server_uid, uid = call.uid("backupServerUid"), call.uid("repositoryUid")
        found = repositories.get_repository(connection, call.scope, uid, server_uid)
    return One(view_repository(call, found, with_info=expand))


def create_repository(call: Call, body: RepositoryInput) -> One[RepositoryView]:
    """Create a repository, or register one."""
    made = create.create_repository(call.act, call.uid("backupServerUid"), read_repository(body))
    return One(view_repository(call, made, with_info=True))


def read_repository(body: RepositoryInput) -> create.NewRepository:
    """Turn the body into what the action needs."""
    return create.NewRepository(
        name=body.name,
        place=Place(
            path=body.path,
            credentials_uid=str(body.credentials_uid) if body.credentials_uid else None,
            host_key=body.host_key,
            is_plain_allowed=body.is_plain_allowed,
        ),
        password=body.password,
        is_existing=body.is_existing,
        immutability_interval=body.immutability_interval,
        encryption_password_uid=str(body.encryption_password_uid) if body.encryption_password_uid else None,
    )


def change_repository_access(call: Call, body: RepositoryAccessInput) -> One[RepositoryView]:
    """Have a repository opened with other credentials, or at a server that shows another host key."""
    changed = change.change_repository_access(
        call.act,
        call.uid("backupServerUid"),
        call.uid("repositoryUid"),
        credentials_uid=str(body.credentials_uid) if body.credentials_uid else None,
        host_key=body.host_key,
    )
    return One(view_repository(call, changed, with_info=True))


def view_repository(call: Call, repository: BackupRepository, *, with_info: bool) -> RepositoryView:
    """Show a repository, with what is embedded if that is asked for."""
    is_colleague = call.scope.organization_uid == repository.recovery_kit_organization_uid
    is_told = is_colleague or call.scope.kind is ScopeKind.EVERYTHING
    view = RepositoryView(
        instance_uid=repository.instance_uid,
        name=repository.name,
        backup_server_uid=repository.backup_server_uid,
        failure=repository.failure,
        recovery_kit_download_time=instant_or_none(repository.recovery_kit_download_time),
        recovery_kit_downloaded_by=repository.recovery_kit_user_name if is_told else None,
    )
    if with_info:
        view.embedded = RepositoryInfo(
            capacity=repository.capacity,
            is_capacity_available=repository.capacity is not None,
            free_space=repository.free_space,
            is_free_space_available=repository.free_space is not None,
            used_space=repository.used_space,
            is_used_space_available=repository.used_space is not None,
            backup_size=repository.used_space,
            is_immutability_enabled=repository.immutability_interval > 0,
            immutability_interval=repository.immutability_interval or None,
            type=_TYPES[repository.kind],
            path=repository.path,
            host_name=repository.host_name,
            host_uid=repository.backup_server_uid,
            status=BackupRepositoryInfoStatus(repository.state.condition),
        )
    return view
