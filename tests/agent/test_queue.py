"""Runs that wait: in whose line and why is said, none is lost by a crash, and one can be taken out again."""

from threading import Event

import msgspec

from tandem.agent.queue import Wish
from tandem.agent.run import Run
from tandem.agent.sessions import INTERRUPTED, NOT_BEGUN, TAKEN_OUT
from tandem.domain.sessions import Session, SessionState, SessionType
from tandem.protocol.messages import Order, RestorePointTo, SessionReport, StartJob
from tandem.restic.errors import Stopped
from tests.agent.backup_server import SECONDS_MAX, BackupServer, until


class Holder:
    """A run that does nothing but hold repositories until it is let go."""

    def __init__(self, server: BackupServer, key: str, *, writes: str = "", reads: str = "") -> None:
        self.begun, self._end = Event(), Event()
        self.server, self.key = server, key
        wish = Wish(
            key=key,
            type=SessionType.RESTORE,
            label=f"the holder {key}",
            work=self._work,
            writes=frozenset(writes.split()),
            reads=frozenset(reads.split()),
            file_share_uid="share",
        )
        assert server.sessions.start(wish, server.configuration) == ""

    def let_go(self) -> None:
        self._end.set()
        until(lambda: not self.server.sessions.is_running(self.key))

    def _work(self, run: Run) -> None:
        self.begun.set()
        while not self._end.wait(0.01):
            if run.control.stop is not None and run.control.stop.is_set():
                raise Stopped("The holder was told to end.")


def crash(server: BackupServer) -> None:
    """End the agent as a crash does, and begin again; what still runs of the old one cannot note anything any more."""
    old = server.sessions
    server.restart()
    old.close(SECONDS_MAX)


def told(server: BackupServer, job: str) -> list[SessionState]:
    """Give the states in which the console saw a job's last session, in order."""
    found = [report.session for report in server.reports() if isinstance(report, SessionReport)]
    uids = [session.instance_uid for session in found if session.job_uid == job]
    return [session.state for session in found if session.instance_uid == uids[-1]]


def ended(server: BackupServer) -> list[Session]:
    """Give the sessions that ended since the first two backups of the fixture."""
    return server.ended_sessions()[2:]


def waiting(server: BackupServer) -> list[Session]:
    """Give the sessions that the agent remembers as waiting."""
    return [session for session in server.state.open_sessions() if session.state is SessionState.QUEUED]


def obey(server: BackupServer, order: Order) -> str:
    """Carry an order out, as the agent's loop does."""
    jobs = {job.uid: job for job in server.configuration.jobs}
    if isinstance(order, StartJob):
        return server.sessions.start_job(jobs[order.job_uid], server.configuration)
    assert isinstance(order, RestorePointTo)
    return server.sessions.start_restore(order, server.configuration)


def test_a_run_that_must_wait_is_a_queued_session_and_begins_when_its_turn_comes(saved: BackupServer) -> None:
    holder = Holder(saved, "first holder", writes="first")
    assert holder.begun.wait(SECONDS_MAX)
    queued_at = saved.clock.now
    assert saved.sessions.start_job(saved.copy_job, saved.configuration) == ""
    assert saved.sessions.start_job(saved.backup_job, saved.configuration) == ""
    assert told(saved, "copy") == told(saved, "backup") == [SessionState.QUEUED]
    assert saved.sessions.start_job(saved.copy_job, saved.configuration) == "The job is running already."
    saved.clock.forward(minutes=5)
    holder.let_go()
    until(lambda: not saved.sessions.is_running("copy") and not saved.sessions.is_running("backup"))
    for job in ("copy", "backup"):
        assert told(saved, job) == [SessionState.QUEUED, SessionState.RUNNING, SessionState.SUCCESS]
    (copy,) = [session for session in saved.ended_sessions() if session.job_uid == "copy"]
    assert copy.started_at > queued_at
    saved.agrees()


def test_a_run_that_begins_at_once_is_never_told_as_queued(saved: BackupServer) -> None:
    saved.copy()
    assert told(saved, "copy") == [SessionState.RUNNING, SessionState.SUCCESS]


