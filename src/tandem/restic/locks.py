"""`restic list locks` and `restic cat lock`: who holds a repository, and how a dead holder's lock goes away."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from tandem.decoding import decode
from tandem.restic import exit_codes, ids, listing, process, remote_files
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess


class _Content(msgspec.Struct, frozen=True):
    time: datetime
    hostname: str = ""
    username: str = ""
    pid: int = 0
    exclusive: bool = False


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock of restic's.

    Attributes:
        id: 64 hexadecimal digits.
        time: when it was made or, by its holder, renewed.
        hostname: of the machine that holds it.
        username: of the process that holds it.
        pid: the process id on that machine.
        exclusive: whether it keeps out everybody else.
    """

    id: str
    time: datetime
    hostname: str
    username: str
    pid: int
    exclusive: bool


@dataclass(frozen=True, slots=True)
class Removal:
    """Which locks went and which stayed."""

    removed: tuple[Lock, ...]
    remaining: tuple[Lock, ...]


def read(
    engine: Engine,
    repository: RepositoryAccess,
    *,
    lock_ids: Iterable[str] | None = None,
    control: Control = BACKGROUND,
) -> list[Lock]:
    """List the locks of a repository, oldest first. No lock is taken for it.

    Args:
        engine: the program.
        repository: whose locks.
        lock_ids: which there are, if that is known.
        control: how the run is watched.

    Raises:
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    found: list[Lock] = []
    for lock_id in _read_ids(engine, repository, control) if lock_ids is None else lock_ids:
        result = process.run(engine, flags(lock_id), repository=repository, control=control)
        if result.exit_code != exit_codes.OK and lock_id not in _read_ids(engine, repository, control):
            continue  # its holder ended meanwhile
        exit_codes.check(engine, result)
        found.append(parse(lock_id, result.stdout))
    return sorted(found, key=lambda lock: lock.time)


def remove_dead(
    engine: Engine,
    repository: RepositoryAccess,
    is_ours_and_dead: Callable[[Lock], bool],
    *,
    lock_ids: Iterable[str] | None = None,
    control: Control = BACKGROUND,
) -> Removal:
    """Remove exactly the locks whose holder is known to be dead.

    `restic unlock` is not used: it judges by age, and removing a living copy's lock ends in a broken repository. A lock
    is removed by deleting its file; those at a place of which restic alone knows the files all remain.

    Args:
        engine: the program.
        repository: whose locks.
        is_ours_and_dead: the proof: this machine, a process that we started, and it has ended.
        lock_ids: which locks there are, if that is known.
        control: how the run is watched.

    Raises:
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    folder = listing.local_path(repository.location)
    removed: list[Lock] = []
    remaining: list[Lock] = []
    for lock in read(engine, repository, lock_ids=lock_ids, control=control):
        if (folder is not None or repository.remote is not None) and is_ours_and_dead(lock):
            # A living holder's lock gets a new id when it is renewed, so this id can only be the one that was judged.
            if folder is not None:
                (folder / "locks" / lock.id).unlink(missing_ok=True)
            else:
                remote_files.delete(repository, f"locks/{lock.id}", control=control)
            removed.append(lock)
        else:
            remaining.append(lock)
    return Removal(tuple(removed), tuple(remaining))


def id_flags() -> list[str]:
    """Return the arguments: `["list", "locks", "--no-lock"]`."""
    return ["list", "locks", "--no-lock"]


def flags(lock_id: str) -> list[str]:
    """Return the arguments: `["cat", "lock", "--no-lock", id]`."""
    return ["cat", "lock", "--no-lock", lock_id]


def parse(lock_id: str, text: str) -> Lock:
    """Read the JSON of a lock.

    Raises:
        ResticError: it is none.
    """
    try:
        content = decode(text, _Content)
    except msgspec.DecodeError as error:
        raise ResticError(f"The lock {lock_id} cannot be read: {error}. Report this with restic's version.") from error
    return Lock(lock_id, content.time, content.hostname, content.username, content.pid, content.exclusive)


def _read_ids(engine: Engine, repository: RepositoryAccess, control: Control) -> list[str]:
    folder = listing.local_path(repository.location)
    if folder is not None:
        return listing.lock_ids(folder)
    if repository.remote is not None:
        # Most of the time there is none, and restic takes longer to say so. What this way cannot tell, restic can.
        with contextlib.suppress(ResticError):
            return [name for name in remote_files.names(repository, "locks", control=control) if ids.is_full(name)]
    result = process.run(engine, id_flags(), repository=repository, control=control)
    exit_codes.check(engine, result)
    return [line for line in result.stdout.split() if ids.is_full(line)]
