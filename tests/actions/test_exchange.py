"""What agents report: applied once, in order, for their own server only, and no bad report holds up a good one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
from structlog.testing import capture_logs

from tandem.actions import exchange
from tandem.actions.enrol_agent import Fenced
from tandem.actions.exchange import Said
from tandem.domain.repositories import RepositoryState
from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import Progress, Session, SessionState, SessionType, Statistics
from tandem.protocol.messages import (
    CommandResult,
    ExchangeRequest,
    LedgerReport,
    NumberedReport,
    Report,
    RepositoryReport,
    RunningSession,
    SessionReport,
)
from tests.consoles import COPY_JOBS, JOBS, Console, rows_of
from tests.people import ACMES, ALICE, BETAS, BOB, START, restic_id, uid
from tests.reports import ended, entry, point, session

POINTS = "/protectedWorkloads/fileShares/restorePoints"
THREADS = 4


def sessions_of(console: Console) -> dict[str, dict[str, Any]]:
    return {row["instanceUid"]: row for row in console.data(f"{JOBS}/{ACMES.job}/sessions", BOB)}


def job_of(console: Console, job_uid: str = ACMES.job) -> dict[str, Any]:
    return console.data(f"{JOBS}/{job_uid}", BOB)


def test_a_run_is_seen_from_its_beginning_to_its_end(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(session("run"))
    assert job_of(console)["status"] == "Running"
    progress = Progress(percent=12.5, files_done=1, files_total=8)
    assert agent.exchange(running=(RunningSession(uid("run"), progress),)).is_success
    assert sessions_of(console)[uid("run")]["progress"]["percent"] == 12.5
    statistics = Statistics(files_total=8, source_size=9000, transferred=4500)
    agent.report(ended("run", SessionState.WARNING, messages=["One file.", "Another."], statistics=statistics))
    job = job_of(console)
    assert (job["status"], job["lastDuration"], job["transferredData"]) == ("Warning", 90, 4500)
    assert job["failureMessage"] == "One file.\r\nAnother."
    assert job["processingRate"] == 50.0
    # The mean of this run and the one before, which took 40 s.
    assert job["avgDuration"] == 65
    shown = sessions_of(console)[uid("run")]
    assert (shown["status"], shown["duration"], shown["messages"]) == ("Warning", 90, ["One file.", "Another."])
    assert console.data(f"{COPY_JOBS}/{ACMES.copy_job}", BOB)["sourceSize"] == 9000


def test_a_run_that_succeeds_clears_the_failure_before_it(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(ended("one", SessionState.FAILED, messages=["No space left."]))
    assert job_of(console)["failureMessage"] == "No space left."
    agent.report(ended("two"))
    assert (job_of(console)["status"], job_of(console)["failureMessage"]) == ("Success", None)


def test_a_run_that_was_left_out_is_told_but_is_not_the_jobs_last(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(session("run"), ended("left out", SessionState.SKIPPED, messages=["Still going on."]))
    assert job_of(console)["status"] == "Running"
    assert sessions_of(console)[uid("left out")]["status"] == "Skipped"


def test_a_run_that_waits_is_told_and_one_that_is_taken_out_leaves_its_job_as_it_was(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(ended("one", SessionState.WARNING, messages=["One file."]))
    before = job_of(console)
    agent.report(session("run", state=SessionState.QUEUED, started_at=START + timedelta(hours=1)))
    waiting = job_of(console)
    assert (waiting["status"], waiting["lastRun"]) == ("Starting", before["lastRun"])
    assert sessions_of(console)[uid("run")]["status"] == "Queued"
    agent.report(ended("run", SessionState.SKIPPED, messages=["Stopped before it began."]))
    assert job_of(console) == before
    assert sessions_of(console)[uid("run")]["messages"] == ["Stopped before it began."]
    agent.report(session("next", state=SessionState.QUEUED), session("next", started_at=START + timedelta(hours=2)))
    assert job_of(console)["status"] == "Running"
    assert job_of(console)["lastRun"] > before["lastRun"]


def test_a_session_that_has_ended_never_changes_again(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(ended("run"))
    before = rows_of(console.database, leave_out=["backup_servers"])
    agent.report(session("run"), ended("run", SessionState.FAILED, messages=["Too late."]))
    agent.exchange(running=(RunningSession(uid("run"), Progress(percent=1)),))
    assert rows_of(console.database, leave_out=["backup_servers"]) == before


def test_a_batch_sent_again_is_applied_once(console: Console) -> None:
    agent = console.agent_of(ACMES)
    batch = [NumberedReport(1, session("run")), NumberedReport(2, point("new")), NumberedReport(3, ended("run"))]
    assert agent.exchange(*batch).json()["last_report"] == 3
    after_once = rows_of(console.database)
    assert agent.exchange(*batch).json()["last_report"] == 3
    assert agent.exchange(*batch[1:], NumberedReport(4, point("newer"))).json()["last_report"] == 4
    after_more = rows_of(console.database)
    assert [row["instance_uid"] for row in after_more["restore_points"]] == [
        *(row["instance_uid"] for row in after_once["restore_points"]),
        uid("newer"),
    ]
    assert after_more["sessions"] == after_once["sessions"]
    assert after_more["jobs"] == after_once["jobs"]


def test_reports_are_applied_in_the_order_of_their_numbers(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.exchange(NumberedReport(2, ended("run", SessionState.FAILED)), NumberedReport(1, session("run")))
    assert job_of(console)["status"] == "Failed"


def test_numbering_goes_on_after_a_new_session_and_starts_anew_with_a_new_memory(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(point("one"), point("two"))
    assert agent.open_session().json()["last_report"] == 2
    agent.spool_uid = uid("another memory")
    assert agent.open_session().json()["last_report"] == 0
    assert agent.exchange(NumberedReport(1, point("three"))).json()["last_report"] == 1
    assert uid("three") in {row["instanceUid"] for row in console.data(POINTS, BOB)}


def test_one_batch_from_two_connections_at_once_is_applied_once(console: Console) -> None:
    agent = console.agent_of(ACMES)
    batch = [NumberedReport(number, point(f"point {number}")) for number in range(1, 20)]
    barrier = Barrier(THREADS)

    def send(part: int) -> int:
        barrier.wait()
        # Some of them have less to say: they must not turn the clock back.
        return agent.exchange(*batch[: 20 - part]).status_code

    with capture_logs() as logs, ThreadPoolExecutor(THREADS) as pool:
        assert list(pool.map(send, range(THREADS))) == [200] * THREADS
    assert not [line for line in logs if line["log_level"] == "error"]
    assert agent.open_session().json()["last_report"] == 19
    assert len(console.data(f"{POINTS}?limit=500", BOB)) == 20


POISON: dict[str, Callable[[], Report]] = {
    "a point without its share's job": lambda: point("x", job_uid=uid("nothing")),
    "a point whose uid is taken": lambda: point("x", point_uid=ACMES.point),
    "a size of more than 64 bits": lambda: point("x", size=2**63),
    "an instant without a zone": lambda: point("x", created_at=datetime(2026, 1, 1)),  # noqa: DTZ001
    "an id that is too long": lambda: point("x", point_uid="x" * 100),
    "a NUL character": lambda: ended("x", messages=["a\0b"]),
    "a session of no share": lambda: session("x", file_share_uid=None),
    "a session of an unknown share": lambda: session("x", file_share_uid=uid("nothing")),
    "a session of an unknown job": lambda: session("x", job_unique_uid=uid("nothing")),
    "a session without a job": lambda: session("x", job_unique_uid=None),
    "a repository's size of more than 64 bits": lambda: RepositoryReport(
        repository_uid=ACMES.first, state=RepositoryState.READY, capacity=2**63
    ),
    "an unknown repository": lambda: RepositoryReport(repository_uid=uid("nothing"), state=RepositoryState.READY),
    "a ledger of an unknown job": lambda: LedgerReport(
        job_uid=uid("nothing"), entries=[entry(ACMES.snapshot, CopyState.EXPIRED)]
    ),
    "a ledger of a file share job": lambda: LedgerReport(
        job_uid=ACMES.job, entries=[entry(ACMES.snapshot, CopyState.EXPIRED)]
    ),
    "a ledger of unknown points": lambda: LedgerReport(
        job_uid=ACMES.copy_job, entries=[entry(restic_id("nothing"), CopyState.COPIED)]
    ),
    "a ledger with an id that is too long": lambda: LedgerReport(
        job_uid=ACMES.copy_job, entries=[entry(ACMES.snapshot, CopyState.COPIED, target_snapshot_id="x" * 100)]
    ),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_report_that_cannot_be_applied_holds_up_no_other(console: Console, poison: Callable[[], Report]) -> None:
    agent = console.agent_of(ACMES)
    answer = agent.exchange(
        NumberedReport(1, point("before")), NumberedReport(2, poison()), NumberedReport(3, point("after"))
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["last_report"] == 3
    known = {row["instanceUid"] for row in console.data(POINTS, BOB)}
    assert known >= {ACMES.point, uid("before"), uid("after")}


def test_a_report_that_was_refused_is_in_the_log(console: Console) -> None:
    agent = console.agent_of(ACMES)
    with capture_logs() as logs:
        agent.exchange(NumberedReport(1, point("x", point_uid=ACMES.point)))
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert (line["backup_server"], line["number"], line["kind"]) == (ACMES.server, 1, "PointReport")


FOREIGN: dict[str, Callable[[], Report]] = {
    "a session of its job": lambda: ended(
        "x", job_uid=BETAS.job, job_unique_uid=BETAS.job_unique, file_share_uid=BETAS.share
    ),
    "a session of its job, on an own share": lambda: ended("x", job_unique_uid=BETAS.job_unique),
    "a session of its share": lambda: ended("x", file_share_uid=BETAS.share),
    "its session": lambda: ended("x", instance_uid=BETAS.session),
    "its session, as a restore": lambda: ended(
        "x", instance_uid=BETAS.session, type=SessionType.RESTORE, messages=["Mine now."]
    ),
    "a point of its job": lambda: point("x", job_uid=BETAS.job),
    "its point": lambda: point("x", point_uid=BETAS.point),
    "its repository": lambda: RepositoryReport(
        repository_uid=BETAS.first, state=RepositoryState.FAILED, failure="Mine now."
    ),
    "its ledger": lambda: LedgerReport(job_uid=BETAS.copy_job, entries=[entry(BETAS.snapshot, CopyState.EXPIRED)]),
    "its point in an own ledger": lambda: LedgerReport(
        job_uid=ACMES.copy_job, entries=[entry(BETAS.snapshot, CopyState.EXPIRED)]
    ),
}


def of_others(console: Console) -> Any:
    """Give everything that is not Acme's."""
    rows = rows_of(console.database, leave_out=["backup_servers"])
    own = ACMES.all_uids()
    return {
        name: [row for row in found if not own & {value for value in row.values() if isinstance(value, str)}]
        for name, found in rows.items()
    }


