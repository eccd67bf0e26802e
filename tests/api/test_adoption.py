"""Adoption over the API: who may make whose points a job's own, and what the agent is told."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from tandem.actions.sweep import sweep
from tandem.domain.adoption import Origin, SnapshotGroup
from tandem.domain.sessions import SessionState, SessionType
from tandem.protocol.messages import AdoptPoints, SessionReport, SnapshotsReport
from tandem.store.schema.tables import file_share_jobs, jobs
from tandem.store.sessions import get_session
from tests.agents import Agent
from tests.consoles import JOBS, Console
from tests.people import ACMES, ALICE, BETAS, BOB, CHARLIE, PROVIDERS, START, Estate

pytestmark = pytest.mark.embedded_only

ADOPTION = f"{JOBS}/{ACMES.job}/adoption"
ORIGIN: dict[str, Any] = {"hostName": "old server", "paths": ["/srv/office"]}
OLD = Origin("old server", ("/srv/office",))


def snapshots_of(estate: Estate) -> str:
    return f"/infrastructure/backupServers/{estate.server}/repositories/{estate.first}/snapshots"


@pytest.fixture
def agent(console: Console) -> Agent:
    """Acme's agent, whose repositories hold three old points."""
    made = console.agent_of(ACMES)
    made.groups = [
        SnapshotGroup(origin=OLD, count=3, known=1, copied=2, first_at=START - timedelta(days=400), last_at=START)
    ]
    return made


def job_of(agent: Agent, uid: str) -> Any:
    """Give what the agent is told of a job."""
    agent.turn()
    assert agent.configuration is not None
    return next(job for job in agent.configuration.jobs if job.uid == uid)


def test_what_a_repository_holds_is_looked_up_and_remembered(console: Console, agent: Agent) -> None:
    del agent
    assert console.data(snapshots_of(ACMES), BOB) == {"collectionTime": None, "groups": []}
    found = console.does("POST", f"{snapshots_of(ACMES)}/collect", BOB)
    assert found["groups"] == [
        {
            **ORIGIN,
            "count": 3,
            "knownCount": 1,
            "copiedCount": 2,
            "firstDate": "2025-01-26T12:00:00.0000000+00:00",
            "lastDate": "2026-03-02T12:00:00.0000000+00:00",
        }
    ]
    assert console.data(snapshots_of(ACMES), BOB) == found
    assert console.refuses(404, "GET", snapshots_of(ACMES), CHARLIE)
    assert console.refuses(404, "POST", f"{snapshots_of(ACMES)}/collect", CHARLIE)


def test_a_repository_that_cannot_be_read_says_why(console: Console, agent: Agent) -> None:
    agent.failure_of_look = "its disk is away"
    refusal = console.refuses(409, "POST", f"{snapshots_of(ACMES)}/collect", BOB)
    assert refusal["message"].endswith("cannot be read: its disk is away")
    agent.answer_to = lambda _: "This agent does not know the repository."
    assert "does not know" in console.refuses(409, "POST", f"{snapshots_of(ACMES)}/collect", BOB)["message"]


def test_an_agent_tells_only_of_its_own_repositories(console: Console, agent: Agent) -> None:
    agent.report(SnapshotsReport(repository_uid=BETAS.first, request_uid=ACMES.first, groups=agent.groups))
    assert console.data(snapshots_of(BETAS), CHARLIE)["groups"] == []


def test_a_job_adopts_and_keeps_all_until_that_is_confirmed(console: Console, agent: Agent) -> None:
    assert console.data(ADOPTION, BOB) == {"origins": [], "isDeletionConfirmed": False}
    session = console.does("POST", ADOPTION, BOB, {"origins": [ORIGIN]})
    assert (session["type"], session["status"], session["jobUid"]) == ("Adoption", "Queued", ACMES.job)
    job = job_of(agent, ACMES.job)
    assert (job.adopts, job.may_forget_adopted) == ([OLD], False)
    assert agent.orders == [AdoptPoints(session_uid=session["instanceUid"], job_uid=ACMES.job)]

    console.does("POST", ADOPTION, BOB, {"origins": [{**ORIGIN, "hostName": "older"}, ORIGIN], "confirmDeletion": True})
    both = [OLD, Origin("older", ("/srv/office",))]
    job = job_of(agent, ACMES.job)
    assert (job.adopts, job.may_forget_adopted) == (both, True)
    # Whoever adopts more is asked anew.
    console.does("POST", ADOPTION, BOB, {"origins": [{**ORIGIN, "hostName": "oldest"}]})
    assert job_of(agent, ACMES.job).may_forget_adopted is False
    console.does("POST", ADOPTION, BOB, {"confirmDeletion": True})
    assert console.data(ADOPTION, BOB)["isDeletionConfirmed"] is True
    assert len(console.data(ADOPTION, BOB)["origins"]) == 3
    messages = [line["message"] for line in console.data("/eventLogs/activityLogs", BOB)]
    assert messages[-1].endswith(f"adopted restore points for the job {ACMES.name} job of old server:/srv/office.")
    assert messages[0].endswith("its retention may forget them.")


