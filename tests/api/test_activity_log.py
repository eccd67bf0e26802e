"""The activity log: what was done is told, to those whom it concerns, and nothing takes it back."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tandem.actions.enrol_agent import create_enrolment_token, enrol
from tandem.api.routes import ROUTES
from tandem.domain.activity_log import PHRASES, ActivityType
from tandem.domain.identity import Role
from tandem.domain.sessions import SessionState
from tandem.store.activity_log import record_activity
from tests.agents import enrol_request
from tests.consoles import JOBS, Console, rows_of
from tests.people import ACME, ACMES, ALICE, BETA, BOB, CHARLIE, NORA, NORTH, PEOPLE, PROVIDER, PROVIDERS, Person, uid
from tests.reports import ended, hold, session

pytestmark = pytest.mark.embedded_only

LOG = "/eventLogs/activityLogs"
JOB = f"{JOBS}/{ACMES.job}"
COPY_JOB = f"{JOBS}/{ACMES.copy_job}"
SERVER = f"/infrastructure/backupServers/{ACMES.server}"
SOURCE = Path(__file__).parent.parent.parent / "src" / "tandem"


def log(console: Console, who: Person = ALICE, **query: str) -> list[dict[str, Any]]:
    return console.data(f"{LOG}?{urlencode(query)}" if query else LOG, who)


def messages(console: Console, who: Person = ALICE, **query: str) -> list[str]:
    return [row["message"] for row in log(console, who, **query)]


def switch(console: Console, value: object, who: Person = BOB) -> None:
    body = [{"op": "replace", "path": "/isEnabled", "value": value}]
    console.does("PATCH", JOB, who, body)


def test_what_was_done_is_told_in_a_sentence(console: Console) -> None:
    console.agent_of(ACMES)
    console.does("POST", f"{JOB}/start", BOB)
    assert log(console, BOB) == [
        {
            "message": "bob started the job Acme's job.",
            "activityLogType": "BackupJobStarted",
            "activityKind": "External",
            "date": "2026-03-02T12:00:00.0000000+00:00",
            "userUid": BOB.uid,
            "organizationUid": ACME,
        }
    ]


def test_a_patch_is_told_by_what_it_did(console: Console) -> None:
    console.agent_of(ACMES)
    switch(console, value=False)
    switch(console, value=True)
    console.does("PATCH", JOB, BOB, [{"op": "replace", "path": "/status", "value": "Running"}])
    assert [
        (row["activityLogType"], row["message"]) for row in log(console, BOB, dateSortingDirection="Ascending")
    ] == [
        ("BackupJobDisabled", "bob switched off the schedule of the job Acme's job."),
        ("BackupJobEnabled", "bob switched on the schedule of the job Acme's job."),
        ("BackupJobStarted", "bob started the job Acme's job."),
    ]


def test_what_was_refused_is_not_told_as_done(console: Console) -> None:
    console.clock.forward(minutes=5)
    console.refuses(409, "POST", f"{JOB}/start", BOB)
    console.refuses(404, "POST", f"{JOB}/start", CHARLIE)
    console.refuses(403, "POST", f"{JOB}/assign?companyUid={BETA}", BOB)
    assert log(console) == []


def test_a_provider_reads_of_everybody_and_a_company_of_itself(console: Console) -> None:
    for estate in (ACMES, PROVIDERS):
        console.agent_of(estate)
    console.does("POST", f"{JOB}/start", BOB)
    console.does("POST", f"{JOBS}/{PROVIDERS.job}/start", ALICE)
    assert messages(console) == ["alice started the job Provider's job.", "bob started the job Acme's job."]
    assert messages(console, BOB) == ["bob started the job Acme's job."]
    for who in (CHARLIE, NORA, PEOPLE[Role.COMPANY_LOCATION_ADMINISTRATOR], PEOPLE[Role.SITE_ADMINISTRATOR]):
        assert log(console, who) == []


def test_a_company_reads_what_its_provider_did_to_its_things_but_not_who_works_there(console: Console) -> None:
    console.agent_of(ACMES)
    console.does("POST", f"{JOB}/start", ALICE)
    (row,) = log(console, BOB)
    assert row["message"] == "Your service provider started the job Acme's job."
    assert (row["userUid"], row["organizationUid"]) == (None, None)
    # Nor by asking for those whom it suspects.
    for query in ({"userUid": ALICE.uid}, {"organizationUid": PROVIDER}):
        assert log(console, BOB, **query) == []
        assert len(log(console, ALICE, **query)) == 1
    assert log(console, CHARLIE) == []


def test_a_company_reads_of_the_jobs_that_are_assigned_to_it(console: Console) -> None:
    console.agent_of(PROVIDERS)
    job = f"{JOBS}/{PROVIDERS.job}"
    console.does("POST", f"{job}/start", ALICE)
    console.does("POST", f"{job}/assign?companyUid={BETA}", ALICE)
    assert messages(console, CHARLIE) == ["Your service provider assigned the job Provider's job to Beta."]
    console.does("DELETE", f"{job}/assign", ALICE)
    assert messages(console, CHARLIE)[0] == "Your service provider took the assignment from the job Provider's job."
    assert log(console, BOB) == []


def test_a_reseller_reads_of_itself_and_of_its_companies(console: Console) -> None:
    console.does("POST", "/users", NORA, new_user(NORTH, "ResellerUser"))
    assert messages(console, NORA) == ["nora created the user new with the role ResellerUser."]
    assert log(console, BOB) == []
    # An operator of the provider sees companies, and no resellers.
    assert log(console, PEOPLE[Role.PORTAL_OPERATOR]) == []


@pytest.mark.parametrize("role", [Role.RESELLER_USER, Role.COMPANY_LOCATION_USER, Role.COMPANY_INVOICE_AUDITOR])
def test_the_log_is_not_for_those_who_may_not_list_users(console: Console, role: Role) -> None:
    console.refuses(403, "GET", LOG, PEOPLE[role])


def some_history(console: Console) -> None:
    """Write one line an hour, of three people and an agent."""
    agent = msgspec.structs.replace(ALICE.caller, user_uid="", user_name="agent on acme", organization_uid=ACME)
    for number, caller in enumerate([BOB.caller, CHARLIE.caller, agent, ALICE.caller]):
        with console.database.writing() as connection:
            record_activity(
                connection, caller, "StopBackupServerJob", object_uid="", detail=str(number), now=console.clock()
            )
        console.clock.forward(hours=1)


def numbers(console: Console, **query: str) -> str:
    return "".join(message[-2] for message in messages(console, ALICE, **query))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, "3210"),
        ({"dateSortingDirection": "descending"}, "3210"),
        ({"dateSortingDirection": "ASCENDING"}, "0123"),
        ({"from": "2026-03-02T13:00:00Z"}, "321"),
        ({"to": "2026-03-02T13:00:00.0000000+00:00"}, "10"),
        ({"from": "2026-03-02T14:00:00+01:00", "to": "2026-03-02T14:00:00Z"}, "21"),
        ({"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T12:00:00Z"}, "0"),
        ({"organizationUid": ACME}, "20"),
        ({"organizationUid": uid("nothing")}, ""),
        ({"userUid": CHARLIE.uid.upper()}, "1"),
        ({"activityLogKind": "external"}, "310"),
        ({"activityLogKind": "Internal"}, "2"),
        ({"organizationUid": ACME, "activityLogKind": "External"}, "0"),
        ({"limit": "2", "offset": "1"}, "21"),
        ({"limit": "2", "offset": "1", "dateSortingDirection": "ascending"}, "12"),
        ({"somethingElse": "x"}, "3210"),
    ],
)
def test_the_log_is_searched(console: Console, query: dict[str, str], found: str) -> None:
    some_history(console)
    assert numbers(console, **query) == found


def test_pages_tell_how_much_there_is_for_the_reader(console: Console) -> None:
    some_history(console)
    assert console.get(f"{LOG}?limit=1", BOB)["meta"]["pagingInfo"] == {"total": 2, "count": 1, "offset": 0}
    assert console.get(f"{LOG}?offset=9", ALICE)["meta"]["pagingInfo"] == {"total": 4, "count": 0, "offset": 9}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("from", "yesterday"),
        ("to", "2026-02-30T00:00:00Z"),
        ("organizationUid", "Acme"),
        ("userUid", "' or 1=1 --"),
        ("activityLogKind", "Secret"),
        ("dateSortingDirection", "sideways"),
        ("limit", "0"),
        ("offset", "-1"),
    ],
)
def test_a_wrong_parameter_is_told_by_name(quiet_console: Console, name: str, text: str) -> None:
    error = quiet_console.refuses(400, "GET", f"{LOG}?{urlencode({name: text})}", BOB)
    assert error["parameterName"] == name
    assert error["message"].startswith(f"{name}: ")


def test_an_end_before_the_beginning_is_refused(quiet_console: Console) -> None:
    query = urlencode({"from": "2026-03-02T12:00:00Z", "to": "2026-03-02T11:59:59Z"})
    assert quiet_console.refuses(400, "GET", f"{LOG}?{query}", BOB)["parameterName"] == "to"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_log_is_changed_by_nothing(quiet_console: Console, method: str) -> None:
    before = rows_of(quiet_console.database)
    assert quiet_console.call(method, LOG, ALICE).status_code == 405
    assert quiet_console.call(method, f"{LOG}/1", ALICE).status_code == 404
    assert rows_of(quiet_console.database) == before
    assert {route.method for route in ROUTES if "eventLogs" in route.path} == {"GET"}


def test_no_statement_of_the_product_changes_the_log() -> None:
    changes = re.compile(r"\b(?:update|delete)\(\s*activity_log\b")
    assert [path.name for path in SOURCE.rglob("*.py") if changes.search(path.read_text())] == []


def test_a_name_cannot_pass_for_another_line(console: Console) -> None:
    name = "x.\nalice deleted the job y"
    body = {"name": name, "fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.second}
    console.does("POST", f"{SERVER}/jobs/fileShareJobs", BOB, body)
    (row,) = log(console, BOB)
    assert row["message"] == "bob created the file share job x. alice deleted the job y."
    assert (row["activityLogType"], row["userUid"]) == ("BackupJobCreated", BOB.uid)


def test_what_an_agent_did_is_internal_and_of_its_organization(console: Console) -> None:
    _enrol(console)
    (enrolled, token) = log(console, BOB)
    assert enrolled["message"] == "agent on fileserver enrolled for the backup server new."
    assert (enrolled["activityKind"], enrolled["activityLogType"]) == ("Internal", "ManagementAgentRegistered")
    assert (enrolled["userUid"], enrolled["organizationUid"]) == (None, ACME)
    assert (token["activityKind"], token["activityLogType"]) == ("External", "Unknown")


def test_what_those_did_who_are_no_more_is_told_by_their_names(console: Console) -> None:
    gone = msgspec.structs.replace(CHARLIE.caller, organization_uid=uid("an organization that was removed"))
    with console.database.writing() as connection:
        record_activity(connection, gone, "DeleteBackupServerJob", object_uid="", detail="it", now=console.clock())
    assert messages(console) == ["charlie deleted the job it."]
    assert messages(console, BOB) == []


# Operations that change something: how each is called so that it succeeds, or why it leaves no line. Of one that is
# in neither it is only seen that an action records it.
Does = Callable[[Console], object]


def new_user(organization_uid: str, role: str) -> dict[str, object]:
    credentials = {"userName": "new", "password": "long enough for all"}
    return {"organizationUid": organization_uid, "role": role, "profile": {}, "credentials": credentials}


def new_company(name: str) -> dict[str, object]:
    credentials = {"userName": f"owner of {name}", "password": "long enough for all"}
    return {"organizationInput": {"name": name}, "ownerCredentials": credentials}


def _enrol(console: Console) -> object:
    token, _expires_at = create_enrolment_token(
        console.act(ALICE), name="new", organization_uid=ACME, backup_server_uid=None, lifetime=timedelta(hours=1)
    )
    return enrol(console.context, enrol_request(token, Ed25519PrivateKey.generate()))


def _retry(console: Console) -> object:
    console.agents[0].report(ended("failed", SessionState.FAILED))
    return console.does("POST", f"{JOB}/retry", BOB)


def _release(console: Console) -> object:
    console.agents[0].report(hold("a hold"))
    return console.does("POST", f"{JOB}/release", BOB)


def _stop(console: Console) -> object:
    console.agents[0].report(session("running"))
    return console.does("POST", f"{JOB}/stop", BOB)


def _unassign(console: Console) -> object:
    console.does("POST", f"{JOBS}/{PROVIDERS.job}/assign?companyUid={ACME}", ALICE)
    return console.does("DELETE", f"{JOBS}/{PROVIDERS.job}/assign", ALICE)


DOES: dict[str, Does] = {
    "CreateCompany": lambda c: c.does("POST", "/organizations/companies", ALICE, new_company("New")),
    "CreateReseller": lambda c: c.does(
        "POST", "/organizations/resellers", ALICE, {"organizationInput": {"name": "New"}}
    ),
    "CreateUser": lambda c: c.does("POST", "/users", BOB, new_user(ACME, "CompanyAdministrator")),
    "CreateBackupServerEnrolmentToken": lambda c: c.does(
        "POST", "/infrastructure/backupServers/enrolmentTokens", BOB, {"name": "new", "organizationUid": ACME}
    ),
    "EnrolAgent": _enrol,
    "CreateBackupRepository": lambda c: c.does("POST", f"{SERVER}/repositories", BOB, {"name": "new", "path": "/new"}),
    "ChangeBackupRepositoryAccess": lambda c: c.does("POST", f"{SERVER}/repositories/{ACMES.first}/access", BOB, {}),
    "CreateFileShare": lambda c: c.does("POST", f"{SERVER}/fileShares", BOB, {"name": "new", "path": "/srv/new"}),
    "CreateBackupServerFileShareJob": lambda c: c.does(
        "POST",
        f"{SERVER}/jobs/fileShareJobs",
        BOB,
        {"name": "new", "fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.second},
    ),
    "CreateBackupServerFileShareCopyJob": lambda c: c.does(
        "POST",
        f"{SERVER}/jobs/fileShareCopyJobs",
        BOB,
        {
            "name": "new",
            "sourceFileShareJobUid": ACMES.job,
            "targetRepositoryUid": c.does("POST", f"{SERVER}/repositories", BOB, {"name": "3", "path": "/3"})[
                "instanceUid"
            ],
        },
    ),
    "PatchBackupServerJob": lambda c: switch(c, value=False),
    "StartBackupServerJob": lambda c: c.does("POST", f"{JOB}/start", BOB),
    "StopBackupServerJob": _stop,
    "RetryBackupServerJob": _retry,
    "ReleaseBackupServerJobHold": _release,
    "DeleteBackupServerJob": lambda c: c.does("DELETE", COPY_JOB, BOB),
    "AssignBackupServerJob": lambda c: c.does("POST", f"{JOBS}/{PROVIDERS.job}/assign?companyUid={ACME}", ALICE),
    "UnassignBackupServerJob": _unassign,
    "RestoreFileShareRestorePoint": lambda c: c.does(
        "POST", f"/protectedWorkloads/fileShares/restorePoints/{ACMES.point}/restore", BOB, {"targetPath": "/restored"}
    ),
}
LEAVES_NO_LINE = {
    "AttachRequestDataToAsyncAction": "a note that only its initiator sees, for as long as the action is remembered",
    "ClearAsyncActionResult": "the result would go by itself in minutes; what was done stays written down",
    "OAuth2IssueToken": "signing in is counted and throttled, and a program does it every hour",
    "ChallengeAgent": "gives a number to sign; nothing is changed",
    "OpenAgentSession": "agents do it whenever the line was cut",
    "SendToConsole": "an agent sends what somebody asked for, and that is written down",
    "ExchangeWithAgent": "agents report every few seconds; what they did are sessions",
}
CHANGING = [route.operation_id for route in ROUTES if route.method != "GET"]


@pytest.mark.parametrize("name", CHANGING)
def test_every_operation_that_changes_something_is_written_down(console: Console, name: str) -> None:
    if name in LEAVES_NO_LINE:
        assert name not in DOES
        return
    assert name in PHRASES, f"{name}: give it a type and words in domain/activity_log.py"
    if name not in DOES:
        written = [path.name for path in (SOURCE / "actions").glob("*.py") if f'"{name}"' in path.read_text()]
        assert written, f"{name}: record it in its action, or say here why it leaves no line"
        return
    console.agent_of(ACMES)
    DOES[name](console)
    with console.database.reading() as connection:
        rows = connection.exec_driver_sql("select activity, detail, user_name from activity_log").all()
    assert name in {row[0] for row in rows}
    for row in log(console):
        assert ActivityType(row["activityLogType"])
        assert "long enough for all" not in row["message"]
    assert all(detail and user_name for _activity, detail, user_name in rows), "a line that tells nothing"


def test_every_operation_here_exists() -> None:
    assert set(DOES) | set(LEAVES_NO_LINE) <= set(CHANGING)


def test_what_no_word_is_known_for_is_told_all_the_same(console: Console) -> None:
    with console.database.writing() as connection:
        record_activity(connection, BOB.caller, "DoSomethingNew", object_uid="", detail="x", now=console.clock())
    (row,) = log(console, BOB)
    assert (row["message"], row["activityLogType"]) == ("bob did DoSomethingNew x.", "Unknown")
