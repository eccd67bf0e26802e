"""What a run cannot explain holds retention, in the first repository and in the copies, until somebody releases it."""

import shutil
from datetime import timedelta
from threading import Event

import msgspec
import pytest

from tandem.agent import retries
from tandem.agent.run import Run
from tandem.agent.wishes import job_wish
from tandem.domain.holds import Hold, HoldReason
from tandem.domain.retention import Retention, RetentionUnit
from tandem.domain.sessions import Session, SessionState
from tandem.protocol.messages import HoldReport
from tandem.restic import backup, listing
from tandem.restic.errors import Stopped
from tests.agent.backup_server import A_WEEK, HOST, SECONDS_MAX, BackupServer, random_bytes, until

FILES = 30


@pytest.fixture
def week(server: BackupServer) -> BackupServer:
    """A backup server with a point of many files and its copy, and retentions that are over: a run would delete."""
    server.keep(backup=A_WEEK, copies=A_WEEK)
    for number in range(FILES):
        server.write(f"file {number}", random_bytes(number, size=100))
    server.save()
    server.save()
    assert server.copy().state is SessionState.SUCCESS
    server.clock.forward(days=30)
    return server


def is_due(server: BackupServer) -> bool:
    return retries.is_due(server.state, server.backup_job, server.clock())


def hold_of(server: BackupServer) -> Hold | None:
    told = [report.hold for report in server.reports() if isinstance(report, HoldReport)]
    known = server.state.note(server.backup_job.uid, Hold)
    assert (told[-1] if told else None) == known
    return known


def release(server: BackupServer, hold: Hold) -> None:
    """Release a hold, as the console does: with a new configuration."""
    job = msgspec.structs.replace(server.backup_job, released_hold=hold.uid)
    server.configure(jobs=[job, *server.configuration.jobs[1:]])


def is_held(server: BackupServer, session: Session, *, held: set[str], copies: set[str]) -> Hold:
    """Check that a run, and the run of its copy after it, deleted nothing and say why."""
    assert session.state is SessionState.WARNING
    assert any("on hold" in message and "tandem jobs release" in message for message in session.messages)
    assert held <= set(listing.snapshot_ids(server.first))
    copying = server.copy()
    assert copying.state is SessionState.WARNING
    assert copies <= set(server.copies())
    assert session.statistics.points_forgotten == copying.statistics.points_forgotten == 0
    hold = hold_of(server)
    assert hold is not None
    return hold


def test_a_share_that_lost_its_files_takes_no_older_point_with_it(week: BackupServer) -> None:
    held, copies = set(week.ids()), set(week.copies())
    for path in week.share.iterdir():
        if path.name.startswith(("file 1", "file 2")):
            path.unlink()
    hold = is_held(week, week.back_up(), held=held, copies=copies)
    assert [cause.reason for cause in hold.causes] == [HoldReason.SHRUNK]

    # Nothing changes by waiting, or by another agent process: not even a full share ends it.
    week.restart()
    week.write("back", bytes(10))
    assert week.back_up().state is SessionState.WARNING
    assert held <= set(week.ids())
    release(week, hold)
    session = week.back_up()
    assert session.state is SessionState.SUCCESS, session.messages
    assert hold_of(week) is None
    assert not held & set(week.ids())
    assert week.copy().state is SessionState.SUCCESS
    assert not copies & set(week.copies())
    week.agrees()
    week.is_sound()


def test_a_release_is_of_what_was_known_then_and_of_no_later_cause(week: BackupServer) -> None:
    held = set(week.ids())
    shutil.rmtree(week.share)
    week.share.mkdir()
    week.back_up()
    seen = hold_of(week)
    assert seen is not None
    week.clock.set(days=400)
    week.back_up()
    release(week, seen)
    assert week.back_up().state is SessionState.WARNING
    later = hold_of(week)
    assert later is not None
    assert [cause.reason for cause in later.causes] == [HoldReason.EMPTY, HoldReason.CLOCK_CHANGED]
    assert held <= set(week.ids())


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(days=-400)])
def test_a_clock_that_is_set_deletes_nothing(saved: BackupServer, step: timedelta) -> None:
    short = Retention(30, RetentionUnit.MINUTES)
    saved.keep(backup=short, copies=short)
    assert saved.copy().state is SessionState.SUCCESS
    held, copies = set(saved.ids()), set(saved.copies())
    saved.clock.set(seconds=step.total_seconds())
    hold = is_held(saved, saved.back_up(), held=held, copies=copies)
    assert hold.causes[0].reason is HoldReason.CLOCK_CHANGED
    # Put right again, it was set a second time.
    saved.clock.set(seconds=-step.total_seconds())
    assert saved.back_up().state is SessionState.WARNING
    later = hold_of(saved)
    assert later is not None
    release(saved, later)
    session = saved.back_up()
    assert session.state is SessionState.SUCCESS, session.messages
    assert hold_of(saved) is None
    assert held <= set(saved.ids())
    saved.agrees()


