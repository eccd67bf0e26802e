"""Backup repositories over HTTP."""

from __future__ import annotations

from uuid import UUID

import msgspec
from starlette.responses import Response

from tandem.actions import create_repository as create
from tandem.api.bodies import read_body
from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, single
from tandem.api.mapped import read_uid
from tandem.api.texts import Name, Path
from tandem.domain.errors import NotFound
from tandem.domain.repositories import BackupRepository, RepositoryState, RepositoryStatus, RepositoryType
from tandem.store import backup_servers, organizations, repositories
from tandem.store.database import Connection

_STATUS = {
    RepositoryState.CREATING: RepositoryStatus.UNKNOWN,
    RepositoryState.READY: RepositoryStatus.HEALTHY,
    RepositoryState.FAILED: RepositoryStatus.ERROR,
}


class RepositoryInfo(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupRepositoryInfo; sizes in bytes."""

    parent_repository_uid: str | None = None
    per_vm_backup_files: bool | None = msgspec.field(name="perVMBackupFiles", default=None)
    capacity: int | None
    is_capacity_available: bool
    free_space: int | None
    is_free_space_available: bool
    used_space: int | None
    is_used_space_available: bool
    backup_size: int | None
    is_immutability_enabled: bool = False
    immutability_interval: int | None = None
    type: RepositoryType = RepositoryType.LINUX
    cloud_repository_uid: str | None = None
    path: str
    host_name: str
    host_uid: str
    is_out_of_date: bool = False
    status: RepositoryStatus
    is_cloud: bool = False


class RepositoryView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupRepository; what is embedded is the info itself."""

    instance_uid: str
    name: str
    backup_server_uid: str
    embedded: RepositoryInfo | msgspec.UnsetType = msgspec.field(name="_embedded", default=msgspec.UNSET)


class RepositoryInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What a repository is made from; `isExisting` registers a restic repository that is there already.

    Its password is the one given, the encryption password of its backup server that is named, or generated.
    """

    name: Name
    path: Path
    password: str | None = None
    encryption_password_uid: UUID | None = None
    is_existing: bool = False


def list_repositories(call: Call) -> Response:
    """List repositories of every backup server, or of the one in the path."""
    refuse_unserved_parameters(call)
    expand = call.expands("BackupRepositoryInfo")
    with call.reading() as connection:
        server_uid = call.uid("backupServerUid") if "backupServerUid" in call.path else None
        if server_uid is not None:
            backup_servers.get_backup_server(connection, call.scope, server_uid)
        company_uid = _company(call, connection) if server_uid is not None else None
        page = repositories.list_repositories(
            connection, call.scope, call.window(), server_uid, company_uid=company_uid
        )
    return collection(page, [_view(row, with_info=expand) for row in page.rows])


def _company(call: Call, connection: Connection) -> str | None:
    """Read `companyUid`: only what is available to that company is asked for."""
    uid = read_uid(call, "companyUid")
    if uid is None:
        return None
    try:
        return organizations.get_company(connection, call.scope, uid).instance_uid
    except NotFound as error:
        raise NotFound(f"companyUid: {error.message}", parameter="companyUid") from error


def get_repository(call: Call) -> Response:
    """Get a repository."""
    expand = call.expands("BackupRepositoryInfo")
    with call.reading() as connection:
        server_uid, uid = call.uid("backupServerUid"), call.uid("repositoryUid")
        found = repositories.get_repository(connection, call.scope, uid, server_uid)
    return single(_view(found, with_info=expand))


def create_repository(call: Call) -> Response:
    """Create a repository, or register one."""
    body = read_body(call, RepositoryInput)
    new = create.NewRepository(
        name=body.name,
        path=body.path,
        password=body.password,
        is_existing=body.is_existing,
        encryption_password_uid=str(body.encryption_password_uid) if body.encryption_password_uid else None,
    )
    return single(_view(create.create_repository(call.act, call.uid("backupServerUid"), new), with_info=True))


def _view(repository: BackupRepository, *, with_info: bool) -> RepositoryView:
    view = RepositoryView(
        instance_uid=repository.instance_uid,
        name=repository.name,
        backup_server_uid=repository.backup_server_uid,
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
            path=repository.path,
            host_name=repository.host_name,
            host_uid=repository.backup_server_uid,
            status=_STATUS[repository.state],
        )
    return view
