"""Run a command that locks its repositories, and leave none of its own locks behind, however it ends."""

import contextlib
import dataclasses
import os
from collections.abc import Callable, Sequence

from tandem.restic import exit_codes, listing, locks, process
from tandem.restic.engine import Engine
from tandem.restic.errors import RepositoryAway, ResticError
from tandem.restic.process import Control, Output, RepositoryAccess


def run(
    engine: Engine,
    arguments: Sequence[str],
    *,
    repository: RepositoryAccess,
    from_repository: RepositoryAccess | None = None,
    on_output: Callable[[str], None] | None = None,
    on_error: Callable[[str], None] | None = None,
    allowed: frozenset[int] = frozenset({exit_codes.OK}),
    control: Control,
) -> Output:
    """Run restic to its end, as `process.run` does, and judge its exit code.

    A process that was killed leaves its locks, and so does one of 0.14 that is interrupted in the fifth of a second in
    which it makes them. When this run fails, the locks that appeared since it began, and that name this machine and the
    very process that we started and saw end, are removed. Nobody else's are. Locks at a place that cannot be reached
    are left for the next run.

    Args:
        engine: the program.
        arguments: the command and its flags.
        repository: the repository, or the target of a copy.
        from_repository: the source of a copy.
        on_output: called with each line of standard output as it comes.
        on_error: the same of standard error; what it raises ends the run.
        allowed: the exit codes that are no failure of this command.
        control: how the run is watched.

    Raises:
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    repositories = [each for each in (repository, from_repository) if each is not None]
    before = {lock_id for each in repositories for lock_id in _lock_ids(each)}
    started: list[int] = []

    def on_start(pid: int) -> None:
        started.append(pid)
        if control.on_start is not None:
            control.on_start(pid)

    def is_left_by_this_run(lock: locks.Lock) -> bool:
        return lock.id not in before and lock.pid in started and lock.hostname == os.uname().nodename

    try:
        result = process.run(
            engine,
            arguments,
            repository=repository,
            from_repository=from_repository,
            on_output=on_output,
            on_error=on_error,
            control=dataclasses.replace(control, on_start=on_start),
        )
        exit_codes.check(engine, result, allowed=allowed)
    except BaseException as error:
        for each in repositories:
            is_local = listing.local_path(each.location) is not None
            if before.issuperset(_lock_ids(each)) if is_local else isinstance(error, RepositoryAway):
                continue
            with contextlib.suppress(ResticError, OSError):
                locks.remove_dead(engine, each, is_left_by_this_run)
        raise
    return result


def _lock_ids(repository: RepositoryAccess) -> list[str]:
    """Return the ids of a local repository's locks; of one that is remote or missing none."""
    folder = listing.local_path(repository.location)
    if folder is None:
        return []
    try:
        return listing.lock_ids(folder)
    except (ResticError, OSError):
        return []