def test_a_copy_job_knows_its_copies_by_itself(console: Console, agent: Agent) -> None:
    path = f"{JOBS}/{ACMES.copy_job}/adoption"
    assert console.refuses(400, "POST", path, BOB, {"origins": [ORIGIN]})["propertyName"] == "origins"
    session = console.does("POST", path, BOB, {"confirmDeletion": True})
    assert session["fileShareUid"] == ACMES.share
    assert job_of(agent, ACMES.copy_job).may_forget_adopted is True
    assert job_of(agent, ACMES.job).may_forget_adopted is False


def test_an_adoption_is_no_run_of_its_job(console: Console, agent: Agent) -> None:
    before = console.data(f"{JOBS}/{ACMES.job}", BOB)
    uid = console.does("POST", ADOPTION, BOB, {"origins": [ORIGIN]})["instanceUid"]
    agent.turn()
    with console.database.reading() as connection:
        queued = get_session(connection, BOB.caller.scope, uid)
    for state in (SessionState.RUNNING, SessionState.SUCCESS):
        changed = msgspec.structs.replace(queued, state=state, ended_at=START if state.is_final else None)
        agent.report(SessionReport(session=changed))
    assert console.data(f"/infrastructure/sessions/{uid}", BOB)["status"] == "Success"
    after = console.data(f"{JOBS}/{ACMES.job}", BOB)
    assert {name: after[name] for name in ("status", "lastRun", "lastSessionUid") if name in after} == {
        name: before[name] for name in ("status", "lastRun", "lastSessionUid") if name in before
    }
    assert queued.type is SessionType.ADOPTION


def test_an_order_that_nobody_takes_ends_its_session(console: Console, agent: Agent) -> None:
    uid = console.does("POST", ADOPTION, BOB, {"origins": [ORIGIN]})["instanceUid"]
    console.clock.forward(minutes=11)
    sweep(console.context)
    session = console.data(f"/infrastructure/sessions/{uid}", BOB)
    assert (session["status"], session["messages"]) == (
        "Failed",
        ["The agent of the backup server did not take the order in time."],
    )
    agent.answer_to = lambda _: "This agent does not know the job."
    agent.hear()
    uid = console.does("POST", ADOPTION, BOB, {"origins": [ORIGIN]})["instanceUid"]
    agent.turn()
    assert console.data(f"/infrastructure/sessions/{uid}", BOB)["messages"] == ["This agent does not know the job."]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "origins"),
    ({"origins": []}, "origins"),
    ({"origins": [{"hostName": "x", "paths": []}]}, "origins[0].paths"),
    ({"origins": [{"hostName": "x", "paths": [[]]}]}, "origins[0].paths[0]"),
    ({"origins": [{"hostName": "x\0", "paths": ["/x"]}]}, "origins[0].hostName"),
    ({"origins": [{"hostName": "x"}]}, "origins[0]"),
    ({"origins": [ORIGIN], "confirmDeletion": "yes"}, "confirmDeletion"),
    ({"origins": [{"hostName": f"{n}", "paths": ["/x"]} for n in range(101)]}, "origins"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_what_cannot_be_adopted_is_refused(console: Console, agent: Agent, body: object, field: str) -> None:
    refusal = console.refuses(400, "POST", ADOPTION, BOB, body)
    assert refusal["propertyName"].startswith(field.partition("[")[0]), refusal
    assert job_of(agent, ACMES.job).adopts == []


def test_points_are_adopted_by_one_job_only(console: Console, agent: Agent) -> None:
    del agent
    body = {"name": "other", "fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.first}
    path = f"/infrastructure/backupServers/{ACMES.server}/jobs/fileShareJobs"
    other = console.does("POST", path, BOB, body)["instanceUid"]
    console.does("POST", ADOPTION, BOB, {"origins": [ORIGIN]})
    refusal = console.refuses(409, "POST", f"{JOBS}/{other}/adoption", BOB, {"origins": [ORIGIN]})
    assert "another job has adopted the points of old server:/srv/office" in refusal["message"]


def test_a_company_adopts_nothing_on_a_backup_server_that_it_does_not_see(console: Console) -> None:
    console.agent_of(PROVIDERS)
    with console.database.writing() as connection:
        for table in (jobs, file_share_jobs):
            mine = update(table).where(table.c.unique_uid == PROVIDERS.job_unique)
            connection.execute(mine.values(mapped_organization_uid=CHARLIE.organization_uid))
    path = f"{JOBS}/{PROVIDERS.job}/adoption"
    assert console.data(path, CHARLIE)["origins"] == []
    assert console.refuses(404, "POST", path, CHARLIE, {"origins": [ORIGIN]})
    console.does("POST", path, ALICE, {"origins": [ORIGIN]})
