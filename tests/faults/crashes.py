"""F1: restic and the agent die in the middle of a copy."""

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Timer

from tandem.domain.sessions import SessionState
from tandem.restic import process
from tandem.restic.process import Control
from tests.agent.backup_server import random_bytes
from tests.agent.test_crashes import dies_after
from tests.faults import oracle
from tests.faults.backup_servers import RecordedServer, Stage
from tests.faults.matrix import Scene

BIG = 8_000_000
COPY_SECONDS = 0.4
# Dead data waits for a week at most.
DEAD_DATA_DAYS = 8


def killed_copy(stage: Stage, scene: Scene) -> None:
    """Kill restic in the middle, mostly with its agent, several times; then let them begin again."""
    with stage.server(scene, points=2, copied=1) as server:
        save_big(server, scene)
        source = server.source()
        for _ in range(2):
            with killing(server, scene.chance.uniform(0, COPY_SECONDS)):
                if scene.chance.random() < 0.7:
                    dies_after(server, scene.chance.randint(1, 5), server.copy_here)
                else:
                    server.copy()
            server.restart()
        assert server.copy().state is SessionState.SUCCESS
        assert server.source() == source
        oracle.holds(server, scene.chance)
        _frees_what_crashes_left(server)


def save_big(server: RecordedServer, scene: Scene) -> None:
    """Make two points that each take a moment to copy."""
    for number in range(2):
        name = f"big {number}.bin"
        server.save(name, random_bytes(scene.chance.random(), size=BIG))
        (server.share / name).unlink()


@contextmanager
def killing(server: RecordedServer, seconds: float) -> Generator[None]:
    """Kill each restic that works longer than so many seconds."""
    watch = server.processes.control

    def control(stop: Event, on_count: Callable[[], None]) -> Control:
        watching = watch(stop, on_count)

        def on_start(pid: int) -> None:
            assert watching.on_start is not None
            watching.on_start(pid)
            timer = Timer(seconds, kill, [pid])
            timer.daemon = True
            timer.start()

        return Control(on_start=on_start, stop=watching.stop)

    server.processes.control = control
    try:
        yield
    finally:
        server.processes.control = watch


def kill(pid: int) -> None:
    """End a restic, if it has not ended by itself and its id is not somebody else's by now."""
    try:
        if b"restic" in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return


def _frees_what_crashes_left(server: RecordedServer) -> None:
    server.clock.forward(days=DEAD_DATA_DAYS)
    assert server.copy().state is SessionState.SUCCESS
    checked = process.run(server.engine, ["check"], repository=server.access(server.second))
    assert "additional files were found" not in checked.stdout, checked.stdout
    assert [path for path in server.second.rglob("*-tmp-*") if path.is_file()] == []