@pytest.mark.parametrize("report", FOREIGN.values(), ids=FOREIGN)
def test_an_agent_speaks_for_its_own_server_only(console: Console, report: Callable[[], Report]) -> None:
    agent = console.agent_of(ACMES)
    before, seen = of_others(console), console.data(f"{JOBS}/fileShareJobs/objects", BOB)
    assert agent.exchange(NumberedReport(1, report())).status_code == 200
    assert of_others(console) == before
    # Nor does the report bring anything of the other's into what the agent's own tenant sees.
    assert console.data(f"{JOBS}/fileShareJobs/objects", BOB) == seen
    assert "Beta" not in console.call("GET", f"{JOBS}/{ACMES.job}/sessions", BOB).text


def test_a_session_does_not_turn_into_one_of_another_servers_job(console: Console) -> None:
    agent = console.agent_of(ACMES)
    before = of_others(console)
    agent.report(session("turned"), ended("turned", job_uid=BETAS.job, job_unique_uid=BETAS.job_unique))
    assert of_others(console) == before


def test_an_agent_says_nothing_of_how_far_anothers_session_is_and_answers_none_of_its_orders(console: Console) -> None:
    theirs = console.agent_of(BETAS)
    theirs.report(session("theirs", BETAS, job_unique_uid=BETAS.job_unique, file_share_uid=BETAS.share))
    console.does("POST", f"{JOBS}/{BETAS.copy_job}/start", ALICE)
    (command,) = theirs.hear().commands
    before = of_others(console)
    ours = console.agent_of(ACMES)
    result = CommandResult(command.serial, "No.")
    ours.exchange(results=(result,), running=(RunningSession(uid("theirs"), Progress(percent=99)),))
    assert of_others(console) == before
    assert theirs.hear().commands == [command]


