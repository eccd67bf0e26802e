"""Runs within limits, and what they tell while they go on and afterwards: progress, signs of life, a log."""

import zlib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from tandem.agent import run_log
from tandem.agent.run_log import HIDDEN, LEFT_OUT, RunLog, secrets_of
from tandem.agent.sessions import INTERRUPTED, Sessions
from tandem.domain.limits import AllowedHours, Limits, TimePeriod
from tandem.domain.repositories import Account
from tandem.domain.schedule import Weekday
from tandem.domain.sessions import Meter, Progress, SessionState
from tandem.protocol.messages import RunningSession, SessionReport
from tests.agent.backup_server import HOST, SECONDS_MAX, BackupServer, nothing, random_bytes, until
from tests.agent.test_queue import Holder, crash, ended, told

MONDAY_EVENING = datetime(2031, 1, 6, 21, 30, tzinfo=UTC)
NIGHT = AllowedHours(periods=(TimePeriod(Weekday.MONDAY, (22, 23)), TimePeriod(Weekday.WEDNESDAY, (22,))))


def limit(saved: BackupServer, **limits: Limits) -> None:
    """Set limits of the backup server, or of repositories by name, and let the agent see them."""
    changed = [
        msgspec.structs.replace(each, limits=limits.get(each.uid, each.limits))
        for each in saved.configuration.repositories
    ]
    saved.configure(repositories=changed)
    saved.configuration = msgspec.structs.replace(saved.configuration, limits=limits.get("server", Limits()))
    saved.sessions.look(saved.configuration)


def logs_of(server: BackupServer) -> list[str]:
    """Give the logs that were sent with the ends of sessions."""
    reports = [report for report in server.reports() if isinstance(report, SessionReport)]
    return [zlib.decompress(report.log).decode() for report in reports if report.log]


def running(server: BackupServer) -> dict[str, RunningSession]:
    return {each.session_uid: each for each in server.sessions.running()}


def test_a_run_outside_the_allowed_hours_waits_for_them_and_says_until_when(saved: BackupServer) -> None:
    saved.clock.now = MONDAY_EVENING
    limit(saved, first=Limits(hours=NIGHT))
    saved.sessions.start_job(saved.backup_job, saved.configuration)
    assert told(saved, "backup") == [SessionState.QUEUED]
    (waiting,) = running(saved).values()
    until_when = "Outside the allowed hours of the repository repository first until 2031-01-06 22:00 (UTC)."
    assert (waiting.queue_position, waiting.waiting_reason) == (1, until_when)
    saved.clock.forward(minutes=29)
    saved.sessions.look()
    assert told(saved, "backup") == [SessionState.QUEUED]
    saved.clock.forward(minutes=1)
    saved.sessions.look()
    until(lambda: not saved.sessions.is_running("backup"))
    assert told(saved, "backup") == [SessionState.QUEUED, SessionState.RUNNING, SessionState.SUCCESS]


def test_a_run_that_is_stopped_at_the_end_of_its_hours_goes_on_in_the_next(saved: BackupServer) -> None:
    limit(saved, server=Limits(hours=msgspec.structs.replace(NIGHT, stop_at_end=True)))
    saved.clock.now = MONDAY_EVENING + timedelta(hours=1)
    stopped: list[bool] = []

    def pass_the_time() -> None:
        # As soon as restic's first process runs: then the hours are over.
        if not stopped and told(saved, "copy")[-1:] == [SessionState.RUNNING]:
            stopped.append(True)
            saved.clock.forward(hours=2)
            saved.sessions.look()

    saved.on_news = pass_the_time
    saved.sessions.start_job(saved.copy_job, saved.configuration)
    until(lambda: stopped and ended(saved))
    (session,) = ended(saved)
    assert session.state is SessionState.WARNING
    text = "The allowed hours of this backup server have ended; the next run goes on from what was done."
    assert session.messages == [text]
    assert saved.sessions.is_running("copy")
    crash(saved)
    saved.sessions.resume(lambda _order: saved.sessions.start_job(saved.copy_job, saved.configuration))
    (waiting,) = running(saved).values()
    assert waiting.waiting_reason is not None
    assert "until 2031-01-08 22:00" in waiting.waiting_reason
    saved.clock.now = MONDAY_EVENING + timedelta(days=2, hours=1)
    saved.sessions.look(saved.configuration)
    until(lambda: not saved.sessions.is_running("copy"))
    assert ended(saved)[-1].state is SessionState.SUCCESS
    saved.agrees()


def test_no_more_runs_go_on_than_are_allowed(saved: BackupServer) -> None:
    limit(saved, server=Limits(parallel_runs=1))
    holder = Holder(saved, "holder")
    assert holder.begun.wait(SECONDS_MAX)
    saved.sessions.start_job(saved.backup_job, saved.configuration)
    reasons = [each.waiting_reason for each in saved.sessions.running() if each.queue_position]
    assert reasons == ["1 of 1 runs of this backup server are going on."]
    holder.let_go()
    until(lambda: not saved.sessions.is_running("backup"))
    assert len(saved.points()) == 3


def test_restic_is_held_to_a_runs_share_of_the_limits(saved: BackupServer) -> None:
    limit(saved, server=Limits(parallel_runs=4, upload=400_000), second=Limits(parallel_runs=1, download=70_000))
    assert saved.copy().state is SessionState.SUCCESS
    lines = [line for line in logs_of(saved)[-1].splitlines() if "restic " in line and " copy " in line]
    assert lines
    assert all("--limit-upload 100000 --limit-download 70000 copy" in line for line in lines)


