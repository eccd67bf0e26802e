"""A repository opened for a run: proven to be the registered one, and the only way to what it holds."""

from __future__ import annotations

import shutil
from datetime import datetime
from types import TracebackType
from typing import Self

import msgspec
import structlog

from tandem.agent.processes import Processes
from tandem.agent.repository_trouble import FOUND_LATER, NO_TROUBLE, is_in_trouble, trouble
from tandem.agent.state import State
from tandem.domain.repositories import RepositoryState
from tandem.protocol.messages import RepositoryConfiguration, RepositoryReport
from tandem.restic import cache, config, drafts, listing, locks, remote_files, snapshots
from tandem.restic.config import RepositoryConfig
from tandem.restic.engine import Engine
from tandem.restic.errors import RepositoryAway, RepositoryMissing, ResticError, Unreachable, WrongPassword
from tandem.restic.process import Control, RepositoryAccess

log = structlog.get_logger()


class ProvenAccess(msgspec.Struct, frozen=True):
    """With what restic has opened a repository at a server, which one it was, and the ids of its keys.

    A key is named by its content, and no two repositories have the same: where the names are the same still, it is the
    same repository, and what has opened it opens it.
    """

    access: RepositoryAccess
    restic_id: str | None
    key_ids: tuple[str, ...]


class Surroundings(msgspec.Struct, frozen=True):
    """What every repository is opened with; `sizes` are as they were measured last.

    What is proven is kept in memory only: it holds passwords.
    """

    engine: Engine
    state: State
    processes: Processes
    sizes: dict[str, int | None] = {}
    proven: dict[str, ProvenAccess] = {}


