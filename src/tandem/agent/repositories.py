"""Repositories of this backup server: making them, opening them safely."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from tandem.agent.folders import real_overlap
from tandem.agent.open_repository import OpenRepository, Surroundings
from tandem.agent.processes import Processes
from tandem.agent.remembered import KnownRepository
from tandem.agent.remote_repositories import check_remote_place, make_remote
from tandem.agent.repository_trouble import NO_TROUBLE, is_in_trouble, tell_over, trouble
from tandem.agent.state import State
from tandem.domain.file_shares import ShareKind, kind_of
from tandem.domain.repositories import RepositoryState
from tandem.domain.repository_locations import is_remote
from tandem.protocol.messages import Configuration, RepositoryConfiguration, RepositoryReport
from tandem.restic import config, init, listing
from tandem.restic.config import RepositoryConfig
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import Control, RepositoryAccess

RESTIC_FOLDERS = {"data", "index", "keys", "locks", "snapshots", "tmp"}
CONFIG_DRAFT = "config-tmp-"


class Repositories:
    """Makes and opens repositories; every opening checks that it is still the same one."""

    def __init__(self, engine: Engine, state: State, processes: Processes, data: Path) -> None:
        """Keep caches below the agent's data folder, one for each organization."""
        self._engine = engine
        self._state = state
        self._surroundings = Surroundings(engine, state, processes)
        self._data = data

    def access(self, repository: RepositoryConfiguration) -> RepositoryAccess:
        """Give how restic opens a repository."""
        cache = self._data / "cache" / repository.organization_uid
        cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        return RepositoryAccess(
            repository.path, repository.password, cache, account=repository.account, host_key=repository.host_key
        )

    def open(self, repository: RepositoryConfiguration, control: Control, *, is_shared: bool = False) -> OpenRepository:
        """Open a repository for a run: check that it is the registered one, clear locks of our own dead processes.

        The console is told at once if it cannot be opened, and when it can be again; of a lock it is not.

        Args:
            repository: which.
            control: how the processes that it takes are watched.
            is_shared: whether others may read it meanwhile: then only a lock that keeps everybody out is in the way.

        Raises:
            ResticError: if it is missing, another one, or locked by someone who may be alive.
        """
        access = self.access(repository)
        try:
            opened = OpenRepository(self._surroundings, repository, access, control, is_shared=is_shared)
        except NO_TROUBLE:
            raise
        except (ResticError, OSError) as error:
            self._state.add_report(trouble(self._state, repository.uid, error))
            raise
        if is_in_trouble(self._state, repository.uid):
            tell_over(self._state, opened.report())
        opened.claim()
        return opened

    def make(
        self, repository: RepositoryConfiguration, configuration: Configuration, control: Control
    ) -> RepositoryReport:
        """Make a repository, or open one that exists, because the console was asked to; never for any other reason.

        Safe to repeat after a crash at any moment.
        """
        try:
            restic_id = self._make(repository, configuration, control)
            made = msgspec.structs.replace(repository, restic_id=restic_id)
            return self.open_to_read(made, control).report()
        except (ResticError, OSError, ValueError) as error:
            return RepositoryReport(repository_uid=repository.uid, state=RepositoryState.FAILED, failure=str(error))

    def collect(self, repository: RepositoryConfiguration, control: Control) -> RepositoryReport | None:
        """Report a repository as it is now: its sizes, or why it is not there; None if it was never made."""
        if self._registered(repository).restic_id is None:
            return None
        try:
            return self.open_to_read(repository, control).report()
        except (ResticError, OSError) as error:
            return trouble(self._state, repository.uid, error)

    def _make(self, repository: RepositoryConfiguration, configuration: Configuration, control: Control) -> str:
        family = _find(configuration, repository.family_uid)
        if is_remote(repository.path):
            check_remote_place(repository, configuration)
            # Only read, so that whoever works on it, a backup for instance, may go on.
            relative = self.open_to_read(family, control).access if family and not repository.is_existing else None
            identity = make_remote(self._surroundings, repository, self.access(repository), relative, control)
            known = KnownRepository(is_begun=True, restic_id=identity.id)
        else:
            identity = self._make_local(repository, family, configuration, control)
            fingerprint = listing.fingerprint(Path(repository.path))
            known = KnownRepository(is_begun=True, restic_id=identity.id, fingerprint=fingerprint)
        self._state.put_repository(repository.uid, known)
        return identity.id

    def _make_local(
        self,
        repository: RepositoryConfiguration,
        family: RepositoryConfiguration | None,
        configuration: Configuration,
        control: Control,
    ) -> RepositoryConfig:
        path = Path(repository.path)
        self._check_place(path, repository.uid, configuration)
        access = self.access(repository)
        if not repository.is_existing:
            self._prepare(path, repository.uid)
        if (path / "config").exists() or repository.is_existing:
            return config.read(self._engine, access, control=control)
        relative = self.open_to_read(family, control).access if family else None
        return init.run(self._engine, access, family=relative, control=control)

    def _check_place(self, path: Path, uid: str, configuration: Configuration) -> None:
        if not path.parent.is_dir():
            raise ResticError(f"the folder {path.parent} does not exist; is its disk mounted?")
        taken = {
            f"the file share {share.name}": share.path
            for share in configuration.file_shares
            if kind_of(share.path) is ShareKind.FOLDER
        }
        taken |= {
            f"the repository {other.name}": other.path
            for other in configuration.repositories
            if other.uid != uid and not is_remote(other.path)
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

    def open_to_read(self, repository: RepositoryConfiguration, control: Control) -> OpenRepository:
        """Open a repository for what takes no lock: check that it is the registered one, and leave locks alone."""
        registered, access = self._registered(repository), self.access(repository)
        return OpenRepository(self._surroundings, registered, access, control, is_shared=True)

    def _registered(self, repository: RepositoryConfiguration) -> RepositoryConfiguration:
        """Give a repository with restic's id of it: the console tells one that was just made with its next change."""
        restic_id = repository.restic_id or self._state.repository(repository.uid).restic_id
        return msgspec.structs.replace(repository, restic_id=restic_id)


def _find(configuration: Configuration, uid: str | None) -> RepositoryConfiguration | None:
    return next((found for found in configuration.repositories if found.uid == uid), None)