def test_an_order_is_sent_until_it_is_answered_and_answered_once(console: Console) -> None:
    agent = console.agent_of(ACMES)
    console.does("POST", f"{JOBS}/{ACMES.job}/start", BOB)
    (command,) = agent.hear().commands
    assert agent.hear().commands == [command]
    assert agent.exchange(results=(CommandResult(command.serial, ""),)).json()["commands"] == []
    agent.report(session("run"))
    # A second answer, and one to an order that never was, change nothing.
    agent.exchange(results=(CommandResult(command.serial, "It did not start."), CommandResult(2**40, "x")))
    assert job_of(console)["status"] == "Running"


def test_an_answer_with_a_strange_text_holds_up_nothing(console: Console) -> None:
    agent = console.agent_of(ACMES)
    console.does("POST", f"{JOBS}/{ACMES.job}/start", BOB)
    (command,) = agent.hear().commands
    strange = (CommandResult(command.serial, "a\0b"), CommandResult(2**63, "x"))
    answer = agent.exchange(NumberedReport(1, point("after")), results=strange)
    assert answer.status_code == 200, answer.text
    assert answer.json()["last_report"] == 1


def test_an_agent_that_was_fenced_while_it_spoke_changes_nothing(console: Console) -> None:
    agent = console.agent_of(ACMES)
    console.agent_of(ACMES)
    before = rows_of(console.database)
    request = ExchangeRequest(
        revision=0, reports=[NumberedReport(1, point("late"))], results=[], running=[], wait_seconds=0
    )
    (outcome,) = exchange.take_in(console.context, [Said(agent.token, request)])
    assert isinstance(outcome, Fenced)
    assert rows_of(console.database) == before


