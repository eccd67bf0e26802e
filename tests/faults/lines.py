"""F8 and F9: the line to a repository elsewhere is cut, slow or silent; its server refuses, is busy, or says half."""

import dataclasses
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Event

import msgspec

from tandem.domain.repository_locations import parse_location
from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import Session, SessionState
from tandem.restic.process import Control
from tests.agent.backup_server import nothing, random_bytes
from tests.agent.test_remote_repositories import elsewhere
from tests.faults import oracle
from tests.faults.backup_servers import RecordedServer, Stage
from tests.faults.line import FINE, Line, Treatment, answering, at_first, line_to
from tests.faults.matrix import Scene
from tests.remote_servers import rest_server, sftp_server
from tests.restic.trees import describe

BIG = 1_000_000
STALL_SECONDS = 1.0
DELAY_SECONDS = 0.005
FAILURES_MAX = 3


def bad_lines(stage: Stage, scene: Scene) -> None:
    """Cut the line to the target at random bytes, or let it fall silent in the middle of a copy; then it is slow."""
    chance = scene.chance
    with behind_a_line(stage, scene, chance.choice(["rest", "sftp"])) as (server, line):

        def cut() -> Treatment:
            return Treatment(bytes_max=chance.randrange(5_000))

        if chance.random() < 0.5:
            line.treat = at_first(chance, FAILURES_MAX, cut)
            session = server.copy()
        else:
            line.treat = lambda: Treatment(bytes_max=chance.randrange(5_000), is_silent=True)
            with impatient(server):
                session = server.copy()
        _ends_somehow(server, session)

        line.treat = lambda: Treatment(delay_seconds=DELAY_SECONDS)
        _ends_well(server, chance)
        line.treat = lambda: FINE


def bad_servers(stage: Stage, scene: Scene) -> None:
    """Let the target's server be busy, fail and break off at times; then refuse: nothing is made anew for it."""
    chance = scene.chance
    with behind_a_line(stage, scene, "rest") as (server, line):

        def fail() -> Treatment:
            busy = [answering(status) for status in ("429 Too Many", "500 Broken", "502 Bad", "503 Busy")]
            return chance.choice([*busy, Treatment(bytes_max=chance.randrange(300))])

        line.treat = at_first(chance, FAILURES_MAX, fail)
        _ends_somehow(server, server.copy())
        for status in chance.sample(["401 Unauthorized", "403 Forbidden"], 2):
            before = describe(server.second.resolve())
            line.treat = lambda status=status: answering(status)
            session = server.copy()
            assert session.state is SessionState.FAILED
            assert "refuses the account" in session.messages[0], session.messages
            assert describe(server.second.resolve()) == before
        _save_big(server, chance)
        line.treat = lambda: FINE
        _ends_well(server, chance)


@contextmanager
def behind_a_line(stage: Stage, scene: Scene, kind: str) -> Generator[tuple[RecordedServer, Line]]:
    """Give a backup server whose second repository is at a server that a line leads to."""
    serve = rest_server if kind == "rest" else sftp_server
    with stage.server(scene, points=2, copied=1) as server, serve(scene.folder / kind) as remote:
        place = parse_location(f"{remote.location}second" + ("/" if kind == "rest" else ""))
        assert place.port is not None
        with line_to(place.port) as line:
            remote.take(server.second, "second")
            # So that the oracle looks into it as if it were here.
            server.second.symlink_to(remote.folder / "second")
            first, second = server.configuration.repositories
            moved = elsewhere(second, remote, "second")
            by_line = moved.path.replace(f":{place.port}/", f":{line.port}/", 1)
            server.configure(repositories=[first, msgspec.structs.replace(moved, path=by_line)])
            _save_big(server, scene.chance)
            yield server, line


@contextmanager
def impatient(server: RecordedServer) -> Generator[None]:
    """Take silence for a failure after a moment, not after minutes."""
    watch = server.processes.control

    def control(stop: Event, on_count: Callable[[], None] = nothing) -> Control:
        return dataclasses.replace(watch(stop, on_count), stall_seconds=STALL_SECONDS)

    server.processes.control = control
    try:
        yield
    finally:
        server.processes.control = watch


def _save_big(server: RecordedServer, chance: random.Random) -> None:
    server.save("big.bin", random_bytes(chance.random(), size=BIG))


def _ends_somehow(server: RecordedServer, session: Session) -> None:
    """Check that a run ended, whether or not it came through, and blamed no point."""
    assert session.state in {SessionState.SUCCESS, SessionState.FAILED}, session.messages
    assert CopyState.QUARANTINED not in server.states().values()


def _ends_well(server: RecordedServer, chance: random.Random) -> None:
    session = server.copy()
    assert session.state is SessionState.SUCCESS, session.messages
    oracle.holds(server, chance)
