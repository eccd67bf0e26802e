"""Talking with the console: nothing is lost or said twice, and no trouble on the way ends the talk."""

import random
import shutil
from collections.abc import Iterator
from threading import Event, Thread
from threading import enumerate as enumerate_threads

import msgspec
import pytest
from structlog.testing import capture_logs

from tandem.agent import backoff, loop
from tandem.agent.identity import Identity
from tandem.agent.loop import Agent
from tandem.domain.errors import Unavailable
from tandem.domain.repositories import RepositoryState
from tandem.domain.schedule import Schedule
from tandem.domain.sessions import Session, SessionState
from tandem.protocol.messages import (
    CheckFolder,
    Collect,
    Configuration,
    ExchangeRequest,
    Order,
    PointReport,
    RepositoryReport,
    SessionReport,
    StartJob,
    StopJob,
)
from tandem.restic import listing
from tests.agent.backup_server import SECONDS_MAX, BackupServer, until
from tests.agent.fake_link import FakeLink

IDENTITY = Identity(
    console="",
    certificate="",
    backup_server_uid="server",
    audience="",
    private_key="",
    installation_uid="",
    host_name="fileserver",
)


class Work:
    """An agent at work in threads of this process, and its console."""

    def __init__(self, server: BackupServer) -> None:
        self.server = server
        # Each run takes place when it is asked for, and only then.
        by_hand = [msgspec.structs.replace(job, schedule=Schedule()) for job in server.configuration.jobs]
        server.configure(jobs=by_hand)
        self.link = FakeLink(server.configuration)
        self._threads: list[Thread] = []
        self.begin()

    def begin(self) -> None:
        """Start the agent."""
        self.agent = Agent(self.server.means, IDENTITY, self.server.data)
        self._threads.append(Thread(target=self.agent.run))
        self._threads[-1].start()

    def end(self) -> None:
        """Stop the agent."""
        self.agent.stop()
        self._threads[-1].join(SECONDS_MAX)
        assert not self._threads[-1].is_alive()

    def ask(self, order: Order) -> str:
        """Give an order and wait for its answer."""
        serial = self.link.order(order)
        until(lambda: serial in self.link.results)
        return self.link.results[serial]

    def run(self, job_uid: str) -> Session:
        """Let a job run; gives the session as the console knows it in the end."""
        before = len(self.ended())
        assert self.ask(StartJob(job_uid=job_uid)) == ""
        until(lambda: len(self.ended()) > before)
        return self.ended()[before]

    def ended(self) -> list[Session]:
        """Give the sessions whose end the console knows."""
        found = [report.session for report in self.link.reports if isinstance(report, SessionReport)]
        return [session for session in found if session.state.is_final]


