"""Creating a backup repository: the console decides and remembers, the owning agent makes it."""

from __future__ import annotations

import msgspec

from tandem.actions.ask_agent import PAUSE_SECONDS, require_connected
from tandem.actions.context import Act, named_in, new_uid
from tandem.actions.paths import refuse_overlap
from tandem.actions.repository_places import Place, check_place
from tandem.domain.backup_servers import BackupServer
from tandem.domain.encryption_passwords import check_password
from tandem.domain.errors import Conflict, ConsoleError, Invalid
from tandem.domain.file_shares import ShareKind, kind_of
from tandem.domain.identity import Scope
from tandem.domain.repositories import BackupRepository, RepositoryState
from tandem.sealing import generate_password
from tandem.store import activity_log, backup_servers, encryption_passwords, file_shares, repositories
from tandem.store.database import Connection

PATIENCE_SECONDS = 60


class NewRepository(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository is made from: a password, the backup server's encryption password, or one that is generated."""

    name: str
    place: Place
    password: str | None
    is_existing: bool
    encryption_password_uid: str | None = None
    immutability_interval: int = 0

    def __repr__(self) -> str:
        """Show nothing of the password."""
        return f"NewRepository({self.name!r}, {self.place.path!r}, …)"


def create_repository(act: Act, backup_server_uid: str, new: NewRepository) -> BackupRepository:
    """Create a repository, or register one that exists, and wait until its agent has done so.

    The first repository of a backup server begins a family; later ones get its chunker parameters, without which a
    copy would take the space twice (restic manual, "Copying snapshots between repositories").

    Raises:
        NotFound: if the backup server, its encryption password or credentials are not there for the caller.
        Invalid: naming the field, also for what the agent finds wrong.
        Conflict: if name or path are taken, or restic's repository id is registered already.
        Unavailable: if the agent is away.
    """
    password = _password(new)
    scope = act.caller.scope
    with act.context.database.reading() as connection:
        server = backup_servers.get_backup_server(connection, scope, backup_server_uid)
        if new.encryption_password_uid is not None:
            _find_sealed(connection, scope, new.encryption_password_uid, backup_server_uid)
        place = check_place(connection, act, backup_server_uid, new.place)
    require_connected(act.context, server)
    uid = _insert(act, server, msgspec.structs.replace(new, place=place, password=password))
    state, failure = _wait(act, uid)
    if state is RepositoryState.FAILED:
        with act.context.database.writing() as connection:
            repositories.delete_failed_repository(connection, uid)
            backup_servers.bump_revision(connection, backup_server_uid)
        raise _refusal(place.path, failure or "")
    with act.context.database.reading() as connection:
        return repositories.get_repository(connection, scope, uid, backup_server_uid)


def _refusal(path: str, failure: str) -> ConsoleError:
    if failure.startswith("hostKey: "):
        return Invalid(failure, field="hostKey")
    refused = Conflict if "registered already" in failure else Invalid
    return refused(f"path: {path}: {failure}", field="path")


def _password(new: NewRepository) -> str | None:
    """Settle on a password; None if the backup server's encryption password is taken."""
    if new.encryption_password_uid is not None:
        if new.password is not None:
            text = "encryptionPasswordUid: give this or a password, not both."
            raise Invalid(text, field="encryptionPasswordUid")
        return None
    if new.password is None:
        if new.is_existing:
            raise Invalid("password: the password of the existing repository is needed.", field="password")
        return generate_password()
    check_password(new.password)
    return new.password


def _find_sealed(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> str:
    with named_in("encryptionPasswordUid"):
        return encryption_passwords.get_sealed_password(connection, scope, uid, backup_server_uid)


def _insert(act: Act, server: BackupServer, new: NewRepository) -> str:
    uid = new_uid()
    with act.context.database.writing() as connection:
        backup_servers.bump_revision(connection, server.instance_uid)
        # Once more: the credentials may have been deleted meanwhile.
        check_place(connection, act, server.instance_uid, new.place)
        family_uid = _check_neighbours(connection, server.instance_uid, new)
        repository = BackupRepository(
            instance_uid=uid,
            name=new.name,
            backup_server_uid=server.instance_uid,
            organization_uid=server.organization_uid,
            path=new.place.path,
            host_name=server.host_name,
            state=RepositoryState.CREATING,
            failure=None,
            restic_id=None,
            capacity=None,
            free_space=None,
            used_space=None,
            immutability_interval=new.immutability_interval,
        )
        repositories.insert_repository(
            connection,
            repository,
            sealed_password=act.context.seal.close(_opened(connection, act, server, new), uid),
            is_existing=new.is_existing,
            family_uid=family_uid,
            created_at=act.now,
            encryption_password_uid=new.encryption_password_uid,
            credentials_uid=new.place.credentials_uid,
            host_key=new.place.host_key,
        )
        activity_log.record_activity(
            connection,
            act.caller,
            "CreateBackupRepository",
            object_uid=uid,
            object_organization_uid=repository.organization_uid,
            detail=f"{new.name} ({new.place.path})",
            now=act.now,
        )
    return uid


def _opened(connection: Connection, act: Act, server: BackupServer, new: NewRepository) -> str:
    if new.encryption_password_uid is None:
        return new.password or ""
    sealed = _find_sealed(connection, act.caller.scope, new.encryption_password_uid, server.instance_uid)
    return act.context.seal.open(sealed, new.encryption_password_uid)


def _check_neighbours(connection: Connection, backup_server_uid: str, new: NewRepository) -> str | None:
    neighbours = repositories.repositories_of_server(connection, backup_server_uid)
    for neighbour in neighbours:
        if neighbour.state is RepositoryState.FAILED and neighbour.restic_id is None:
            repositories.delete_failed_repository(connection, neighbour.instance_uid)
            continue
        if neighbour.name == new.name:
            raise Conflict(f'name: a repository named "{new.name}" exists on this backup server.', field="name")
        refuse_overlap(new.place.path, neighbour.path, field="path", what=f"the repository {neighbour.name}")
    for _uid, name, path in file_shares.paths_of_server(connection, backup_server_uid):
        if kind_of(path) is not ShareKind.FOLDER:
            continue
        refuse_overlap(new.place.path, path, field="path", what=f"the file share {name}")
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
