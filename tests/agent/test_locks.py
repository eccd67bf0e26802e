"""Locks: those of our dead go, by proof; those of anybody who may be alive stay, and sessions say whose they are."""

import os
import signal
import socket
import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import msgspec
import pytest

from tandem.agent.remembered import StartedProcess
from tandem.domain.sessions import SessionState
from tandem.restic import backup, copy, listing, process
from tandem.restic.process import Control
from tests.agent.backup_server import HOST, BackupServer, nothing, until
from tests.agent.lock_files import write_lock

HERE = socket.gethostname()


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[bytes]]:
    """A living process that is no restic of ours."""
    with subprocess.Popen(["sleep", "1000"]) as started:
        yield started
        started.kill()


def kill_when_locked(server: BackupServer, *folders: Path) -> Control:
    """Watch restic as the agent does, and kill it once it holds its locks, as a crash of both would."""
    control = server.processes.control(Event(), nothing)

    def on_start(pid: int) -> None:
        assert control.on_start is not None
        control.on_start(pid)
        until(lambda: all(listing.lock_ids(folder) for folder in folders))
        os.kill(pid, signal.SIGKILL)

    # Slow, so that it has not ended before it is killed.
    return Control(on_start=on_start, upload_limit=1)


def started(server: BackupServer, pid: int, **changes: object) -> None:
    """Let the agent remember that it started a process."""
    control = server.processes.control(Event(), nothing)
    assert control.on_start is not None
    control.on_start(pid)
    if changes:
        remembered = server.state.processes(pid)
        server.state._database.execute("delete from processes")  # pyright: ignore[reportPrivateUsage]
        for each in remembered:
            server.state.add_process(msgspec.structs.replace(each, **changes))


def dead_pid() -> int:
    """Give the id of a process that has ended."""
    with subprocess.Popen(["true"]) as done:
        done.wait()
    return done.pid


