"""Creating a backup repository: the console decides and remembers, the owning agent makes it."""

from __future__ import annotations

import msgspec

from tandem.actions.ask_agent import PAUSE_SECONDS, require_connected
from tandem.actions.context import Act, new_uid
from tandem.actions.paths import check_path, refuse_overlap
from tandem.domain.backup_servers import BackupServer
from tandem.domain.errors import Conflict, Invalid
from tandem.domain.repositories import BackupRepository, RepositoryState
from tandem.sealing import generate_password
from tandem.store import activity_log, backup_servers, file_shares, repositories
from tandem.store.database import Connection

PATIENCE_SECONDS = 60
PASSWORD_LENGTH_MAX = 1024


class NewRepository(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository is made from; a password is generated when none is given."""

    name: str
    path: str
    password: str | None
    is_existing: bool


def create_repository(act: Act, backup_server_uid: str, new: NewRepository) -> BackupRepository:
    """Create a repository, or register one that exists, and wait until its agent has done so.

    The first repository of a backup server begins a family; later ones get its chunker parameters, without which a
    copy would take the space twice (restic manual, "Copying snapshots between repositories").

    Raises:
        NotFound: if the backup server is not there for the caller.
        Invalid: naming the field, also for what the agent finds wrong.
        Conflict: if name or path are taken, or restic's repository id is registered already.
        Unavailable: if the agent is away.
    """
    path = check_path(new.path, "path")
    password = _password(new)
    with act.context.database.reading() as connection:
        server = backup_servers.get_backup_server(connection, act.caller.scope, backup_server_uid)
    require_connected(act.context, server)
    uid = _insert(act, server, msgspec.structs.replace(new, path=path, password=password))
    state, failure = _wait(act, uid)
    if state is RepositoryState.FAILED:
        with act.context.database.writing() as connection:
            repositories.delete_failed_repository(connection, uid)
            backup_servers.bump_revision(connection, backup_server_uid)
        refused = Conflict if "registered already" in (failure or "") else Invalid
        raise refused(f"path: {path}: {failure}", field="path")
    with act.context.database.reading() as connection:
        return repositories.get_repository(connection, act.caller.scope, uid, backup_server_uid)


def _password(new: NewRepository) -> str:
    if new.password is None:
        if new.is_existing:
            raise Invalid("password: the password of the existing repository is needed.", field="password")
        return generate_password()
    is_plain = new.password.isprintable() and new.password.strip() == new.password
    if not 1 <= len(new.password) <= PASSWORD_LENGTH_MAX or not is_plain:
        text = f"password: needs 1 to {PASSWORD_LENGTH_MAX} printable characters, no space at either end."
        raise Invalid(text, field="password")
    return new.password


def _insert(act: Act, server: BackupServer, new: NewRepository) -> str:
    uid = new_uid()
    with act.context.database.writing() as connection:
        backup_servers.bump_revision(connection, server.instance_uid)
        family_uid = _check_neighbours(connection, server.instance_uid, new)
        repository = BackupRepository(
            instance_uid=uid,
            name=new.name,
            backup_server_uid=server.instance_uid,
            organization_uid=server.organization_uid,
            path=new.path,
            host_name=server.host_name,
            state=RepositoryState.CREATING,
            failure=None,
            restic_id=None,
            capacity=None,
            free_space=None,
            used_space=None,
        )
        repositories.insert_repository(
            connection,
            repository,
            sealed_password=act.context.seal.close(new.password or "", uid),
            is_existing=new.is_existing,
            family_uid=family_uid,
            created_at=act.now,
        )
        activity_log.record_activity(
            connection,
            act.caller,
            "CreateBackupRepository",
            object_uid=uid,
            object_organization_uid=repository.organization_uid,
            detail=f"{new.name} ({new.path})",
            now=act.now,
        )
    return uid


def _check_neighbours(connection: Connection, backup_server_uid: str, new: NewRepository) -> str | None:
    neighbours = repositories.repositories_of_server(connection, backup_server_uid)
    for neighbour in neighbours:
        if neighbour.state is RepositoryState.FAILED and neighbour.restic_id is None:
            repositories.delete_failed_repository(connection, neighbour.instance_uid)
            continue
        if neighbour.name == new.name:
            raise Conflict(f'name: a repository named "{new.name}" exists on this backup server.', field="name")
        refuse_overlap(new.path, neighbour.path, field="path", what=f"the repository {neighbour.name}")
    for _uid, name, path in file_shares.paths_of_server(connection, backup_server_uid):
        refuse_overlap(new.path, path, field="path", what=f"the file share {name}")
    ready = [neighbour.instance_uid for neighbour in neighbours if neighbour.state is RepositoryState.READY]
    return ready[0] if ready else None


def _wait(act: Act, uid: str) -> tuple[RepositoryState, str | None]:
    state: RepositoryState = RepositoryState.CREATING
    failure: str | None = None
    for _ in range(round(PATIENCE_SECONDS / PAUSE_SECONDS)):
        with act.context.database.reading() as connection:
            state, failure = repositories.repository_state(connection, uid)
        if state is not RepositoryState.CREATING:
            break
        act.context.pause(PAUSE_SECONDS)
    return state, failure
