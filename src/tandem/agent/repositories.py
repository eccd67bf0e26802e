"""Repositories at this backup server: making them, opening them safely, measuring them."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from tandem.agent.folders import real_overlap
from tandem.agent.processes import Processes
from tandem.agent.state import KnownRepository, State
from tandem.domain.repositories import RepositoryState
from tandem.protocol.messages import Configuration, RepositoryConfiguration, RepositoryReport
from tandem.restic import config, init, listing, locks
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError, WrongPassword
from tandem.restic.process import Control, RepositoryAccess

RESTIC_FOLDERS = {"data", "index", "keys", "locks", "snapshots", "tmp"}
CONFIG_DRAFT = "config-tmp-"


class Repositories:
    """Makes and opens repositories; every opening checks that it is still the same one."""

    def __init__(self, engine: Engine, state: State, processes: Processes, data: Path) -> None:
        """Keep caches below the agent's data folder, one for each organization."""
        self._engine = engine
        self._state = state
        self._processes = processes
        self._data = data

    def access(self, repository: RepositoryConfiguration) -> RepositoryAccess:
        """Give how restic opens a repository."""
        cache = self._data / "cache" / repository.organization_uid
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        return RepositoryAccess(repository.path, repository.password, cache)

    def open(self, repository: RepositoryConfiguration, control: Control) -> RepositoryAccess:
        """Open a repository for a run: check that it is the registered one, clear locks of our own dead processes.

        Raises:
            ResticError: if it is missing, another one, or locked by someone who may be alive.
        """
        access = self.open_to_read(repository, control)
        removal = locks.remove_dead(self._engine, access, self._processes.is_ours_and_dead, control=control)
        if removal.remaining:
            holder = removal.remaining[0]
            text = f"{repository.name} is locked by process {holder.pid} of {holder.username} on {holder.hostname}"
            raise ResticError(
                f"{text} since {holder.time:%Y-%m-%d %H:%M:%S %Z}; it is not one of this agent's dead ones."
            )
        return access

    def make(
        self, repository: RepositoryConfiguration, configuration: Configuration, control: Control
    ) -> RepositoryReport:
        """Make a repository, or open one that exists, because the console was asked to; never for any other reason.

        Safe to repeat after a crash at any moment.
        """
        try:
            restic_id = self._make(repository, configuration, control)
            return self.measure(msgspec.structs.replace(repository, restic_id=restic_id))
        except (ResticError, OSError, ValueError) as error:
            return RepositoryReport(repository_uid=repository.uid, state=RepositoryState.FAILED, failure=str(error))

    def collect(self, repository: RepositoryConfiguration, control: Control) -> RepositoryReport | None:
        """Report a repository as it is now: its sizes, or why it is not there; None if it was never made."""
        restic_id = repository.restic_id or self._state.repository(repository.uid).restic_id
        if restic_id is None:
            return None
        registered = msgspec.structs.replace(repository, restic_id=restic_id)
        try:
            self.open_to_read(registered, control)
            return self.measure(registered)
        except (ResticError, OSError) as error:
            return RepositoryReport(repository_uid=repository.uid, state=RepositoryState.FAILED, failure=str(error))

    def measure(self, repository: RepositoryConfiguration) -> RepositoryReport:
        """Report a repository's sizes."""
        disk = shutil.disk_usage(repository.path)
        return RepositoryReport(
            repository_uid=repository.uid,
            state=RepositoryState.READY,
            restic_id=repository.restic_id,
            capacity=disk.total,
            free_space=disk.free,
            used_space=listing.bytes_used(Path(repository.path)),
        )

    def _make(self, repository: RepositoryConfiguration, configuration: Configuration, control: Control) -> str:
        path = Path(repository.path)
        self._check_place(path, repository.uid, configuration)
        access = self.access(repository)
        if not repository.is_existing:
            self._prepare(path, repository.uid)
        if (path / "config").exists() or repository.is_existing:
            identity = config.read(self._engine, access, control=control)
        else:
            family = _find(configuration, repository.family_uid)
            # Only read, so that whoever works on it, a backup for instance, may go on.
            relative = self.open_to_read(family, control) if family else None
            identity = init.run(self._engine, access, family=relative, control=control)
        known = KnownRepository(is_begun=True, restic_id=identity.id, fingerprint=listing.fingerprint(path))
        self._state.put_repository(repository.uid, known)
        return identity.id

    def _check_place(self, path: Path, uid: str, configuration: Configuration) -> None:
        if not path.parent.is_dir():
            raise ResticError(f"the folder {path.parent} does not exist; is its disk mounted?")
        taken = {f"the file share {share.name}": share.path for share in configuration.file_shares}
        taken |= {
            f"the repository {other.name}": other.path for other in configuration.repositories if other.uid != uid
        }
        taken["the agent's own data"] = str(self._data)
        for what, other in taken.items():
            if real_overlap(path, Path(other)):
                raise ResticError(f"it leads to the same place as {what} ({other}); choose a folder outside it.")

    def _prepare(self, path: Path, uid: str) -> None:
        known = self._state.repository(uid)
        names = {entry.name for entry in path.iterdir()} if path.exists() else set[str]()
        if names and not known.is_begun:
            raise ResticError("the folder is not empty; choose an empty one, or register an existing repository.")
        drafts = {name for name in names if name.startswith(CONFIG_DRAFT)}
        if names - RESTIC_FOLDERS - {"config"} - drafts:
            raise ResticError("the folder was changed by someone else while the repository was being made.")
        self._state.put_repository(uid, msgspec.structs.replace(known, is_begun=True))
        if "config" not in names and (path / "keys").exists():
            # A crash between key and config left a key that opens nothing: begin anew.
            shutil.rmtree(path / "keys")
        for name in drafts:
            (path / name).unlink()

    def open_to_read(self, repository: RepositoryConfiguration, control: Control) -> RepositoryAccess:
        """Open a repository for what takes no lock: check that it is the registered one, and leave locks alone."""
        access = self.access(repository)
        self._check_identity(repository, access, control)
        return access

    def _check_identity(self, repository: RepositoryConfiguration, access: RepositoryAccess, control: Control) -> None:
        known = self._state.repository(repository.uid)
        seen = listing.fingerprint(Path(repository.path))
        if known.fingerprint == seen and known.restic_id == repository.restic_id:
            return
        try:
            found = config.read(self._engine, access, control=control)
        except WrongPassword as error:
            text = f"{repository.path} does not open with the password of {repository.name}"
            raise WrongPassword(f"{text}; is the right disk mounted?") from error
        if found.id != repository.restic_id:
            text = f"{repository.path} holds another repository ({found.id[:10]}) than the registered one"
            raise ResticError(f"{text} ({(repository.restic_id or 'none')[:10]}); is the right disk mounted?")
        changed = msgspec.structs.replace(known, is_begun=True, restic_id=found.id, fingerprint=seen)
        self._state.put_repository(repository.uid, changed)


def _find(configuration: Configuration, uid: str | None) -> RepositoryConfiguration | None:
    return next((found for found in configuration.repositories if found.uid == uid), None)