@contextmanager
def running_backup(server: BackupServer) -> Generator[int]:
    """Hold the first repository's lock with a restic that somebody else runs."""
    command = ["restic", "--repo", server.first, "--no-cache", "backup", "--host", "else", "--stdin"]
    environment = {"RESTIC_PASSWORD": "password of first", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as foreign:
        until(lambda: listing.lock_ids(server.first))
        yield foreign.pid
        foreign.communicate(b"")


def test_after_a_crash_of_a_copy_the_next_run_unlocks_both_sides_and_completes(saved: BackupServer) -> None:
    points = saved.ids()
    process.run(
        saved.engine,
        copy.flags(points),
        repository=saved.access(saved.second),
        from_repository=saved.access(saved.first),
        control=kill_when_locked(saved, saved.first, saved.second),
    )
    assert listing.lock_ids(saved.first)
    assert listing.lock_ids(saved.second)
    saved.restart()
    session = saved.copy()
    assert session.state is SessionState.SUCCESS
    assert set(saved.copies()) == set(points)
    saved.agrees()
    saved.is_sound()


def test_after_a_crash_of_a_backup_the_next_run_unlocks_and_completes(server: BackupServer) -> None:
    process.run(
        server.engine,
        backup.flags(str(server.share), host=HOST),
        repository=server.access(server.first),
        control=kill_when_locked(server, server.first),
    )
    assert listing.lock_ids(server.first)
    server.restart()
    assert server.back_up().state is SessionState.SUCCESS
    server.agrees()
    server.is_sound()


def test_the_lock_of_another_machine_stays_and_its_holder_is_named(saved: BackupServer) -> None:
    pid = dead_pid()
    started(saved, pid)
    lock = write_lock(saved.engine, saved.access(saved.second), host="elsewhere", pid=pid)
    session = saved.copy()
    assert session.state is SessionState.FAILED
    assert f"repository second is locked by process {pid} of somebody on elsewhere" in session.messages[0]
    assert listing.lock_ids(saved.second) == [lock]
    (saved.second / "locks" / lock).unlink()
    assert saved.copy().state is SessionState.SUCCESS


def test_somebody_who_reads_the_source_does_not_hold_up_its_copy(saved: BackupServer) -> None:
    lock = write_lock(saved.engine, saved.access(saved.first), host="elsewhere", pid=dead_pid())
    assert saved.copy().state is SessionState.SUCCESS
    assert listing.lock_ids(saved.first) == [lock]
    assert saved.back_up().state is SessionState.FAILED


def test_the_lock_of_a_living_restic_of_somebody_else_stays(saved: BackupServer) -> None:
    with running_backup(saved) as pid:
        session = saved.back_up()
        assert session.state is SessionState.FAILED
        assert f"is locked by process {pid} of root on {HERE}" in session.messages[0]
        assert len(listing.lock_ids(saved.first)) == 1
    assert saved.copy().state is SessionState.SUCCESS


def test_the_lock_of_a_process_that_we_never_started_stays_even_if_it_is_dead(server: BackupServer) -> None:
    pid = dead_pid()
    lock = write_lock(server.engine, server.access(server.first), host=HERE, pid=pid)
    session = server.back_up()
    assert session.state is SessionState.FAILED
    assert "it is not one of this agent's dead ones" in session.messages[0]
    assert listing.lock_ids(server.first) == [lock]


def test_the_lock_of_our_own_living_restic_stays(server: BackupServer, bystander: subprocess.Popen[bytes]) -> None:
    started(server, bystander.pid)
    lock = write_lock(server.engine, server.access(server.first), host=HERE, pid=bystander.pid)
    assert server.back_up().state is SessionState.FAILED
    assert listing.lock_ids(server.first) == [lock]
    bystander.kill()
    # It is dead as soon as it has ended, whether or not its parent has looked.
    until(lambda: server.back_up().state is SessionState.SUCCESS)
    assert listing.lock_ids(server.first) == []


def test_the_lock_of_somebody_elses_living_process_stays_though_a_dead_one_of_ours_had_its_id(
    server: BackupServer, bystander: subprocess.Popen[bytes]
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=30)
    for changes in ({"start_ticks": 1, "started_at": long_ago}, {"boot_id": "another", "started_at": long_ago}):
        started(server, bystander.pid, **changes)
        lock = write_lock(server.engine, server.access(server.first), host=HERE, pid=bystander.pid)
        assert server.back_up().state is SessionState.FAILED
        assert listing.lock_ids(server.first) == [lock]
        (server.first / "locks" / lock).unlink()


def test_a_dead_lock_goes_though_a_younger_process_has_its_id_by_now(
    server: BackupServer, bystander: subprocess.Popen[bytes]
) -> None:
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    started(server, bystander.pid, start_ticks=1, started_at=hour_ago - timedelta(minutes=1))
    write_lock(server.engine, server.access(server.first), host=HERE, pid=bystander.pid, time=hour_ago)
    assert server.back_up().state is SessionState.SUCCESS
    assert listing.lock_ids(server.first) == []


def test_the_locks_of_before_the_machine_was_started_anew_go(server: BackupServer) -> None:
    pid = dead_pid()
    started(server, pid, boot_id="the boot before")
    write_lock(server.engine, server.access(server.first), host=HERE, pid=pid, is_exclusive=True)
    assert server.back_up().state is SessionState.SUCCESS


def test_a_lock_that_is_older_than_our_process_is_not_ours(server: BackupServer) -> None:
    pid = dead_pid()
    started(server, pid)
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    lock = write_lock(server.engine, server.access(server.first), host=HERE, pid=pid, time=hour_ago)
    assert server.back_up().state is SessionState.FAILED
    assert listing.lock_ids(server.first) == [lock]


def test_processes_of_long_ago_are_forgotten(server: BackupServer) -> None:
    pid = dead_pid()
    known = StartedProcess(
        pid=pid, start_ticks=1, boot_id="old", host_name=HERE, started_at=datetime.now(UTC) - timedelta(days=91)
    )
    server.state.add_process(known)
    server.restart()
    assert server.state.processes(pid) == []