def test_a_copy_tells_its_bytes_and_points_while_it_goes_on(saved: BackupServer) -> None:
    shown: list[Progress] = []

    def note() -> None:
        shown.extend(each.progress for each in saved.sessions.running())

    saved.on_news = note
    assert saved.copy().state is SessionState.SUCCESS
    saved.on_news = nothing
    first, second = saved.points()
    last = shown[-1]
    # The first point in an empty target brings all that it holds.
    expected = max(first.size, first.added) + second.added
    assert (last.points_done, last.points_total) == (2, 2)
    assert last.bytes_done == last.bytes_total == expected
    assert [each.bytes_done for each in shown] == sorted(each.bytes_done for each in shown)
    assert ended(saved)[-1].progress.percent == 100.0


def test_silence_and_hanging_are_told_apart_by_how_long_nothing_moved(saved: BackupServer) -> None:
    ticks = [1000.0]
    saved.sessions = Sessions(saved.means, HOST, saved.data, nothing, lambda: ticks[0])
    holder = Holder(saved, "holder")
    assert holder.begun.wait(SECONDS_MAX)
    ticks[0] += 700
    (going_on,) = running(saved).values()
    assert going_on.idle_seconds == 700
    assert saved.sessions.has_news()
    holder.let_go()
    assert not saved.sessions.has_news()


def test_a_rate_is_smoothed_and_the_remaining_time_follows_from_it() -> None:
    meter = Meter()
    progress = Progress()
    for second in range(60):
        progress = meter.read(Progress(bytes_done=second * 1000, bytes_total=100_000), float(second))
    assert progress.rate == 1000
    assert progress.remaining_seconds == 41
    stalled = meter.read(Progress(bytes_done=59_000, bytes_total=100_000), 64.0)
    assert 500 < stalled.rate < 1000
    for second in range(65, 400):
        stalled = meter.read(Progress(bytes_done=59_000, bytes_total=100_000), float(second))
    assert (stalled.rate, stalled.remaining_seconds) == (0, None)
    assert meter.read(Progress(bytes_done=5, bytes_total=100), 401.0).rate == 0


def test_a_runs_log_says_what_was_decided_and_started_and_how_it_ended(saved: BackupServer) -> None:
    saved.copy()
    log = logs_of(saved)[-1]
    assert "the job job copy begins as BackupFileCopy" in log
    for uid in saved.ids():
        assert f"copy {uid[:8]}: Kept by the retention of the copy" in log
    assert "restic copy --verbose" in log
    assert "exit code 0 after" in log
    assert "The session ended as Success." in log.splitlines()[-1]
    (saved.share / "hello.txt").unlink()
    saved.share.rename(saved.folder / "aside")
    saved.back_up()
    assert "The session ended as Failed." in logs_of(saved)[-1]
    assert saved.ended_sessions()[-1].messages[0] in logs_of(saved)[-1]
    assert list((saved.data / "logs").iterdir()) == []


def test_the_log_of_a_run_that_was_cut_short_is_sent_by_the_next_start(saved: BackupServer) -> None:
    assert Holder(saved, "holder").begun.wait(SECONDS_MAX)
    until(lambda: list((saved.data / "logs").iterdir()))
    crash(saved)
    assert ended(saved)[-1].messages == [INTERRUPTED]
    assert "the holder holder begins as Restore" in logs_of(saved)[-1]
    assert list((saved.data / "logs").iterdir()) == []


def test_no_log_shows_a_secret(saved: BackupServer) -> None:
    canaries = {"password of first", "password of second"}
    assert secrets_of(saved.configuration) >= canaries
    account = Account(username="somebody", private_key="BEGIN\ncanary-of-a-key\nEND", passphrase="canary-of-a-phrase")
    bad = msgspec.structs.replace(saved.configuration.repositories[1], password="canary-of-a-password", account=account)
    saved.configure(repositories=[saved.configuration.repositories[0], bad])
    saved.copy()
    log = RunLog(saved.data / "more", "uid", saved.clock, secrets_of(saved.configuration))
    log.write("then canary-of-a-key with canary-of-a-phrase")
    log.write("it said canary-of-a-password and rest:https://user:hunter22@host/path\nand password of first")
    written = zlib.decompress(log.packed()).decode()
    assert f"it said {HIDDEN} and rest:https://user:{HIDDEN}@host/path" in written
    everything = "".join([*logs_of(saved), written])
    assert not [canary for canary in [*canaries, "canary-of", "hunter22"] if canary in everything]


@pytest.mark.parametrize("line", ["x" * 5000, "ä🦆" * 700])
def test_a_log_is_bounded_and_keeps_its_beginning_and_its_end(saved: BackupServer, line: str) -> None:
    log = RunLog(saved.data / "more", "uid", saved.clock, frozenset())
    most = run_log.HEAD_BYTES_MAX + run_log.TAIL_BYTES_MAX
    number = 0
    for number in range(3 * most // len(line.encode()[: run_log.LINE_LENGTH_MAX])):
        log.write(f"{number} {line}")
    text = zlib.decompress(log.packed()).decode()
    assert most // 2 < len(text.encode()) <= most + len(LEFT_OUT.encode())
    lines = text.splitlines()
    assert lines[0][20:].startswith("0 ")
    assert lines[-1][20:].startswith(f"{number} ")
    assert text.count(LEFT_OUT) == 1
    log.write(random_bytes("noise").decode("latin-1"))
    log.remove()
    assert zlib.decompress(log.packed()) == b""