def test_those_who_read_a_repository_do_so_side_by_side_and_its_writer_after_them(saved: BackupServer) -> None:
    reader = Holder(saved, "reader", reads="first")
    assert reader.begun.wait(SECONDS_MAX)
    assert saved.sessions.start_job(saved.copy_job, saved.configuration) == ""
    until(lambda: not saved.sessions.is_running("copy"))
    assert told(saved, "copy") == [SessionState.RUNNING, SessionState.SUCCESS]
    assert saved.sessions.start_job(saved.backup_job, saved.configuration) == ""
    late = Holder(saved, "late reader", reads="first")
    assert told(saved, "backup") == [SessionState.QUEUED]
    assert not late.begun.is_set(), "a reader that came later overtook a writer"
    reader.let_go()
    until(late.begun.is_set)
    assert told(saved, "backup") == [SessionState.QUEUED, SessionState.RUNNING, SessionState.SUCCESS]
    late.let_go()


def test_a_waiting_job_that_is_stopped_leaves_the_queue_and_its_session_says_so(saved: BackupServer) -> None:
    holder = Holder(saved, "holder", writes="first second")
    assert holder.begun.wait(SECONDS_MAX)
    saved.sessions.start_job(saved.backup_job, saved.configuration)
    saved.sessions.start_job(saved.copy_job, saved.configuration)
    assert saved.sessions.stop_job("backup") == ""
    assert not saved.sessions.is_running("backup")
    (session,) = ended(saved)
    assert (session.job_uid, session.state, session.messages) == ("backup", SessionState.SKIPPED, [TAKEN_OUT])
    assert [left.job_uid for left in waiting(saved)] == ["copy"]
    holder.let_go()
    until(lambda: not saved.sessions.is_running("copy"))
    assert len(saved.points()) == 2


def test_what_waited_when_the_agent_ended_is_queued_again_in_its_order(saved: BackupServer) -> None:
    assert Holder(saved, "holder", writes="first").begun.wait(SECONDS_MAX)
    target = saved.folder / "restored"
    order = RestorePointTo(
        session_uid="restore",
        file_share_uid="share",
        repository_uid="first",
        snapshot_id=saved.ids()[0],
        target_path=str(target),
    )
    for wanted in (StartJob("backup"), order, StartJob("copy")):
        assert obey(saved, wanted) == ""
    before = waiting(saved)
    assert len(before) == 3
    crash(saved)
    assert waiting(saved) == before
    taken: list[Order] = []

    def take(wanted: Order) -> str:
        taken.append(wanted)
        return obey(saved, wanted)

    saved.sessions.resume(take)
    assert taken == [StartJob("backup"), order, StartJob("copy")]
    until(lambda: not any(map(saved.sessions.is_running, ("backup", "restore", "copy"))))
    states = {session.instance_uid: session.state for session in ended(saved)}
    assert [states[session.instance_uid] for session in before] == [SessionState.SUCCESS] * 3
    assert any(target.rglob("notes.txt"))
    assert waiting(saved) == []
    crash(saved)
    taken.clear()
    saved.sessions.resume(take)
    assert taken == []
    saved.agrees()


def test_what_cannot_be_queued_again_ends_and_says_so(saved: BackupServer) -> None:
    assert Holder(saved, "holder", writes="first").begun.wait(SECONDS_MAX)
    Holder(saved, "waits", writes="first")
    saved.sessions.start_job(saved.backup_job, saved.configuration)
    crash(saved)
    unknown = waiting(saved)[-1]
    saved.sessions.resume(lambda _order: "This agent does not know the job.")
    messages = {session.instance_uid: session.messages for session in ended(saved)}
    assert messages[unknown.instance_uid] == [NOT_BEGUN]
    assert sorted(messages.values()) == [[NOT_BEGUN], [NOT_BEGUN], [INTERRUPTED]]
    assert saved.state.open_sessions() == []
    assert saved.state.wishes() == {}


def test_a_run_that_waited_works_with_the_job_as_it_is_when_it_begins(saved: BackupServer) -> None:
    holder = Holder(saved, "holder", writes="first")
    saved.sessions.start_job(saved.backup_job, saved.configuration)
    saved.configure(jobs=[msgspec.structs.replace(saved.backup_job, uid="another"), saved.copy_job])
    saved.sessions.look(saved.configuration)
    holder.let_go()
    until(lambda: not saved.sessions.is_running("backup"))
    session = saved.ended_sessions()[-1]
    assert (session.job_uid, session.state) == ("backup", SessionState.FAILED)
    assert session.messages == ["The job is not in this agent's configuration any more."]