def test_time_that_passes_is_no_jump(week: BackupServer) -> None:
    assert week.back_up().state is SessionState.SUCCESS
    week.clock.forward(days=400)
    assert week.back_up().state is SessionState.SUCCESS
    assert hold_of(week) is None


def test_points_that_nobody_made_are_not_trusted(week: BackupServer) -> None:
    held, copies = set(week.ids()), set(week.copies())
    empty = week.folder / "empty"
    week.share.rename(empty)
    week.share.mkdir()
    for _ in range(3):
        backup.run(week.engine, week.access(week.first), str(week.share), host=HOST)
    week.share.rmdir()
    empty.rename(week.share)
    hold = is_held(week, week.back_up(), held=held, copies=copies)
    assert HoldReason.FOREIGN in {cause.reason for cause in hold.causes}


def test_incomplete_points_never_outlive_the_last_complete_one(week: BackupServer) -> None:
    complete = week.ids()[-1]
    # Not even root may read "flush" there: each point lacks a file.
    unreadable = msgspec.structs.replace(week.configuration.file_shares[0], path="/proc/sys/net/ipv4/route")
    week.configure(file_shares=[unreadable])
    week.back_up()
    hold = hold_of(week)
    assert hold is not None
    # What somebody has released is not held again, although the share stays as it is.
    release(week, hold)
    for _ in range(2):
        week.clock.forward(days=8)
        week.back_up()
    assert hold_of(week) is None
    assert complete in week.ids()
    assert len(week.ids()) == 2
    week.copy()
    assert complete in week.copies()
    week.agrees()


@pytest.mark.parametrize("is_killed", [True, False], ids=["killed", "stopped"])
def test_a_nightly_run_that_ends_with_the_agent_does_not_wait_for_the_next_night(
    server: BackupServer, *, is_killed: bool
) -> None:
    job = msgspec.structs.replace(server.backup_job, retry_times=2, retry_interval=10)
    server.configure(jobs=[job, server.copy_job])
    began, goes_on = Event(), Event()

    def work(run: Run) -> None:
        began.set()
        until(lambda: goes_on.is_set() or (run.control.stop is not None and run.control.stop.is_set()))
        raise Stopped("Restic was stopped on request.")

    wish = msgspec.structs.replace(job_wish(job, server.configuration, HOST), work=work)
    assert server.sessions.start(wish, server.configuration) == ""
    assert began.wait(SECONDS_MAX)
    if is_killed:
        killed = server.sessions
        server.means.state.close()
        server.open()
        # What went on in the killed agent ends here, and not in the middle of another test.
        goes_on.set()
        killed.close(SECONDS_MAX)
    else:
        server.sessions.close(SECONDS_MAX)
        server.restart()
    session = server.ended_sessions()[-1]
    assert session.state is SessionState.FAILED
    assert "1 of 2 times" in session.messages[-1]
    server.clock.forward(minutes=10)
    assert is_due(server)


def test_a_run_that_failed_is_tried_again_by_itself(server: BackupServer) -> None:
    job = msgspec.structs.replace(server.backup_job, retry_times=2, retry_interval=10)
    server.configure(jobs=[job, server.copy_job])
    server.share.rename(server.folder / "away")
    waits = [10, 20]
    for wait in waits:
        session = server.back_up()
        assert session.state is SessionState.FAILED
        assert f"of {len(waits)} times" in session.messages[-1]
        server.restart()
        assert not is_due(server)
        server.clock.forward(minutes=wait)
        assert is_due(server)
    assert "as often as is set" in server.back_up().messages[-1]
    assert not is_due(server)
    (server.folder / "away").rename(server.share)
    server.clock.forward(days=1)
    assert not is_due(server)
    assert server.back_up().state is SessionState.SUCCESS