def test_a_restic_repository_is_registered_once_whoever_asks(console: Console) -> None:
    mine, theirs = console.agent_of(ACMES), console.agent_of(BETAS)
    mine.restic_id_at = theirs.restic_id_at = lambda _path: restic_id("Beta's first repository")
    path = f"/infrastructure/backupServers/{ACMES.server}/repositories"
    before = rows_of(console.database, leave_out=["agent_commands", "agent_news", "backup_servers", "activity_log"])
    error = console.refuses(409, "POST", path, BOB, {"name": "new", "path": "/new"})
    assert error["propertyName"] == "path"
    assert "registered already" in error["message"]
    assert "Beta" not in error["message"]
    assert (
        rows_of(console.database, leave_out=["agent_commands", "agent_news", "backup_servers", "activity_log"])
        == before
    )


def test_the_ledger_tells_where_each_copy_stands_and_why(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(point("new"))
    new, job_uid = restic_id("new"), ACMES.copy_job

    def copies(name: str) -> list[dict[str, Any]]:
        return console.data(f"{POINTS}/{uid(name)}", BOB)["copies"]

    assert copies("new") == []
    for state, reason in (
        (CopyState.PENDING, "Waiting for the next run."),
        (CopyState.COPYING, "Being copied."),
        (CopyState.QUARANTINED, "Its data is damaged."),
        (CopyState.COPIED, ""),
        (CopyState.VERIFIED, ""),
        (CopyState.EXPIRED, "Older than 28 Days."),
    ):
        agent.report(LedgerReport(job_uid=job_uid, entries=[entry(new, state, reason=reason)]))
        (copy,) = copies("new")
        assert (copy["state"], copy["reason"]) == (state, reason)
        assert (copy["jobUid"], copy["repositoryUid"]) == (job_uid, ACMES.second)


def test_bytes_held_are_counted_for_both_jobs(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(point("new", added=500), ended("backup"))
    assert job_of(console)["backupChainSize"] == 2048 + 500
    agent.report(point("new", added=500, forgotten_at=START), ended("another backup"))
    assert job_of(console)["backupChainSize"] == 2048
    agent.report(
        LedgerReport(job_uid=ACMES.copy_job, entries=[entry(restic_id("new"), CopyState.COPIED, added=300)]),
        ended("copy", type=SessionType.COPY, job_uid=ACMES.copy_job, job_unique_uid=ACMES.copy_job_unique),
    )
    assert job_of(console, ACMES.copy_job)["backupChainSize"] == 1024 + 300


def test_a_session_of_the_console_keeps_its_owner_whatever_the_agent_says_of_it(console: Console) -> None:
    agent = console.agent_of(ACMES)
    queued = console.does("POST", f"{POINTS}/{ACMES.point}/restore", BOB, {"targetPath": "/restored"})
    reported = Session(
        instance_uid=queued["instanceUid"],
        job_uid=None,
        job_unique_uid=None,
        file_share_uid=ACMES.share,
        type=SessionType.RESTORE,
        state=SessionState.SUCCESS,
        started_at=START,
        ended_at=START + timedelta(seconds=5),
    )
    agent.report(SessionReport(session=reported))
    shown = console.data(f"/infrastructure/sessions/{queued['instanceUid']}", BOB)
    assert (shown["status"], shown["jobUid"], shown["type"]) == ("Success", ACMES.job, "Restore")
    assert job_of(console)["status"] == "Success"
