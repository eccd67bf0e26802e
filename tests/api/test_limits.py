"""Limits: set in the contract's form, told to the agent at once, refused by name; sessions that wait and that live."""

import zlib
from datetime import timedelta
from typing import Any

import pytest

from tandem.actions.sweep import sweep
from tandem.domain.sessions import Progress, SessionState
from tandem.protocol.messages import NumberedReport, RunningSession
from tandem.store import session_logs
from tests.consoles import JOBS, Console
from tests.people import ACMES, BETAS, BOB, CHARLIE, START, Person, uid
from tests.reports import ended, session

pytestmark = pytest.mark.embedded_only

SERVER = f"/infrastructure/backupServers/{ACMES.server}"
LIMITS, OF_REPOSITORY = f"{SERVER}/limits", f"{SERVER}/repositories/{ACMES.first}/limits"
WINDOW = {"timePeriods": [{"day": "Monday", "hours": [22, 23]}], "timeZone": "Europe/Berlin", "stopAtEnd": True}
NONE: dict[str, Any] = {
    "maxConcurrentTask": None,
    "uploadLimit": None,
    "downloadLimit": None,
    "backupWindowOptions": None,
}
SESSIONS = "/infrastructure/sessions"


def change(console: Console, path: str, who: Person = BOB, **members: Any) -> dict[str, Any]:
    operations = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in members.items()]
    return console.does("PATCH", path, who, operations)


def test_limits_are_set_shown_and_told_to_the_agent(console: Console) -> None:
    agent = console.agent_of(ACMES)
    assert console.data(LIMITS, BOB) == console.data(OF_REPOSITORY, BOB) == NONE
    changed = change(console, LIMITS, maxConcurrentTask=3, uploadLimit=3000, backupWindowOptions=WINDOW)
    assert changed == {**NONE, "maxConcurrentTask": 3, "uploadLimit": 3000, "backupWindowOptions": WINDOW}
    change(console, OF_REPOSITORY, maxConcurrentTask=1)
    assert console.data(LIMITS, BOB) == changed
    told = agent.hear().configuration
    assert told is not None
    assert (told.limits.parallel_runs, told.limits.upload) == (3, 3000)
    assert told.limits.hours is not None
    assert told.limits.hours.stop_at_end
    assert {each.uid: each.limits.parallel_runs for each in told.repositories} == {ACMES.first: 1, ACMES.second: None}
    hours = "/backupWindowOptions/timePeriods/0/hours/-"
    (period,) = console.does("PATCH", LIMITS, BOB, [{"op": "add", "path": hours, "value": 1}])["backupWindowOptions"][
        "timePeriods"
    ]
    assert period == {"day": "Monday", "hours": [1, 22, 23]}
    assert change(console, LIMITS, BOB, **NONE) == NONE
    messages = [row["message"] for row in console.data("/eventLogs/activityLogs", BOB)]
    assert any("changed the limits of the backup server" in message for message in messages)
    assert any("changed the limits of the backup repository" in message for message in messages)


@pytest.mark.parametrize(
    ("member", "value", "said"),
    [
        ("maxConcurrentTask", 0, "maxConcurrentTask"),
        ("maxConcurrentTask", 2**31, "maxConcurrentTask"),
        ("uploadLimit", -1, "uploadLimit"),
        ("downloadLimit", 100, "maxConcurrentTask"),
        ("backupWindowOptions", {"timePeriods": []}, "timePeriods"),
        ("backupWindowOptions", {"timePeriods": [{"day": "Monday", "hours": [24]}]}, "hours"),
        ("backupWindowOptions", {"timePeriods": [{"day": "Moonday", "hours": [1]}]}, "day"),
        ("backupWindowOptions", {**WINDOW, "timeZone": "../etc/passwd"}, "timeZone"),
        ("backupWindowOptions", "always", "backupWindowOptions"),
        ("name", "x", "maxConcurrentTask"),
    ],
)
def test_limits_that_make_no_sense_are_refused_and_change_nothing(
    quiet_console: Console, member: str, value: object, said: str
) -> None:
    body = [{"op": "replace", "path": f"/{member}", "value": value}]
    assert said in quiet_console.refuses(400, "PATCH", LIMITS, BOB, body)["message"]
    assert quiet_console.data(LIMITS, BOB) == NONE


def test_nobody_limits_what_is_anothers(console: Console) -> None:
    body = [{"op": "replace", "path": "/maxConcurrentTask", "value": 1}]
    elsewhere = f"/infrastructure/backupServers/{BETAS.server}/repositories/{ACMES.first}/limits"
    for path in (LIMITS, OF_REPOSITORY, elsewhere):
        console.refuses(404, "PATCH", path, CHARLIE, body)
        console.refuses(404, "GET", path, CHARLIE)
    assert console.data(OF_REPOSITORY, BOB) == NONE