@pytest.fixture
def work(server: BackupServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Work]:
    """An agent at work, on a link without a network; it waits for nothing longer than a test should."""
    links: list[FakeLink] = []

    def link_of(_identity: Identity, _restic_version: str) -> FakeLink:
        return links[-1]

    monkeypatch.setattr(loop, "ConsoleLink", link_of)
    monkeypatch.setattr(backoff, "SECONDS_MAX", 0.05)
    monkeypatch.setattr(loop, "TICK_SECONDS", 0.02)
    monkeypatch.setattr(loop, "REPORT_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(FakeLink, "__init__", remembering(links))
    made = Work(server)
    yield made
    made.link.close()
    made.end()


def remembering(links: list[FakeLink]) -> object:
    """Make a link's beginning that notes it in a list."""
    begin = FakeLink.__init__

    def begin_and_note(link: FakeLink, configuration: Configuration) -> None:
        begin(link, configuration)
        links.append(link)

    return begin_and_note


def test_what_a_run_did_arrives_in_order_and_once(work: Work) -> None:
    session = work.run("backup")
    assert session.state is SessionState.SUCCESS
    kinds = [type(report) for report in work.link.reports]
    assert kinds == [SessionReport, PointReport, RepositoryReport, SessionReport]
    until(lambda: work.server.state.reports(1) == [])


def test_reports_whose_acknowledgement_was_lost_are_not_taken_twice(work: Work) -> None:
    chance = random.Random(7)
    losses = 0

    def lose_some(request: ExchangeRequest) -> None:
        nonlocal losses
        if request.reports and chance.random() < 0.7:
            losses += 1
            raise Unavailable("the answer was lost")

    work.link.loss = lose_some
    for _ in range(2):
        work.run("backup")
    work.link.loss = None
    until(lambda: work.server.state.reports(1) == [])
    assert losses > 0
    kinds = [type(report) for report in work.link.reports]
    assert kinds == [SessionReport, PointReport, RepositoryReport, SessionReport] * 2


def test_a_run_goes_on_without_the_console_and_is_told_later(work: Work) -> None:
    def away(_request: ExchangeRequest) -> None:
        raise Unavailable("away")

    work.run("backup")
    work.link.fault = away
    before = len(work.link.reports)
    sessions, job = work.agent._sessions, work.server.backup_job  # pyright: ignore[reportPrivateUsage]
    # The end of a run is told a moment before its place in the line is free.
    until(lambda: sessions.start_job(job, work.server.configuration) == "")
    until(lambda: not work.server.state.open_sessions())
    assert len(work.link.reports) == before
    work.link.fault = None
    until(lambda: len(work.ended()) == 2)
    assert len(work.server.points()) == 2


@pytest.mark.parametrize("trouble", [msgspec.DecodeError("<html>"), OSError("a bad day"), KeyError("token")])
def test_an_answer_that_nobody_expects_does_not_end_the_talk(work: Work, trouble: Exception) -> None:
    troubles = 0

    def fail(_request: ExchangeRequest) -> None:
        nonlocal troubles
        troubles += 1
        raise trouble

    work.run("backup")
    work.link.fault = fail
    work.link.configure(msgspec.structs.replace(work.server.configuration, revision=9))
    until(lambda: troubles > 4)
    work.link.fault = None
    assert work.run("backup").state is SessionState.SUCCESS
    assert work.ask(CheckFolder(path=str(work.server.share))) == ""


def test_what_a_run_did_arrives_though_the_agents_memory_could_not_be_read_for_a_while(work: Work) -> None:
    database = work.server.state._database  # pyright: ignore[reportPrivateUsage]
    until(lambda: work.link.is_waiting)
    with capture_logs() as lines:
        database.execute("alter table outbox rename to lost")
        work.agent._news.set()  # pyright: ignore[reportPrivateUsage]
        # More than once: it goes on after the second time too.
        until(lambda: len([line for line in lines if line["event"] == "reports not read"]) > 1)
    database.execute("alter table lost rename to outbox")

    assert work.run("backup").state is SessionState.SUCCESS


def test_an_order_is_carried_out_once_and_answered_even_if_it_fails(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> str:
        raise OSError("a bad day")

    assert work.ask(StartJob(job_uid="nobody's")) == "This agent does not know the job."
    assert work.ask(StopJob(job_uid="backup")) == "The job is not running on this backup server."
    assert "does not exist" in work.ask(CheckFolder(path="/does/not/exist"))
    with monkeypatch.context() as broken:
        broken.setattr(loop, "check_share", fail)
        assert work.ask(CheckFolder(path="/srv")) == "The agent failed: a bad day"
    work.run("backup")
    assert len(work.server.points()) == 1
    work.end()
    work.server.restart()
    work.begin()
    assert work.ask(CheckFolder(path=str(work.server.share))) == ""
    assert len(work.server.points()) == 1


def test_an_order_that_a_crash_cut_short_is_answered_after_it(work: Work) -> None:
    work.end()
    assert work.server.state.take_command(1)
    work.server.restart()
    work.link.order(StartJob(job_uid="backup"))
    work.begin()
    until(lambda: 1 in work.link.results)
    assert "interrupted" in work.link.results[1]
    assert work.server.points() == []


def test_a_newer_agent_with_the_same_identity_ends_this_one(work: Work) -> None:
    work.run("backup")
    work.link.fence()
    until(lambda: work.agent.is_fenced)
    work.end()
    # It has not come back and fenced the newer one in turn.
    assert len(work.link.sessions) == 2


def test_a_console_that_forgot_the_session_is_not_a_newer_agent(work: Work) -> None:
    for _ in range(20):
        sessions = len(work.link.sessions)
        work.link.revoke()
        until(lambda before=sessions: len(work.link.sessions) > before)
    assert work.run("backup").state is SessionState.SUCCESS
    assert not work.agent.is_fenced


def test_an_agents_memory_that_was_put_back_from_a_backup_is_not_taken_for_an_old_one(work: Work) -> None:
    work.run("backup")
    until(lambda: work.server.state.reports(1) == [])
    work.end()
    saved = work.server.folder / "saved.db"
    work.server.state._database.execute("vacuum into ?", (str(saved),))  # pyright: ignore[reportPrivateUsage]
    work.begin()
    work.run("backup")
    work.run("copy")
    until(lambda: work.server.state.reports(1) == [])
    work.end()

    work.server.state.close()
    for name in ("agent.db-wal", "agent.db-shm"):
        (work.server.data / name).unlink(missing_ok=True)
    shutil.copy(saved, work.server.data / "agent.db")
    work.server.open()
    told = len(work.link.reports)
    work.begin()
    session = work.run("backup")
    assert session.state is SessionState.SUCCESS
    snapshots = [report.snapshot_id for report in work.link.reports[told:] if isinstance(report, PointReport)]
    # The one that this memory had never heard of, and the new one.
    assert len(snapshots) == 2
    assert len(work.server.points()) == 3
    work.run("copy")
    assert set(work.server.copies()) == {point.snapshot_id for point in work.server.points()}


def test_a_console_that_was_put_back_from_a_backup_is_still_obeyed(work: Work) -> None:
    older = msgspec.structs.replace(work.server.configuration, revision=1, jobs=[])
    work.link.configure(older)
    until(lambda: work.server.state.configuration() == older)
    assert work.ask(StartJob(job_uid="backup")) == "This agent does not know the job."
    # It waits for news again, and does not ask and ask.
    until(lambda: work.link.is_waiting)


def test_a_repository_is_made_though_its_report_could_not_be_stored_at_first(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_report = work.server.state.add_report
    refusals = 0

    def refuse_twice(report: RepositoryReport) -> None:
        nonlocal refusals
        refusals += 1
        if refusals < 3:
            raise OSError("the disk is full")
        add_report(report)

    monkeypatch.setattr(work.server.state, "add_report", refuse_twice)
    first, second = work.server.configuration.repositories
    wanted = msgspec.structs.replace(second, state=RepositoryState.CREATING)
    work.link.configure(msgspec.structs.replace(work.server.configuration, revision=8, repositories=[first, wanted]))
    revision = 8

    def is_made() -> bool:
        nonlocal revision
        revision += 1
        work.link.configure(msgspec.structs.replace(work.link.configuration, revision=revision))
        return any(isinstance(report, RepositoryReport) for report in work.link.reports)

    until(is_made)
    (report,) = [report for report in work.link.reports if isinstance(report, RepositoryReport)][:1]
    assert (report.repository_uid, report.restic_id) == ("second", second.restic_id)


def test_a_stopped_agent_tells_how_its_sessions_ended_before_it_goes(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Event()
    open_repository = work.server.repositories.open

    def stop_meanwhile(*arguments: object, **options: object) -> object:
        gate.set()
        until(work.agent._stopping.is_set)  # pyright: ignore[reportPrivateUsage]
        return open_repository(*arguments, **options)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(work.server.repositories, "open", stop_meanwhile)
    assert work.ask(StartJob(job_uid="backup")) == ""
    assert gate.wait(SECONDS_MAX)
    work.end()
    (session,) = work.ended()
    assert session.state is SessionState.FAILED
    assert session.messages == ["The agent was stopped; the next run goes on from what was done."]
    assert work.server.state.reports(1) == []


def test_a_console_that_does_not_answer_does_not_keep_the_agent_from_ending(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "LAST_WORDS_SECONDS_MAX", 0.1)
    silence = Event()

    def say_nothing(_request: ExchangeRequest) -> None:
        silence.wait(SECONDS_MAX)

    work.run("backup")
    work.link.fault = say_nothing
    work.server.state.add_report(RepositoryReport(repository_uid="first", state=RepositoryState.READY))
    work.end()
    silence.set()
    # Before its memory is closed.
    until(lambda: not [thread for thread in enumerate_threads() if thread.name == "last words"])


def test_runs_that_hang_do_not_keep_the_agent_from_ending(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "STOP_SECONDS_MAX", 0.3)
    hanging, lifted = Event(), Event()

    def hang(*_arguments: object, **_options: object) -> None:
        hanging.set()
        lifted.wait(SECONDS_MAX)
        raise OSError("the disk is back")

    monkeypatch.setattr(work.server.repositories, "open", hang)
    assert work.ask(StartJob(job_uid="backup")) == ""
    assert work.ask(StartJob(job_uid="copy")) == ""
    assert hanging.wait(SECONDS_MAX)
    work.end()
    assert len(work.server.state.open_sessions()) == 2
    lifted.set()
    until(lambda: len(work.server.state.open_sessions()) == 1)
    # What had not begun waits for the next start.
    assert [session.state for session in work.server.state.open_sessions()] == [SessionState.QUEUED]


def test_a_collection_tells_every_repository_as_it_is_now(work: Work) -> None:
    def collected() -> dict[str, RepositoryReport]:
        work.link.reports.clear()
        assert work.ask(Collect()) == ""
        until(lambda: len(work.link.reports) == 2)
        return {report.repository_uid: report for report in work.link.reports if isinstance(report, RepositoryReport)}

    server = work.server
    first = collected()["first"]
    assert (first.state, first.restic_id) == (RepositoryState.READY, server.configuration.repositories[0].restic_id)
    assert first.used_space == listing.bytes_used(server.first)
    # A disk that is not mounted is told, and the other repository all the same.
    server.first.rename(server.folder / "unmounted")
    reports = collected()
    assert reports["second"].state is RepositoryState.READY
    assert reports["first"].state is RepositoryState.FAILED
    assert "mounted" in (reports["first"].failure or "")
    # Another repository in its place is not taken for it.
    shutil.copytree(server.second, server.first)
    assert collected()["first"].state is RepositoryState.FAILED
    shutil.rmtree(server.first)
    (server.folder / "unmounted").rename(server.first)
    assert collected()["first"].state is RepositoryState.READY


def test_what_was_never_made_is_not_told_by_a_collection(work: Work) -> None:
    failed = msgspec.structs.replace(
        work.server.configuration.repositories[0],
        uid="never made",
        path="/nowhere/at/all",
        restic_id=None,
        state=RepositoryState.FAILED,
    )
    work.server.configure(repositories=[failed, *work.server.configuration.repositories])
    work.link.configure(work.server.configuration)
    until(lambda: work.server.state.configuration() == work.server.configuration)
    assert work.ask(Collect()) == ""
    until(lambda: len(work.link.reports) == 2)
    assert {report.repository_uid for report in work.link.reports if isinstance(report, RepositoryReport)} == {
        "first",
        "second",
    }