class OpenRepository:
    """One repository while a run works on it.

    A local one is read from its folders without starting restic. What a remote one holds, its locks and what it has
    become are told by the names and sizes of its files. Restic opens it first if it is not proven that it can.

    Attributes:
        configuration: what the console says of it.
        access: how restic opens it.
        held: the whole ids of the points that it held when it was opened.
        was_cut_short: a process of ours that had locked it was found dead: what it wrote last may be of no use.
    """

    def __init__(
        self,
        surroundings: Surroundings,
        configuration: RepositoryConfiguration,
        access: RepositoryAccess,
        control: Control,
        *,
        is_shared: bool,
    ) -> None:
        """Look at the repository and check that it is the registered one; `Repositories.open` is the way here.

        Raises:
            ResticError: if it is missing, does not open, or is another one.
        """
        self.configuration = configuration
        self.access = access
        self._engine = surroundings.engine
        self._state = surroundings.state
        self._processes = surroundings.processes
        self._sizes = surroundings.sizes
        self._proven = surroundings.proven
        self._control = control
        self._folder = listing.local_path(access.location)
        self._is_shared = is_shared
        self._is_claimed = False
        self.was_cut_short = False
        self._size_when_claimed: int | None = None
        # How many restics the agent had started when it was measured last.
        self._measured_at: int | None = None
        self._front: remote_files.Front | None = None
        if self._folder is not None:
            self._check_identity(listing.fingerprint(self._folder))
            self.held = frozenset(listing.snapshot_ids(self._folder))
            return
        try:
            self._front = self._look()
            self._prove_access()
            held = (
                self._front.snapshot_ids if self._front else snapshots.read_ids(self._engine, access, control=control)
            )
        except (RepositoryAway, RepositoryMissing) as error:
            # Restic's own words leave open which repository it is.
            raise type(error)(f"{self.name} ({configuration.path}): {error}", stderr=error.stderr) from error
        self.held = frozenset(held)

    def __enter__(self) -> Self:
        """Begin to work on it."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """After a failure, find out whether it is this one that cannot be used any more."""
        if isinstance(error, FOUND_LATER):
            self._tell_if_in_trouble()

    @property
    def uid(self) -> str:
        """The console's own id of it."""
        return self.configuration.uid

    @property
    def name(self) -> str:
        """What people call it."""
        return self.configuration.name

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return self._folder is not None

    def claim(self) -> None:
        """Get ready for commands that lock it: clear the locks of our own dead processes.

        Raises:
            ResticError: if somebody who may be alive holds a lock.
        """
        removal = locks.remove_dead(
            self._engine,
            self.access,
            self._processes.is_ours_and_dead,
            # What anybody locks from the look on, restic meets by itself.
            lock_ids=self._front.lock_ids if self._front else None,
            control=self._control,
        )
        in_the_way = [lock for lock in removal.remaining if lock.exclusive or not self._is_shared]
        if in_the_way:
            holder = in_the_way[0]
            text = f"{self.name} is locked by process {holder.pid} of {holder.username} on {holder.hostname}"
            raise ResticError(
                f"{text} since {holder.time:%Y-%m-%d %H:%M:%S %Z}; it is not one of this agent's dead ones."
            )
        self.was_cut_short = bool(removal.removed)
        if not self._is_shared:
            # Of one that is only read, nobody asks by how much it grew.
            self._size_when_claimed = self.bytes_used()
            self._measured_at = self._processes.count
        self._is_claimed = True

    def bytes_used(self) -> int | None:
        """Give the sum of the sizes of its files as it is now, in bytes; None if that cannot be told."""
        if self._is_as_measured():
            return self._sizes[self.uid]
        if self._folder is not None:
            self._note_size(listing.bytes_used(self._folder))
            return self._sizes[self.uid]
        try:
            self._survey()
        except ResticError as error:
            log.warning("repository not measured", repository=self.name, reason=str(error))
            self._note_size(None)
        return self._sizes[self.uid]

    def point_ids(self) -> list[str]:
        """Give the whole ids of the points that it holds now; unlike opening it, this proves nothing of a remote one.

        Raises:
            ResticError: if it cannot be asked.
        """
        if self._folder is None:
            try:
                return list(self._survey().snapshot_ids)
            except Unreachable:
                raise
            except ResticError as error:
                log.warning("repository not looked over", repository=self.name, reason=str(error))
        return snapshots.read_ids(self._engine, self.access, control=self._control)

    def grown_by(self) -> int:
        """Give by how many bytes it has grown since it was claimed; 0 if it shrank, is shared or was not measured."""
        if self._size_when_claimed is None:
            return 0
        return max(0, (self.bytes_used() or 0) - self._size_when_claimed)

    def drop_cache(self) -> None:
        """Forget what restic has cached of it."""
        if self.configuration.restic_id is not None:
            cache.drop(self.access, self.configuration.restic_id)

    def remove_drafts(self, before: datetime) -> None:
        """Remove the files that restic began to write before an instant and never finished; local ones only."""
        if self._folder is not None:
            drafts.remove(self._folder, before)

    def report(self) -> RepositoryReport:
        """Report its sizes, as far as they are known."""
        disk = None if self._folder is None else shutil.disk_usage(self._folder)
        return RepositoryReport(
            repository_uid=self.uid,
            state=RepositoryState.READY,
            restic_id=self.configuration.restic_id,
            capacity=disk.total if disk else None,
            free_space=disk.free if disk else None,
            used_space=self.bytes_used(),
        )

    def _survey(self) -> remote_files.Stock:
        stock = remote_files.survey(self.access, control=self._control)
        self._note_size(stock.bytes_used)
        return stock

    def _note_size(self, size: int | None) -> None:
        self._sizes[self.uid] = size
        self._measured_at = self._processes.count

    def _is_as_measured(self) -> bool:
        """Say whether it has its known size still: while it is claimed nobody else writes, and no restic has since.

        Before it is claimed, a local one may have been changed by anybody; to measure a remote one takes too long.
        """
        is_unchanged = self._measured_at == self._processes.count if self._is_claimed else not self.is_local
        return is_unchanged and self.uid in self._sizes

    def _look(self) -> remote_files.Front | None:
        try:
            return remote_files.look(self.access, control=self._control)
        except RepositoryAway:
            # Asked once more, a server would refuse an account twice.
            raise
        except ResticError as error:
            log.warning("repository not looked at", repository=self.name, reason=str(error))
            return None

    def _prove_access(self) -> None:
        """Have restic open it, unless it has opened the same one before, by the same account and password."""
        key_ids = self._front.key_ids if self._front else ()
        access = ProvenAccess(self.access, self.configuration.restic_id, key_ids)
        if key_ids and self._proven.get(self.uid) == access and not is_in_trouble(self._state, self.uid):
            return
        self._check_identity(None)
        self._proven[self.uid] = access

    def _check_identity(self, fingerprint: str | None) -> None:
        """Check restic's own id of the repository, unless its fingerprint is the one of the last time.

        Args:
            fingerprint: of its config file; None if unknown.
        """
        known = self._state.repository(self.uid)
        # After a trouble, restic alone can tell that its password is the right one again.
        is_known = (
            fingerprint is not None and known.fingerprint == fingerprint and not is_in_trouble(self._state, self.uid)
        )
        if is_known and known.restic_id == self.configuration.restic_id:
            return
        found = self._read_config()
        if found.id != self.configuration.restic_id:
            text = f"{self.configuration.path} holds another repository ({found.id[:10]}) than the registered one"
            raise ResticError(f"{text} ({(self.configuration.restic_id or 'none')[:10]}); {self._advice()}")
        changed = msgspec.structs.replace(known, is_begun=True, restic_id=found.id, fingerprint=fingerprint)
        self._state.put_repository(self.uid, changed)

    def _read_config(self) -> RepositoryConfig:
        try:
            return config.read(self._engine, self.access, control=self._control)
        except WrongPassword as error:
            text = f"{self.configuration.path} does not open with the password of {self.name}"
            raise WrongPassword(f"{text}; {self._advice()}") from error

    def _tell_if_in_trouble(self) -> None:
        """Find out whether it was this one, of those that a run has open, which restic could not use."""
        try:
            self._read_config()
        except NO_TROUBLE:
            pass
        except ResticError as error:
            self._state.add_report(trouble(self._state, self.uid, error))

    def _advice(self) -> str:
        return "is the right disk mounted?" if self.is_local else "was it moved, or another put in its place?"
