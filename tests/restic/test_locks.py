"""Locks: a stop leaves none, a crash leaves some, and only those of the dead are ever removed."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tandem.restic import backup, check, copy, forget, listing, locks, process, prune
from tandem.restic.errors import RepositoryLocked, ResticError, Stopped
from tandem.restic.locks import Lock
from tandem.restic.process import Control, RepositoryAccess
from tests.restic.conftest import Pair

SOON_SECONDS = 20.0


def wait_for_locks(*folders: Path, number: int = 1) -> None:
    """Wait until each of the repositories has so many locks."""
    end = time.monotonic() + SOON_SECONDS
    while any(len(listing.lock_ids(folder)) < number for folder in folders):
        assert time.monotonic() < end, "no lock appeared"
        time.sleep(0.002)


def when_locked(*folders: Path, number: int = 1, then: Callable[[int], None]) -> Control:
    """Do something with the process as soon as there are so many locks, long before it is done."""

    def on_start(pid: int) -> None:
        wait_for_locks(*folders, number=number)
        then(pid)

    return Control(on_start=on_start)


def kill(pid: int) -> None:
    """End a process as a power cut would."""
    os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def living_holder(pair: Pair, repository: RepositoryAccess) -> Generator[int, None, None]:
    """Hold a repository's lock with a backup that is alive but waits."""
    pids: list[int] = []
    waiting = threading.Event()

    folder = Path(repository.location)
    locks_before = len(listing.lock_ids(folder))

    def pause(pid: int) -> None:
        pids.append(pid)
        wait_for_locks(folder, number=locks_before + 1)
        os.kill(pid, signal.SIGSTOP)
        waiting.set()

    control = Control(on_start=pause)
    arguments = backup.flags(str(pair.share), host="nas1")
    ended: list[int] = []
    thread = threading.Thread(
        target=lambda: ended.append(
            process.run(pair.engine, arguments, repository=repository, control=control).exit_code
        )
    )
    thread.start()
    try:
        assert waiting.wait(SOON_SECONDS)
        yield pids[0]
    finally:
        os.kill(pids[0], signal.SIGCONT)
        thread.join()
    assert ended == [0]


def test_a_stopped_backup_leaves_no_lock(pair: Pair) -> None:
    stop = threading.Event()
    on_start = when_locked(pair.source_folder, then=lambda _: stop.set()).on_start
    with pytest.raises(Stopped):
        backup.run(
            pair.engine, pair.source, str(pair.share), host="nas1", control=Control(on_start=on_start, stop=stop)
        )
    assert listing.lock_ids(pair.source_folder) == []
    assert listing.snapshot_ids(pair.source_folder) == []


def test_a_stopped_copy_leaves_no_lock_on_either_side(pair: Pair) -> None:
    point = pair.save()
    stop = threading.Event()
    on_start = when_locked(pair.source_folder, pair.target_folder, then=lambda _: stop.set()).on_start
    with pytest.raises(Stopped):
        copy.run(pair.engine, pair.source, pair.target, [point], control=Control(on_start=on_start, stop=stop))
    assert listing.lock_ids(pair.source_folder) == listing.lock_ids(pair.target_folder) == []
    prune.run(pair.engine, pair.target)


def test_a_copy_that_the_system_kills_locks_nobody_out(pair: Pair) -> None:
    point = pair.save()
    control = when_locked(pair.source_folder, pair.target_folder, then=kill)
    with pytest.raises(ResticError, match="exit code -9"):
        copy.run(pair.engine, pair.source, pair.target, [point], control=control)
    prune.run(pair.engine, pair.source)
    prune.run(pair.engine, pair.target)
    assert len(copy.run(pair.engine, pair.source, pair.target, [point]).copied) == 1
    assert check.run(pair.engine, pair.target, read_all=True).is_clean


def crash(pair: Pair, point: str) -> int:
    """Leave what a copy leaves behind when it dies together with us, and return its process id."""
    dead: list[int] = []

    def die(pid: int) -> None:
        kill(pid)
        dead.append(pid)

    control = when_locked(pair.source_folder, pair.target_folder, then=die)
    process.run(pair.engine, copy.flags([point]), repository=pair.target, from_repository=pair.source, control=control)
    return dead[0]


def test_a_crash_locks_both_sides_until_the_dead_process_is_proven(pair: Pair) -> None:
    point = pair.save()
    pid = crash(pair, point)
    for repository in (pair.source, pair.target):
        with pytest.raises(RepositoryLocked):
            prune.run(pair.engine, repository)
        (left,) = locks.remove_dead(pair.engine, repository, lambda _: False).remaining
        assert (left.pid, left.hostname, left.exclusive) == (pid, os.uname().nodename, False)

        removal = locks.remove_dead(pair.engine, repository, lambda lock: lock.pid == pid)
        assert removal == locks.Removal(removed=(left,), remaining=())
        prune.run(pair.engine, repository)


def test_the_lock_of_a_living_process_survives_that_of_a_dead_one(pair: Pair) -> None:
    dead = crash(pair, pair.save())
    with living_holder(pair, pair.source) as living:
        found: list[Lock] = []

        def is_dead(lock: Lock) -> bool:
            found.append(lock)
            return lock.pid == dead

        removal = locks.remove_dead(pair.engine, pair.source, is_dead)
        assert {lock.pid for lock in found} == {living, dead}
        assert [lock.pid for lock in removal.removed] == [dead]
        assert [lock.pid for lock in removal.remaining] == [living]
        assert [lock.pid for lock in locks.read(pair.engine, pair.source)] == [living]
    assert locks.read(pair.engine, pair.source) == []


def test_a_run_that_dies_leaves_the_locks_of_others_alone(pair: Pair) -> None:
    dead = crash(pair, pair.save())
    with living_holder(pair, pair.source) as living:
        with pytest.raises(ResticError, match="exit code -9"):
            backup.run(
                pair.engine,
                pair.source,
                str(pair.share),
                host="nas1",
                control=when_locked(pair.source_folder, number=3, then=kill),
            )
        assert {lock.pid for lock in locks.read(pair.engine, pair.source)} == {living, dead}


def test_a_locked_repository_is_neither_pruned_nor_forgotten_from(pair: Pair) -> None:
    point = pair.save()
    with living_holder(pair, pair.source):
        for use in (
            lambda: prune.run(pair.engine, pair.source),
            lambda: forget.run(pair.engine, pair.source, [point]),
            lambda: check.run(pair.engine, pair.source),
        ):
            with pytest.raises(RepositoryLocked, match="another restic process"):
                use()
    assert point in listing.snapshot_ids(pair.source_folder)
