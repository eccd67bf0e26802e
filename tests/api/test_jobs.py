"""Working with jobs: what is asked of the agent, what is told of the job, and what is refused."""

from typing import Any

import httpx
import msgspec
import pytest

from tandem.actions.ask_agent import START_LIFETIME
from tandem.actions.sweep import sweep
from tandem.domain.holds import HoldReason
from tandem.domain.sessions import SessionState, SessionType
from tandem.protocol.messages import HoldReport, SessionReport, StartJob, StopJob
from tests.agents import Agent
from tests.consoles import COPY_JOBS, JOBS, Console, error_in
from tests.people import ACMES, ALICE, BETAS, BOB, CHARLIE, START, session_of, uid
from tests.reports import hold

JOB = f"{JOBS}/{ACMES.job}"
COPY_JOB = f"{JOBS}/{ACMES.copy_job}"
SERVER = f"/infrastructure/backupServers/{ACMES.server}"


def status(console: Console, path: str = JOB) -> str:
    return console.data(path, BOB)["status"]


def report(agent: Agent, state: SessionState, name: str = "run") -> None:
    """Report a run of the backup job."""
    session = msgspec.structs.replace(session_of(ACMES), instance_uid=uid(name), state=state, ended_at=None)
    if state.is_final:
        session = msgspec.structs.replace(session, ended_at=START)
    agent.report(SessionReport(session=session))


def patch(console: Console, *operations: dict[str, Any]) -> httpx.Response:
    return console.call("PATCH", JOB, BOB, json=list(operations))


def replace(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}


def test_starting_a_job_queues_it_and_the_agent_gets_the_order(console: Console) -> None:
    agent = console.agent_of(ACMES)
    response = console.call("POST", f"{JOB}/start", BOB)
    assert response.status_code == 200
    # Clients read the three members of an empty answer, and stumble over a null.
    assert response.json() == {"errors": [], "data": {}, "meta": None}
    assert status(console) == "Starting"
    agent.turn()
    assert agent.orders == [StartJob(job_uid=ACMES.job)]
    assert status(console) == "Starting"
    report(agent, SessionState.RUNNING)
    assert status(console) == "Running"


def test_a_job_is_started_by_either_of_its_ids(console: Console) -> None:
    agent = console.agent_of(ACMES)
    console.does("POST", f"{JOBS}/{ACMES.job_unique}/start", BOB)
    agent.turn()
    assert agent.orders == [StartJob(job_uid=ACMES.job)]


@pytest.mark.parametrize("state", [None, SessionState.RUNNING, SessionState.STOPPING])
def test_a_job_that_runs_or_is_about_to_is_not_started_again(console: Console, state: SessionState | None) -> None:
    agent = console.agent_of(ACMES)
    if state is None:
        console.does("POST", f"{JOB}/start", BOB)
    else:
        report(agent, state)
    open_orders = len(agent.hear().commands)
    for path in (f"{JOB}/start", f"{JOB}/retry"):
        assert console.refuses(409, "POST", path, BOB)["type"] == "logical"
    assert patch(console, replace("/status", "Running")).status_code == 409
    assert len(agent.hear().commands) == open_orders


