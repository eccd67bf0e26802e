"""Backup repositories over HTTP."""

from __future__ import annotations

import msgspec

from tandem.actions import create_repository as create
from tandem.api.answers import Many, One
from tandem.api.call import Call
from tandem.api.listing import Resource
from tandem.api.texts import Int32, Int64, Name, Path, Uid
from tandem.api.words import BackupRepositoryInfoStatus, BackupRepositoryInfoType
from tandem.domain.repositories import BackupRepository
from tandem.store import backup_servers, repositories


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
    type: BackupRepositoryInfoType = BackupRepositoryInfoType.LINUX
    cloud_repository_uid: Uid | None = None
    path: str
    host_name: str
    host_uid: Uid
    is_out_of_date: bool = False
    status: BackupRepositoryInfoStatus
    is_cloud: bool = False


class RepositoryView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupRepository; what is embedded is the info itself."""

    instance_uid: Uid
    name: str
    backup_server_uid: Uid
    embedded: RepositoryInfo | msgspec.UnsetType = msgspec.field(name="_embedded", default=msgspec.UNSET)


class RepositoryInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What a repository is made from; `isExisting` registers a restic repository that is there already."""

    name: Name
    path: Path
    password: str | None = None
    is_existing: bool = False


REPOSITORIES = Resource(RepositoryView, repositories.REPOSITORIES)


def list_repositories(call: Call) -> Many[RepositoryView]:
    """List repositories of every backup server, or of the one in the path."""
    query = REPOSITORIES.read(call)
    expand = call.expands("BackupRepositoryInfo")
    with call.reading() as connection:
        server_uid = call.uid("backupServerUid") if "backupServerUid" in call.path else None
        if server_uid is not None:
            backup_servers.get_backup_server(connection, call.scope, server_uid)
        page = repositories.list_repositories(connection, call.scope, query, server_uid)
    return Many(page, [_view(row, with_info=expand) for row in page.rows])


def get_repository(call: Call) -> One[RepositoryView]:
    """Get a repository."""
    expand = call.expands("BackupRepositoryInfo")
    with call.reading() as connection:
        server_uid, uid = call.uid("backupServerUid"), call.uid("repositoryUid")
        found = repositories.get_repository(connection, call.scope, uid, server_uid)
    return One(_view(found, with_info=expand))


def create_repository(call: Call, body: RepositoryInput) -> One[RepositoryView]:
    """Create a repository, or register one."""
    new = create.NewRepository(name=body.name, path=body.path, password=body.password, is_existing=body.is_existing)
    return One(_view(create.create_repository(call.act, call.uid("backupServerUid"), new), with_info=True))


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
            status=BackupRepositoryInfoStatus(repository.state.condition),
        )
    return view
