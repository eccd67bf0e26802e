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


class Surroundings(msgspec.Struct, frozen=True):
    """What every repository is opened with; `sizes` are as they were measured last."""

    engine: Engine
    state: State
    processes: Processes
    sizes: dict[str, int | None]


class OpenRepository:
    """One repository while a run works on it.

    A local one is read from its folders without starting restic. A remote one costs a restic for the list of its
    points, which also proves that it is there and opens; one more, now and then, for its identity. Its locks, before
    the first command that takes one, and what it has become are told by the names and sizes of its files.

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
        self._control = control
        self._folder = listing.local_path(access.location)
        self._is_shared = is_shared
        self._is_claimed = False
        self.was_cut_short = False
        self._size_when_claimed: int | None = None
        # How many restics the agent had started when it was measured last.
        self._measured_at: int | None = None
        self.held: frozenset[str] = frozenset()
        self._lock_ids: tuple[str, ...] | None = None
        if self._folder is not None:
            self._check_identity(listing.fingerprint(self._folder))
        try:
            self.held = frozenset(snapshots.read_ids(self._engine, access, control=control))
        except (RepositoryAway, RepositoryMissing, WrongPassword) as error:
            # Restic's own words leave open which repository it is.
            raise type(error)(f"{self.name} ({configuration.path}): {error}", stderr=error.stderr) from error
        if self._folder is None:
            self._check_identity_by_points()

    def __enter__(self) -> Self:
        """Begin to work on it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Note that no lock of this run is left; after a failure, whoever opens it next looks for one."""
        if kind is None and self._is_claimed and not self.is_local:
            self._state.drop_claim(self.configuration.uid)
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
        """Get ready for commands that lock it: clear the locks of our own dead processes. Twice is no harm.

        Raises:
            ResticError: if somebody who may be alive holds a lock.
        """
        if self._is_claimed:
            return
        if not self.is_local:
            # Noted first: should this agent be killed from here on, the next opening looks for locks.
            self._state.note_claim(self.uid)
        removal = locks.remove_dead(
            self._engine,
            self.access,
            self._processes.is_ours_and_dead,
            lock_ids=self._lock_ids,
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

    def claim_if_cut_short(self) -> None:
        """Claim it if that costs no process, or if an earlier run was cut short and may have left a lock."""
        if self.is_local or self._state.is_claimed(self.uid):
            self.claim()

    def note_point(self, snapshot_id: str) -> None:
        """Remember a point that was just saved there: by it a remote one is known again without another process."""
        if not self.is_local:
            known = self._state.repository(self.uid)
            self._state.put_repository(self.uid, msgspec.structs.replace(known, fingerprint=snapshot_id))

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

    def _check_identity_by_points(self) -> None:
        """Take a point that it held before as proof: no two repositories have a point of the same id."""
        known = self._state.repository(self.uid)
        if known.fingerprint in self.held and known.restic_id == self.configuration.restic_id:
            return
        self._check_identity(max(self.held) if self.held else self._config_fingerprint())

    def _config_fingerprint(self) -> str | None:
        try:
            front = remote_files.look(self.access, control=self._control)
        except ResticError as error:
            log.warning("config not read", repository=self.name, reason=str(error))
            return None
        # Those of this agent's dead processes are among them; what anybody locks from now on, restic meets by itself.
        self._lock_ids = front.lock_ids
        return front.fingerprint

    def _check_identity(self, fingerprint: str | None) -> None:
        """Check restic's own id of the repository, unless its fingerprint is the one of the last time.

        Args:
            fingerprint: of its config file or, of a remote one that holds points, one of them; None if unknown.
        """
        known = self._state.repository(self.uid)
        # Of a local one, restic alone can tell that its password is the right one again.
        is_known = fingerprint is not None and known.fingerprint == fingerprint and not self._is_in_doubt()
        if is_known and known.restic_id == self.configuration.restic_id:
            return
        found = self._read_config()
        if found.id != self.configuration.restic_id:
            text = f"{self.configuration.path} holds another repository ({found.id[:10]}) than the registered one"
            raise ResticError(f"{text} ({(self.configuration.restic_id or 'none')[:10]}); {self._advice()}")
        changed = msgspec.structs.replace(known, is_begun=True, restic_id=found.id, fingerprint=fingerprint)
        self._state.put_repository(self.uid, changed)

    def _is_in_doubt(self) -> bool:
        return self.is_local and is_in_trouble(self._state, self.uid)

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
