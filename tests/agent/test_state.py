"""The agent's memory: whole after a crash at any moment, and of no use to whoever steals the file."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tandem.agent.state import State
from tandem.domain.repositories import RepositoryState
from tandem.domain.sessions import Session, SessionState, SessionType
from tandem.protocol.messages import (
    Configuration,
    FileShareConfiguration,
    RepositoryReport,
    SessionReport,
    ShareCredentials,
)
from tandem.sealing import SealBroken, open_seal
from tests.agent.backup_server import EVERYTHING, BackupServer, open_state, repository_configuration

CANARY = "canary-of-a-repository-password"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    made = open_state(tmp_path)
    yield made
    made.close()


class PowerCut(BaseException):
    """What ends a process without asking it."""


def report(number: int) -> RepositoryReport:
    """Make a report that can be told from others."""
    return RepositoryReport(repository_uid="first", state=RepositoryState.READY, used_space=number)


def add_two_and_crash(state: State) -> None:
    """Crash when all is written and nothing is committed."""
    with state.transaction():
        state.add_report(report(1))
        with state.transaction():
            state.add_report(report(2))
        raise PowerCut


def test_a_crash_in_the_middle_leaves_all_of_a_change_or_nothing(state: State, tmp_path: Path) -> None:
    with pytest.raises(PowerCut):
        add_two_and_crash(state)
    assert state.reports(EVERYTHING) == []
    with state.transaction():
        state.add_report(report(3))
        state.add_report(report(4))
        # Nobody else sees half of it.
        with sqlite3.connect(tmp_path / "agent.db") as other:
            assert other.execute("select count(*) from outbox").fetchone() == (0,)
        other.close()
    assert [numbered.report for numbered in state.reports(EVERYTHING)] == [report(3), report(4)]


def test_report_numbers_grow_for_ever(state: State, tmp_path: Path) -> None:
    for number in range(3):
        state.add_report(report(number))
    numbers = [numbered.number for numbered in state.reports(EVERYTHING)]
    assert numbers == sorted(set(numbers))
    state.drop_reports(numbers[1])
    assert [numbered.number for numbered in state.reports(EVERYTHING)] == numbers[2:]
    state.drop_reports(numbers[-1])
    state.close()
    reopened = open_state(tmp_path)
    assert reopened.reports(EVERYTHING) == []
    reopened.add_report(report(9))
    (next_one,) = reopened.reports(EVERYTHING)
    assert next_one.number > numbers[-1] == reopened.last_number() - 1
    reopened.close()


def test_a_memory_keeps_its_name_until_it_begins_anew(state: State, tmp_path: Path) -> None:
    name = state.spool_uid()
    assert state.last_number() == 0
    state.add_report(report(1))
    state.close()
    reopened = open_state(tmp_path)
    assert reopened.spool_uid() == name
    assert reopened.begin_spool() == reopened.spool_uid() != name
    assert [numbered.report for numbered in reopened.reports(EVERYTHING)] == [report(1)]
    reopened.close()


def test_reports_go_in_parts_that_the_console_takes(state: State) -> None:
    long = msgspec.structs.replace(report(1), failure="x" * 900_000)
    huge = msgspec.structs.replace(report(2), failure="y" * 2_500_000)
    for each in (long, long, long, huge, long):
        state.add_report(each)
    sizes: list[int] = []
    while some := state.reports(200):
        sizes.append(len(some))
        assert len(some) == 1 or len(msgspec.json.encode(some)) < 2_100_000
        state.drop_reports(some[-1].number)
    assert sizes == [2, 1, 1, 1]


def test_passwords_are_sealed_wherever_they_are_stored(state: State, tmp_path: Path) -> None:
    repository = repository_configuration("first", tmp_path / "first", password=CANARY)
    account = ShareCredentials(username="reader", password=CANARY)
    share = FileShareConfiguration(uid="share", name="share", path="/srv/share", credentials=account)
    configuration = Configuration(revision=1, repositories=[repository], file_shares=[share], jobs=[])
    for revision in range(3):
        state.set_configuration(msgspec.structs.replace(configuration, revision=revision))
        for file in tmp_path.iterdir():
            assert CANARY.encode() not in file.read_bytes()
    assert state.configuration() == msgspec.structs.replace(configuration, revision=2)
    state.close()
    with sqlite3.connect(tmp_path / "agent.db") as plain:
        plain.execute("pragma wal_checkpoint(truncate)")
    plain.close()
    assert CANARY.encode() not in (tmp_path / "agent.db").read_bytes()
    stolen = State(tmp_path / "agent.db", open_seal(tmp_path / "another.key"))
    with pytest.raises(SealBroken):
        stolen.configuration()
    stolen.close()
    assert (tmp_path / "seal.key").stat().st_mode & 0o077 == 0


def test_a_configuration_that_an_older_agent_kept_is_read(state: State, tmp_path: Path) -> None:
    share = {"uid": "share", "name": "Documents", "path": "/srv/share"}
    older = {"revision": 7, "repositories": [], "file_shares": [share], "jobs": []}
    sealed = open_seal(tmp_path / "seal.key").close(msgspec.json.encode(older).decode(), "configuration")
    with sqlite3.connect(tmp_path / "agent.db") as plain:
        plain.execute("insert into configuration values (1, ?)", (sealed,))
    plain.close()
    kept = state.configuration()
    assert kept is not None
    assert kept.file_shares == [FileShareConfiguration(uid="share", name="Documents", path="/srv/share")]
    assert kept.file_shares[0].credentials is None


def test_nobody_else_may_read_the_agents_folder(tmp_path: Path) -> None:
    state = open_state(tmp_path / "new" / "agent")
    state.close()
    assert (tmp_path / "new" / "agent").stat().st_mode & 0o077 == 0


def test_a_session_that_a_crash_cut_short_ends_as_failed_once(server: BackupServer) -> None:
    session = Session(
        instance_uid="cut short",
        job_uid="backup",
        job_unique_uid="unique backup",
        file_share_uid="share",
        type=SessionType.BACKUP,
        state=SessionState.RUNNING,
        started_at=server.clock.now,
    )
    server.state.put_session(session)
    server.clock.forward(hours=1)
    for _ in range(2):
        server.restart()
    (told,) = [found.session for found in server.reports() if isinstance(found, SessionReport)]
    assert (told.instance_uid, told.state, told.ended_at) == ("cut short", SessionState.FAILED, server.clock.now)
    assert "interrupted" in told.messages[0]
    assert server.state.open_sessions() == []


def test_a_command_is_taken_once_and_its_answer_kept_until_it_was_sent(state: State) -> None:
    assert state.take_command(5)
    assert not state.take_command(5)
    assert state.unsent_results() == []
    state.answer_command(5, "")
    assert state.unsent_results() == [(5, "")]
    state.mark_results_sent([5])
    assert state.unsent_results() == []
    assert not state.take_command(5)
    state.take_command(6)
    state.close_open_commands("cut short")
    assert state.unsent_results() == [(6, "cut short")]
