"""F3 and F5: somebody else works on the repositories, or seems to, as locks of all kinds say."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from tandem.domain.sessions import Session, SessionState
from tandem.restic import listing
from tests.agent.backup_server import nothing
from tests.agent.lock_files import write_lock
from tests.faults import oracle
from tests.faults.backup_servers import RecordedServer, Stage
from tests.faults.matrix import Scene

HERE = socket.gethostname()


def foreign_copy(stage: Stage, scene: Scene) -> None:
    """Let somebody copy the same points by hand: before our run, or at the same time."""
    with stage.server(scene, points=4, copied=1) as server:
        source = server.source()
        before, during = scene.chance.sample(server.ids()[1:], 2)
        server.copy_by_hand(before)
        with restic_by_hand(server, "copy", "--from-repo", server.first, during) as foreign:
            # Whoever is first keeps the other out; if neither does, both copy the same.
            foreign_seconds = scene.chance.uniform(0, 0.3)
            with contextlib.suppress(subprocess.TimeoutExpired):
                foreign.wait(foreign_seconds)
            session = server.copy()
            assert session.state is not SessionState.SKIPPED
            if session.state is SessionState.FAILED:
                assert "is locked by process" in session.messages[0]
        session = server.copy()
        if len(listing.snapshot_ids(server.second)) > len(server.ids()):
            _takes_back_what_is_there_twice(server, session)
            session = server.copy()
        assert session.state is SessionState.SUCCESS, session.messages
        assert server.source() == source
        oracle.holds(server, scene.chance)


def stale_locks(stage: Stage, scene: Scene) -> None:
    """Leave a lock on either side, of every kind of holder: only one of our own dead goes."""
    with stage.server(scene, points=2, copied=1) as server, bystander() as living:
        source = server.source()
        now = datetime.now(UTC)
        dead = dead_pid()
        remember(server, dead)
        remember(server, living)
        never_ours = dead_pid()
        kinds = {
            "our living": (HERE, living, now),
            "another machine's": ("elsewhere", dead, now),
            "another machine's of tomorrow": ("elsewhere", dead, now + timedelta(days=1)),
            "a dead one of somebody else": (HERE, never_ours, now),
            "of somebody's before ours": (HERE, dead, now - timedelta(hours=1)),
        }
        for name, (host, pid, time) in kinds.items():
            side = scene.chance.choice([server.first, server.second])
            exclusive = scene.chance.random() < 0.5
            lock = write_lock(server.engine, server.access(side), host=host, pid=pid, time=time, is_exclusive=exclusive)
            session = server.copy()
            if exclusive or side == server.second:
                assert session.state is SessionState.FAILED, name
                assert f"{side.name} is locked by process {pid}" in session.messages[0], name
            else:
                # Whoever only reads the source keeps nobody from copying it.
                assert session.state is SessionState.SUCCESS, (name, session.messages)
            assert listing.lock_ids(side) == [lock], name
            (side / "locks" / lock).unlink()
        for time in (now, now + timedelta(days=1)):
            for side in (server.first, server.second):
                write_lock(server.engine, server.access(side), host=HERE, pid=dead, time=time)
        assert server.copy().state is SessionState.SUCCESS
        assert server.source() == source
        oracle.holds(server, scene.chance)


def _takes_back_what_is_there_twice(server: RecordedServer, session: Session) -> None:
    """Check that a run says which copies are there twice, then remove the foreign ones, as it asks."""
    assert session.state is SessionState.WARNING, "what somebody copied a second time is not told"
    ours = {entry.target_snapshot_id for entry in server.ledger().values()}
    foreign = [uid for uid in listing.snapshot_ids(server.second) if uid not in ours]
    assert all(uid[:8] in str(session.messages) for uid in foreign), session.messages
    with restic_by_hand(server, "forget", *foreign, repository=server.second) as forgetting:
        assert forgetting.wait() == 0


@contextlib.contextmanager
def restic_by_hand(
    server: RecordedServer, *arguments: object, repository: Path | None = None
) -> Generator[subprocess.Popen[bytes]]:
    """Run restic as a person would, without a word to the agent; it ends in the end."""
    at = repository or server.second
    environment = {
        "PATH": os.environ["PATH"],
        "RESTIC_PASSWORD": server.access(at).password,
        "RESTIC_FROM_PASSWORD": server.access(server.first).password,
    }
    command = [server.engine.path, "--repo", at, "--no-cache", *map(str, arguments)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        yield process
        process.wait()


@contextlib.contextmanager
def bystander() -> Generator[int]:
    """Give a living process that is no restic."""
    with subprocess.Popen(["sleep", "1000"]) as started:
        try:
            yield started.pid
        finally:
            started.kill()


def dead_pid() -> int:
    """Give the id of a process that has ended."""
    with subprocess.Popen(["true"]) as done:
        done.wait()
    return done.pid


def remember(server: RecordedServer, pid: int) -> None:
    """Let the agent remember that it started a process."""
    control = server.processes.control(Event(), nothing)
    assert control.on_start is not None
    control.on_start(pid)
