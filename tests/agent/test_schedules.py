"""The plan: each run takes place once, a missed one once, and one that does not take place says why."""

from datetime import UTC, datetime, timedelta
from threading import Event

import msgspec
import pytest

from tandem.agent.identity import Identity
from tandem.agent.loop import Agent
from tandem.agent.open_repository import OpenRepository
from tandem.domain.schedule import PeriodUnit, Schedule, ScheduleType
from tandem.domain.sessions import Session, SessionState, SessionType
from tandem.protocol.messages import RepositoryConfiguration
from tandem.restic.process import Control
from tandem.server.certificates import prepare_certificate
from tests.agent.backup_server import HOST, SECONDS_MAX, BackupServer, until

NIGHTLY = Schedule(type=ScheduleType.DAILY, time_of_day="22:00")
HOURLY = Schedule(type=ScheduleType.PERIODICALLY, period=1, period_unit=PeriodUnit.HOURS)
CHAINED = Schedule(type=ScheduleType.CHAINED)


class Gate:
    """Lets no run open a repository, as if its disk hung, until it is lifted."""

    def __init__(self, server: BackupServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_reached = Event()
        self._lifted = Event()
        go_on = server.repositories.open

        def wait(repository: RepositoryConfiguration, control: Control, *, is_shared: bool = False) -> OpenRepository:
            self.is_reached.set()
            assert self._lifted.wait(SECONDS_MAX)
            return go_on(repository, control, is_shared=is_shared)

        monkeypatch.setattr(server.repositories, "open", wait)

    def lift(self) -> None:
        self._lifted.set()


class Planner:
    """An agent whose main loop turns when a test says so; it has no console."""

    def __init__(self, server: BackupServer) -> None:
        self.server = server
        certificate, _key = prepare_certificate(server.folder / "console", None, None)
        self._identity = Identity(
            console="https://localhost:1",
            certificate=certificate.read_text(),
            backup_server_uid="server",
            audience="console",
            private_key="",
            installation_uid="installation",
            host_name=HOST,
        )
        self.begin()

    def begin(self) -> None:
        """Begin as a new process does."""
        self.agent = Agent(self.server.means, self._identity, self.server.data)

    def restart(self) -> None:
        """End the agent and begin again."""
        self.server.restart()
        self.begin()

    def plan(self, *, backup: Schedule, copies: Schedule = CHAINED, is_enabled: bool = True) -> None:
        """Give the jobs schedules, and let the agent see them."""
        jobs = self.server.configuration.jobs
        self.server.configure(
            jobs=[
                msgspec.structs.replace(jobs[0], schedule=backup, is_enabled=is_enabled),
                msgspec.structs.replace(jobs[1], schedule=copies),
            ]
        )
        self.begin()
        self.look()

    def look(self) -> None:
        """Start what is due, as the loop does twice a second."""
        self.agent._start_due()  # pyright: ignore[reportPrivateUsage]

    def work(self) -> list[Session]:
        """Turn the loop until nothing goes on and nothing is due any more; gives what ended meanwhile."""
        before = len(self.server.ended_sessions())
        for _ in range(3):
            self.look()
            until(self.is_idle)
        return self.server.ended_sessions()[before:]

    def is_idle(self) -> bool:
        """Say whether no job's run is going on."""
        sessions = self.agent._sessions  # pyright: ignore[reportPrivateUsage]
        return not any(sessions.is_running(job.uid) for job in self.server.configuration.jobs)

    def at(self, hour: int, *, day: int = 1) -> None:
        """Set the clock, to an hour of a day of a far year."""
        self.server.clock.now = datetime(2031, 1, day, hour, tzinfo=UTC)


@pytest.fixture
def planner(server: BackupServer) -> Planner:
    """An agent with a job that is planned each night, seen first at noon."""
    made = Planner(server)
    made.at(12)
    return made


def types(sessions: list[Session]) -> list[SessionType]:
    """Give what sessions did."""
    return [session.type for session in sessions]


def test_a_planned_run_takes_place_once_and_its_copy_after_it(planner: Planner) -> None:
    planner.plan(backup=NIGHTLY)
    assert planner.work() == []
    planner.at(21)
    assert planner.work() == []
    planner.at(22)
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]
    assert planner.work() == []
    planner.at(23)
    planner.restart()
    assert planner.work() == []
    planner.at(22, day=2)
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]
    planner.server.agrees()


def test_runs_that_were_missed_are_made_up_for_once(planner: Planner) -> None:
    planner.plan(backup=HOURLY)
    planner.at(20, day=4)
    planner.restart()
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]
    assert planner.work() == []
    planner.server.clock.forward(hours=1)
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]


def test_a_job_that_is_switched_off_does_not_run_and_makes_nothing_up(planner: Planner) -> None:
    planner.plan(backup=NIGHTLY, is_enabled=False)
    planner.at(23)
    assert planner.work() == []
    planner.at(12, day=2)
    planner.plan(backup=NIGHTLY)
    assert planner.work() == []
    planner.at(22, day=2)
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]