def shown(console: Console) -> dict[str, Any]:
    return console.data(f"{SESSIONS}/{uid('run')}", BOB)


def test_a_session_says_why_it_waits_and_whether_it_is_silent_or_hangs(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(session("run", state=SessionState.QUEUED))
    assert (shown(console)["status"], shown(console)["liveness"], shown(console)["queuePosition"]) == (
        "Queued",
        None,
        None,
    )
    reason = "2nd in line for the repository first, held by the job Nightly."
    waits = RunningSession(uid("run"), Progress(), idle_seconds=0, queue_position=2, waiting_reason=reason)
    agent.exchange(running=(waits,))
    assert (shown(console)["liveness"], shown(console)["queuePosition"]) == ("Waiting", 2)
    assert shown(console)["waitingReason"] == reason
    agent.report(session("run"))
    console.clock.forward(minutes=30)
    moving = Progress(percent=10, bytes_done=100, bytes_total=1000, rate=10, remaining_seconds=90)
    agent.exchange(running=(RunningSession(uid("run"), moving, idle_seconds=30),))
    now = shown(console)
    assert (now["liveness"], now["queuePosition"], now["waitingReason"]) == ("Active", None, None)
    assert (now["progress"]["rate"], now["progress"]["remainingSeconds"]) == (10, 90)
    assert now["lastHeartbeat"] > now["lastProgress"]
    agent.exchange(running=(RunningSession(uid("run"), moving, idle_seconds=601),))
    assert shown(console)["liveness"] == "Hanging"
    console.clock.forward(minutes=3)
    assert shown(console)["liveness"] == "Silent"
    agent.report(ended("run"))
    assert shown(console)["liveness"] is None


def log_of(console: Console, name: str, who: Person = BOB) -> Any:
    return console.call("GET", f"{SESSIONS}/{uid(name)}/log", who)


def test_a_sessions_log_is_there_while_it_runs_and_for_a_while_afterwards(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(session("run"))
    assert "half a minute" in console.refuses(404, "GET", f"{SESSIONS}/{uid('run')}/log", BOB)["message"]
    packed = zlib.compress(b"it began\n")
    agent.exchange(running=(RunningSession(uid("run"), Progress(), log=packed),))
    assert log_of(console, "run").text == "it began\n"
    told = ended("run")
    report = NumberedReport(2, type(told)(session=told.session, log=zlib.compress(b"it began\nit ended \xc3\xa4\n")))
    agent.exchange(report)
    answer = log_of(console, "run")
    assert answer.text == "it began\nit ended ä\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert f"session-{uid('run')}.log" in answer.headers["content-disposition"]
    assert log_of(console, "run", CHARLIE).status_code == 404
    other = console.agent_of(BETAS)
    other.exchange(running=(RunningSession(uid("run"), Progress(), log=zlib.compress(b"forged")),))
    other.exchange(NumberedReport(1, type(told)(session=told.session, log=zlib.compress(b"forged"))))
    assert log_of(console, "run").text == "it began\nit ended ä\n"
    console.clock.forward(days=91)
    sweep(console.context)
    assert log_of(console, "run").status_code == 404


def test_a_log_that_an_agent_blows_up_stays_bounded(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(session("run"))
    bomb = zlib.compress(b"0" * 50_000_000)
    agent.exchange(running=(RunningSession(uid("run"), Progress(), log=bomb),))
    assert len(log_of(console, "run").content) <= 512 * 1024
    agent.exchange(running=(RunningSession(uid("run"), Progress(), log=b"not packed at all"),))
    assert log_of(console, "run").status_code == 404
    agent.exchange(running=(RunningSession(uid("run"), Progress(), log=bomb + b"x" * session_logs.PACKED_BYTES_MAX),))
    assert log_of(console, "run").status_code == 404


def test_only_the_newest_logs_of_a_job_are_kept(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_logs, "KEPT_PER_JOB", 2)
    agent = console.agent_of(ACMES)
    for number in range(4):
        told = ended(f"run {number}", started_at=START + timedelta(hours=number))
        agent.exchange(NumberedReport(number + 1, type(told)(session=told.session, log=zlib.compress(b"done"))))
    found = [log_of(console, f"run {number}").status_code for number in range(4)]
    assert found == [404, 404, 200, 200]
    assert len(console.data(f"{JOBS}/{ACMES.job}/sessions", BOB)) == 5
