"""The agent dies at every single moment at which it remembers something, and nothing is lost or doubled by it."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count

import pytest

from tandem.agent.state import State
from tandem.domain import holds
from tandem.domain.retention import Retention, RetentionUnit
from tandem.domain.sessions import SessionState
from tandem.restic import listing
from tests.agent.backup_server import BackupServer
from tests.agent.conftest import Stage
from tests.restic.trees import describe
from tests.rounds import LONG, rounds, rounds_wanted

TWO_DAYS = Retention(2, RetentionUnit.DAYS)


class Died(BaseException):
    """The process is gone: nothing of it writes any more."""


class MortalState(State):
    """A memory whose process dies right before it would commit for the nth time."""

    lives_left = 1_000_000

    @contextmanager
    def transaction(self) -> Generator[None]:
        with super().transaction():
            yield
            if self._depth == 1:
                self.lives_left -= 1
            if self.lives_left <= 0:
                raise Died


def dies_after(server: BackupServer, commits: int, run: Callable[[], None]) -> bool:
    """Run something in a process that dies after so many commits, and begin anew; False if it lived on."""
    server.state.close()
    server.open(MortalState)
    assert isinstance(server.state, MortalState)
    server.state.lives_left = commits
    try:
        run()
    except Died:
        server.restart()
        return True
    server.restart()
    return False


@pytest.fixture
def due(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Generator[Callable[[], BackupServer]]:
    """Gives a backup server with a point to make, to copy and to forget, as often as it is asked."""
    # Restic dates its points by the real clock, which is days behind the tests'.
    monkeypatch.setattr(holds, "CLOCK_TOLERANCE", timedelta(days=30))

    def prepare(server: BackupServer) -> None:
        server.save()
        server.copy()
        server.save()
        server.clock.forward(days=3)
        server.save()
        server.keep(copies=TWO_DAYS, backup=TWO_DAYS)

    opened: list[BackupServer] = []

    def give() -> BackupServer:
        for server in opened:
            server.state.close()
        opened[:] = [stage.set_up("due", prepare)]
        return opened[0]

    yield give
    opened[0].state.close()


def moments() -> Iterator[int]:
    """Count the commits after which to die: in the short form every third, each time others."""
    step = 3 if rounds_wanted() == 1 else 1
    for chance in rounds(1, at_most=1):
        yield from count(1 + chance.randrange(step), step)


@LONG
def test_a_copy_run_may_die_at_any_moment(due: Callable[[], BackupServer]) -> None:
    for commits in moments():
        server = due()
        before = describe(server.first, but=frozenset({"locks"}))
        newest = server.ids()[-1]
        is_dead = dies_after(server, commits, server.copy_here)
        session = server.copy()
        assert session.state is SessionState.SUCCESS, (commits, session.messages)
        assert set(server.copies()) == {newest}, commits
        server.agrees()
        assert describe(server.first, but=frozenset({"locks"})) == before
        assert server.copy().statistics.restic_processes == 0
        if not is_dead:
            assert commits > 5
            server.is_sound()
            return


@LONG
def test_a_backup_run_may_die_at_any_moment(due: Callable[[], BackupServer]) -> None:
    for commits in moments():
        server = due()
        server.write("notes.txt", b"new")
        newest = server.ids()[-1]
        is_dead = dies_after(server, commits, server.back_up_here)
        session = server.back_up()
        assert session.state is SessionState.SUCCESS, (commits, session.messages)
        server.agrees()
        held = set(listing.snapshot_ids(server.first))
        # What the dead run had saved is either known or was never there; nothing old is.
        assert newest in held
        assert len(held) in {2, 3}
        if not is_dead:
            assert commits > 3
            server.is_sound()
            return


@LONG
def test_runs_that_die_one_after_the_other_come_to_an_end(due: Callable[[], BackupServer]) -> None:
    for chance in rounds(1):
        server = due()
        newest = server.ids()[-1]
        deaths = 0
        while dies_after(server, chance.randint(1, 7), server.copy_here):
            deaths += 1
            assert deaths < 100
        assert server.copy().state is SessionState.SUCCESS
        assert set(server.copies()) == {newest}
        server.agrees()