def test_a_copy_that_is_switched_off_does_not_follow(planner: Planner) -> None:
    jobs = planner.server.configuration.jobs
    planner.server.configure(jobs=[jobs[0], msgspec.structs.replace(jobs[1], is_enabled=False)])
    planner.plan(backup=NIGHTLY)
    planner.at(22)
    assert types(planner.work()) == [SessionType.BACKUP]
    planner.server.configure(jobs=[planner.server.backup_job, msgspec.structs.replace(jobs[1], is_enabled=True)])
    planner.begin()
    assert planner.work() == []


def test_a_copy_follows_a_run_with_a_warning_but_not_one_that_failed(planner: Planner) -> None:
    server = planner.server
    planner.plan(backup=HOURLY)
    server.clock.forward(hours=1)
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]
    (point,) = server.points()
    (server.first / "snapshots" / point.snapshot_id).unlink()
    server.clock.forward(hours=1)
    sessions = planner.work()
    assert [session.state for session in sessions] == [SessionState.WARNING, SessionState.SUCCESS]
    server.share.rename(server.folder / "aside")
    server.clock.forward(hours=1)
    (failed,) = planner.work()
    assert (failed.type, failed.state) == (SessionType.BACKUP, SessionState.FAILED)
    (server.folder / "aside").rename(server.share)
    server.clock.forward(hours=1)
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]


def test_a_copy_that_is_due_survives_a_crash(planner: Planner) -> None:
    planner.plan(backup=NIGHTLY)
    planner.at(22)
    planner.look()
    until(planner.is_idle)
    assert types(planner.server.ended_sessions()) == [SessionType.BACKUP]
    planner.restart()
    assert types(planner.work()) == [SessionType.COPY]
    planner.restart()
    assert planner.work() == []


def test_a_copy_with_a_plan_of_its_own_keeps_to_it(planner: Planner) -> None:
    at_noon = msgspec.structs.replace(NIGHTLY, time_of_day="12:00")
    planner.plan(backup=NIGHTLY, copies=at_noon)
    planner.at(22)
    assert types(planner.work()) == [SessionType.BACKUP]
    planner.at(12, day=2)
    assert types(planner.work()) == [SessionType.COPY]


def test_a_changed_plan_counts_from_its_change(planner: Planner) -> None:
    planner.plan(backup=NIGHTLY)
    planner.at(14)
    planner.plan(backup=msgspec.structs.replace(NIGHTLY, time_of_day="13:00"))
    assert planner.work() == []
    planner.at(23)
    assert planner.work() == []
    planner.at(13, day=2)
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]


def test_a_run_that_would_overlap_is_skipped_and_leaves_its_reason(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = planner.server
    planner.plan(backup=HOURLY)
    gate = Gate(server, monkeypatch)
    server.clock.forward(hours=1)
    planner.look()
    assert gate.is_reached.wait(SECONDS_MAX)
    for _ in range(2):
        server.clock.forward(hours=1)
        planner.look()
        planner.look()
    skipped = server.ended_sessions()
    assert [session.state for session in skipped] == [SessionState.SKIPPED] * 2
    assert [session.messages for session in skipped] == [["Its previous run was still going on."]] * 2
    assert {session.ended_at - session.started_at for session in skipped if session.ended_at} == {timedelta()}
    gate.lift()
    until(planner.is_idle)
    assert types(planner.work()) == [SessionType.COPY]
    assert len(server.points()) == 1


def test_a_chained_copy_waits_for_the_one_that_is_going_on(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    server = planner.server
    planner.plan(backup=HOURLY)
    server.clock.forward(hours=1)
    planner.look()
    until(planner.is_idle)
    gate = Gate(server, monkeypatch)
    planner.look()
    assert gate.is_reached.wait(SECONDS_MAX)
    # As the end of another run of its source job would.
    server.state.set_next_run("copy", server.clock.now, "Chained")
    planner.look()
    assert types(server.ended_sessions()) == [SessionType.BACKUP]
    gate.lift()
    until(planner.is_idle)
    assert types(planner.work()) == [SessionType.COPY]


def test_a_job_that_cannot_be_planned_does_not_keep_the_others_from_running(planner: Planner) -> None:
    job, copy_job = planner.server.configuration.jobs
    bad = msgspec.structs.replace(job, uid="bad", schedule=msgspec.structs.replace(NIGHTLY, time_zone="Nowhere"))
    planner.server.configure(jobs=[bad, msgspec.structs.replace(job, schedule=NIGHTLY), copy_job])
    planner.begin()
    planner.look()
    planner.at(22)
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]


def test_a_crash_between_the_plan_and_the_start_loses_no_run(planner: Planner, monkeypatch: pytest.MonkeyPatch) -> None:
    planner.plan(backup=NIGHTLY)
    planner.at(22)

    def crash(*_arguments: object) -> None:
        raise OSError("the power is gone")

    for name in ("set_next_run", "put_session"):
        with monkeypatch.context() as broken:
            broken.setattr(planner.server.state, name, crash)
            planner.look()
        assert planner.server.ended_sessions() == []
        assert planner.server.state.open_sessions() == []
    planner.restart()
    assert types(planner.work()) == [SessionType.BACKUP, SessionType.COPY]