def test_an_agent_that_cannot_start_a_job_fails_it_and_says_why(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.answer_to = lambda _: "This agent does not know the job."
    console.does("POST", f"{JOB}/start", BOB)
    agent.turn()
    assert status(console) == "Failed"
    assert console.data(JOB, BOB)["failureMessage"] == "This agent does not know the job."


def test_a_start_that_no_agent_takes_fails_instead_of_starting_for_ever(console: Console) -> None:
    agent = console.agent_of(ACMES)
    console.does("POST", f"{JOB}/start", BOB)
    console.clock.forward(seconds=START_LIFETIME.total_seconds() - 1)
    sweep(console.context)
    assert status(console) == "Starting"
    console.clock.forward(seconds=1)
    sweep(console.context)
    assert status(console) == "Failed"
    assert "did not take the order" in console.data(JOB, BOB)["failureMessage"]
    agent.turn()
    assert agent.orders == [], "an order that was given up was carried out"
    sweep(console.context)
    console.does("POST", f"{JOB}/retry", BOB)
    assert status(console) == "Starting"


def test_a_start_that_was_taken_is_not_given_up(console: Console) -> None:
    agent = console.agent_of(ACMES)
    console.does("POST", f"{JOB}/start", BOB)
    agent.turn()
    report(agent, SessionState.RUNNING)
    console.clock.forward(seconds=START_LIFETIME.total_seconds())
    sweep(console.context)
    assert status(console) == "Running"


def test_a_job_whose_agent_is_away_is_not_started_and_it_is_said(console: Console) -> None:
    console.clock.forward(minutes=3)
    for path in (f"{JOB}/start", f"{COPY_JOB}/start"):
        error = console.refuses(409, "POST", path, BOB)
        assert error["type"] == "retryableLogical"
        assert "Acme's server" in error["message"]
    assert status(console) == "Success"


def test_stopping_a_job_that_runs_asks_the_agent(console: Console) -> None:
    agent = console.agent_of(ACMES)
    report(agent, SessionState.RUNNING)
    console.does("POST", f"{JOB}/stop", BOB)
    assert status(console) == "Stopping"
    agent.turn()
    assert agent.orders == [StopJob(job_uid=ACMES.job)]
    report(agent, SessionState.FAILED)
    assert status(console) == "Failed"


def test_stopping_a_job_that_does_not_run_is_refused(console: Console) -> None:
    console.agent_of(ACMES)
    for path in (f"{JOB}/stop", f"{COPY_JOB}/stop"):
        assert "not running" in console.refuses(409, "POST", path, BOB)["message"]
    assert patch(console, replace("/status", "Stopping")).status_code == 409


def test_a_job_stopped_before_the_agent_could_start_it_is_not_stopping_for_ever(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.answer_to = lambda order: "It is not running." if isinstance(order, StopJob) else "The agent is stopping."
    console.does("POST", f"{JOB}/start", BOB)
    console.does("POST", f"{JOB}/stop", BOB)
    agent.turn()
    assert status(console) == "Failed"


def test_a_stop_that_no_agent_takes_leaves_no_job_stopping_for_ever(console: Console) -> None:
    console.agent_of(ACMES)
    console.does("POST", f"{JOB}/start", BOB)
    console.does("POST", f"{JOB}/stop", BOB)
    console.clock.forward(seconds=START_LIFETIME.total_seconds())
    sweep(console.context)
    assert status(console) == "Failed"


def test_a_job_that_goes_on_although_it_was_told_to_stop_is_running(console: Console) -> None:
    agent = console.agent_of(ACMES)
    report(agent, SessionState.RUNNING)
    console.does("POST", f"{JOB}/stop", BOB)
    console.clock.forward(seconds=START_LIFETIME.total_seconds())
    sweep(console.context)
    assert status(console) == "Running"
    report(agent, SessionState.SUCCESS)
    assert status(console) == "Success"


@pytest.mark.parametrize(
    ("state", "may_retry"),
    [(SessionState.FAILED, True), (SessionState.WARNING, True), (SessionState.SUCCESS, False)],
)
def test_a_job_is_retried_when_there_is_something_to_mend(
    console: Console, *, state: SessionState, may_retry: bool
) -> None:
    agent = console.agent_of(ACMES)
    report(agent, state)
    response = console.call("POST", f"{JOB}/retry", BOB)
    assert response.status_code == (200 if may_retry else 409)
    assert status(console) == ("Starting" if may_retry else state)


def test_a_job_that_never_ran_has_nothing_to_retry(console: Console) -> None:
    console.agent_of(ACMES)
    assert "None" in console.refuses(409, "POST", f"{COPY_JOB}/retry", BOB)["message"]


@pytest.mark.parametrize("path", ["/isEnabled", "isEnabled", "/ISENABLED", "/IsEnabled"])
@pytest.mark.parametrize("value", [False, "false", "False", "FALSE"], ids=repr)
def test_the_schedule_is_switched_off_however_a_client_writes_it(console: Console, path: str, value: object) -> None:
    agent = console.agent_of(ACMES)
    response = patch(console, replace(path, value))
    assert response.status_code == 200, response.text
    assert response.json()["data"] == console.data(JOB, BOB)
    assert response.json()["data"]["isEnabled"] is False
    agent.turn()
    assert agent.configuration is not None
    assert [job.is_enabled for job in agent.configuration.jobs] == [False, True]
    patch(console, {"op": "add", "path": path, "value": True})
    assert console.data(JOB, BOB)["isEnabled"] is True


@pytest.mark.parametrize("value", ["Running", "running", "RUNNING", "rUNNING"])
def test_a_job_is_started_by_its_status_however_a_client_writes_it(console: Console, value: str) -> None:
    agent = console.agent_of(ACMES)
    response = patch(console, replace("status", value))
    assert response.status_code == 200, response.text
    assert response.json()["data"]["status"] == "Starting"
    assert [command.order for command in agent.hear().commands] == [StartJob(job_uid=ACMES.job)]


@pytest.mark.parametrize("value", ["Stopping", "stopping", "STOPPING"])
def test_a_job_is_stopped_by_its_status_however_a_client_writes_it(console: Console, value: str) -> None:
    agent = console.agent_of(ACMES)
    report(agent, SessionState.RUNNING)
    response = patch(console, replace("/Status", value))
    assert response.status_code == 200, response.text
    assert response.json()["data"]["status"] == "Stopping"


def test_a_patch_that_cannot_be_done_whole_is_not_done_at_all(console: Console) -> None:
    console.agent_of(ACMES)
    both = [replace("/isEnabled", value=False), replace("/status", "Stopping")]
    assert patch(console, *both).status_code == 409
    assert console.data(JOB, BOB)["isEnabled"] is True
    assert patch(console, both[0], replace("/status", "Running")).status_code == 200
    job = console.data(JOB, BOB)
    assert (job["isEnabled"], job["status"]) == (False, "Starting")


def test_of_two_values_for_one_member_the_last_counts(console: Console) -> None:
    patch(console, replace("/isEnabled", value=False), replace("isEnabled", "true"))
    assert console.data(JOB, BOB)["isEnabled"] is True


def test_a_job_that_another_copies_from_is_not_deleted(console: Console) -> None:
    console.agent_of(ACMES)
    assert "copy job" in console.refuses(409, "DELETE", JOB, BOB)["message"]
    console.does("DELETE", COPY_JOB, BOB)
    console.does("DELETE", JOB, BOB)


@pytest.mark.parametrize("state", [None, SessionState.RUNNING])
def test_a_job_that_runs_is_not_deleted(console: Console, state: SessionState | None) -> None:
    agent = console.agent_of(ACMES)
    console.does("DELETE", COPY_JOB, BOB)
    if state is None:
        console.does("POST", f"{JOB}/start", BOB)
    else:
        report(agent, state)
    assert "stop it first" in console.refuses(409, "DELETE", JOB, BOB)["message"]


def test_a_deleted_job_is_gone_but_what_it_backed_up_is_not(console: Console) -> None:
    agent = console.agent_of(ACMES)
    points = console.data("/protectedWorkloads/fileShares/restorePoints", BOB)
    sessions = console.data("/infrastructure/sessions", BOB)
    for path in (COPY_JOB, JOB):
        response = console.call("DELETE", path, BOB)
        assert response.json() == {"errors": [], "data": {}, "meta": None}
        for method, again in (("GET", path), ("DELETE", path), ("POST", f"{path}/start"), ("GET", f"{path}/sessions")):
            console.refuses(404, method, again, BOB)
        console.refuses(404, "PATCH", path, BOB, [replace("/isEnabled", value=True)])
    for path in (JOBS, COPY_JOBS, f"{JOBS}/fileShareJobs", f"{COPY_JOBS}/objects", f"{SERVER}/jobs"):
        assert console.data(path, BOB) == []
    assert console.data("/protectedWorkloads/fileShares/restorePoints", BOB) == points
    assert console.data("/infrastructure/sessions", BOB) == sessions
    agent.turn()
    assert agent.configuration is not None
    assert agent.configuration.jobs == []
    # And its name is free again.
    body = {"name": "Acme's job", "fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.first}
    console.does("POST", f"{SERVER}/jobs/fileShareJobs", BOB, body)


def test_a_chained_job_names_the_one_that_it_follows(console: Console) -> None:
    job = console.data(COPY_JOB, BOB)
    chained = {"previousJobId": ACMES.job, "previousJobName": "Acme's job"}
    assert job["schedule"] == {"chainingOptions": chained}
    assert job["scheduleType"] == "Chained"


def test_sessions_of_a_job_are_told_newest_first_page_by_page(console: Console) -> None:
    agent = console.agent_of(ACMES)
    for name in ("one", "two", "three"):
        report(agent, SessionState.SUCCESS, name)
    expected = [uid("three"), uid("two"), uid("one"), ACMES.session]
    path = f"{JOB}/sessions"
    assert [row["instanceUid"] for row in console.data(path, BOB)] == expected
    assert [row["instanceUid"] for row in console.data(f"{path}?limit=2&offset=1", BOB)] == expected[1:3]
    assert console.get(f"{path}?offset=9", BOB)["meta"]["pagingInfo"] == {"total": 4, "count": 0, "offset": 9}
    shown = console.data("/infrastructure/sessions", BOB)
    assert [row["instanceUid"] for row in shown] == expected
    assert console.data(f"/infrastructure/sessions/{uid('two')}", BOB) == shown[1]
    of_share = console.data(f"/protectedWorkloads/fileShares/{ACMES.share}/sessions", BOB)
    assert of_share == shown


def test_what_a_session_decided_is_told_with_its_reasons(console: Console) -> None:
    session = console.data(f"/infrastructure/sessions/{ACMES.session}", BOB)
    assert session["type"] == SessionType.BACKUP
    assert session["statistics"]["sourceSize"] == 4096
    assert session["plan"] == []
    assert session["startTime"] == "2026-03-02T10:00:00.0000000+00:00"


def created(console: Console, kind: str, **changes: object) -> Any:
    body = {"name": "new", "fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.second}
    return console.does("POST", f"{SERVER}/jobs/{kind}", BOB, {**body, **changes})


@pytest.mark.parametrize("unit", ["Minutes", "hours", "DAYS", "months", "Years"])
def test_a_new_job_is_what_was_asked_for(console: Console, unit: str) -> None:
    agent = console.agent_of(ACMES)
    made = created(console, "fileShareJobs", retention=10_000, retentionUnit=unit, description="Why.", isEnabled=False)
    assert (made["retention"], made["retentionUnit"]) == (10_000, unit.capitalize())
    job = console.data(f"{JOBS}/{made['instanceUid']}", BOB)
    assert (job["name"], job["description"], job["createdBy"]) == ("new", "Why.", "bob")
    assert (job["status"], job["isEnabled"], job["type"]) == ("None", False, "BackupFile")
    assert job["destination"] == "Acme's second repository"
    assert (job["retentionLimit"], job["retentionLimitType"]) == (
        (10_000, "Days") if unit == "DAYS" else (None, "None")
    )
    assert job["creationTime"] == "2026-03-02T12:00:00.0000000+00:00"
    agent.turn()
    assert agent.configuration is not None
    assert [found.name for found in agent.configuration.jobs if found.uid == made["instanceUid"]] == ["new"]


def test_a_new_copy_job_follows_its_source_unless_told(console: Console) -> None:
    agent = console.agent_of(ACMES)
    third = console.does("POST", f"{SERVER}/repositories", BOB, {"name": "third", "path": "/third"})
    body = {
        "name": "second copy",
        "sourceFileShareJobUid": ACMES.job_unique,
        "targetRepositoryUid": third["instanceUid"].upper(),
    }
    made = console.does("POST", f"{SERVER}/jobs/fileShareCopyJobs", BOB, body)
    assert (made["sourceFileShareJobUid"], made["sourceFileShareJobUniqueUid"]) == (ACMES.job, ACMES.job_unique)
    assert (made["retention"], made["retentionUnit"], made["sourceSize"]) == (28, "Days", 4096)
    assert console.data(f"{JOBS}/{made['instanceUid']}", BOB)["scheduleType"] == "Chained"
    agent.turn()
    assert agent.configuration is not None
    (told,) = [job for job in agent.configuration.jobs if job.uid == made["instanceUid"]]
    assert (told.source_job_uid, told.file_share_uid) == (ACMES.job, ACMES.share)


@pytest.mark.parametrize(
    ("kind", "given", "shown"),
    [
        ("NotScheduled", None, None),
        (
            "Daily",
            None,
            {
                "dailyScheduleOptions": {
                    "kind": "Everyday",
                    "days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
                    "time": "22:00",
                    "timeUtc": "22:00",
                },
                "timeZone": "UTC",
            },
        ),
        (
            "Daily",
            {"dailyScheduleOptions": {"kind": "WeekDays", "time": "07:30"}, "timeZone": "America/New_York"},
            {
                "dailyScheduleOptions": {
                    "kind": "WeekDays",
                    "days": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
                    "time": "07:30",
                    "timeUtc": "12:30",
                },
                "timeZone": "America/New_York",
            },
        ),
        (
            "Daily",
            {"dailyScheduleOptions": {"kind": "SelectedDays", "days": ["Sunday", "Monday", "Sunday"]}},
            {
                "dailyScheduleOptions": {
                    "kind": "SelectedDays",
                    "days": ["Monday", "Sunday"],
                    "time": "22:00",
                    "timeUtc": "22:00",
                },
                "timeZone": "UTC",
            },
        ),
        (
            "Periodically",
            {"periodicallyScheduleOptions": {"kind": "Minutes", "fullPeriod": 15}},
            {"periodicallyScheduleOptions": {"kind": "Minutes", "fullPeriod": 15}},
        ),
    ],
)
def test_a_schedule_is_shown_as_it_was_given(console: Console, kind: str, given: object, shown: object) -> None:
    made = created(console, "fileShareJobs", scheduleType=kind, schedule=given)
    job = console.data(f"{JOBS}/{made['instanceUid']}", BOB)
    assert job["scheduleType"] == kind
    # A job without a schedule has no such member: the contract does not let it be null.
    assert job.get("schedule") == shown
    assert ("schedule" in job) is (shown is not None)


def test_a_job_is_made_in_a_repository_that_is_ready(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.failure_at = lambda _: "Fatal: the folder is not empty."
    console.refuses(400, "POST", f"{SERVER}/repositories", BOB, {"name": "third", "path": "/third"})
    assert len(console.data(f"{SERVER}/repositories", BOB)) == 2


def test_a_list_of_a_server_holds_that_servers_jobs(console: Console) -> None:
    for path, of_acme in (
        (f"{SERVER}/jobs", {ACMES.job, ACMES.copy_job}),
        (f"{SERVER}/jobs/fileShareJobs", {ACMES.job}),
        (f"{SERVER}/jobs/fileShareCopyJobs", {ACMES.copy_job}),
    ):
        assert {row["instanceUid"] for row in console.data(path, ALICE)} == of_acme


def test_what_was_done_and_by_whom_is_written_down(console: Console) -> None:
    console.agent_of(ACMES)
    console.does("POST", f"{JOB}/start", BOB)
    patch(console, replace("/isEnabled", value=False))
    with console.database.reading() as connection:
        rows = connection.exec_driver_sql("select activity, user_name, object_uid from activity_log order by position")
        told = [tuple(row) for row in rows]
    assert told == [
        ("StartBackupServerJob", "bob", ACMES.job_unique),
        ("PatchBackupServerJob", "bob", ACMES.job_unique),
    ]


def test_an_answer_about_a_job_that_does_not_exist_names_it(console: Console) -> None:
    response = console.call("POST", f"{JOBS}/{uid('nothing')}/start", BOB)
    assert response.status_code == 404
    assert uid("nothing") in error_in(response)["message"]


def test_a_job_on_hold_says_why_until_its_agent_has_heard_of_the_release(console: Console) -> None:
    agent = console.agent_of(ACMES)
    assert "retentionHold" not in console.data(f"{JOBS}/{ACMES.job}", BOB)
    console.refuses(409, "POST", f"{JOBS}/{ACMES.job}/release", BOB)
    agent.report(hold("first"))
    # The copies are on hold with what they are copies of.
    for uid_of_job in (ACMES.job, ACMES.copy_job):
        shown = console.data(f"{JOBS}/{uid_of_job}", BOB)["retentionHold"]
        assert [cause["reason"] for cause in shown["causes"]] == ["Shrunk"]
        assert not shown["isReleased"]
    console.refuses(404, "POST", f"{JOBS}/{ACMES.job}/release", CHARLIE)
    console.does("POST", f"{JOBS}/{ACMES.copy_job}/release", BOB)
    assert console.data(f"{JOBS}/{ACMES.job}", BOB)["retentionHold"]["isReleased"]
    agent.turn()
    assert agent.configuration is not None
    assert {job.uid: job.released_hold for job in agent.configuration.jobs}[ACMES.job] == uid("first")

    # A cause that came meanwhile makes it another hold, which nobody has released.
    agent.report(hold("second", reason=HoldReason.CLOCK_CHANGED))
    assert not console.data(f"{JOBS}/{ACMES.job}", BOB)["retentionHold"]["isReleased"]
    agent.report(HoldReport(job_uid=ACMES.job, hold=None), HoldReport(job_uid=BETAS.job, hold=None))
    assert "retentionHold" not in console.data(f"{JOBS}/{ACMES.copy_job}", BOB)


def test_an_agent_puts_no_other_servers_jobs_on_hold(console: Console) -> None:
    console.agent_of(ACMES).report(hold("foreign", BETAS))
    assert "retentionHold" not in console.data(f"{JOBS}/{BETAS.job}", CHARLIE)


def test_retries_are_set_at_a_job_and_told_to_its_agent(console: Console) -> None:
    agent = console.agent_of(ACMES)
    path = f"{JOBS}/{ACMES.job}"
    for name, value, wrong in (("retryTimes", 0, -1), ("retryTimes", 7, 101), ("retryInterval", 1440, 0)):
        console.does("PATCH", path, BOB, [{"op": "replace", "path": f"/{name}", "value": value}])
        assert console.data(path, BOB)[name] == value
        console.refuses(400, "PATCH", path, BOB, [{"op": "replace", "path": f"/{name}", "value": wrong}])
    agent.turn()
    assert agent.configuration is not None
    (job,) = [job for job in agent.configuration.jobs if job.uid == ACMES.job]
    assert (job.retry_times, job.retry_interval) == (7, 1440)
