"""Every resource has the published contract's members, each of the type that clients generated from it expect.

An unknown word, a null where none may be, or a text in place of a number makes such clients fail.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

import pytest

from tandem.api.routes import BASE, ROUTES, Operation
from tandem.domain.sessions import SessionState
from tests.consoles import COPY_JOBS, JOBS, Console, error_in
from tests.contract.answers import FORMATS, answer_schema, check, faults
from tests.contract.facts import OPERATIONS
from tests.people import (
    ACME,
    ACMES,
    ALICE,
    BOB,
    GAMMA,
    GAMMAS,
    INITIATORS,
    LARA,
    NORA,
    PASSWORD,
    Estate,
    Person,
    login_id_of,
)
from tests.reports import ended, session

SERVER = f"/infrastructure/backupServers/{ACMES.server}"
SHARES = "/protectedWorkloads/fileShares"


@pytest.fixture
def lived_in(console: Console) -> Console:
    """A console with jobs that ran, one that runs, one that never did, and schedules of each kind."""
    agent = console.agent_of(ACMES)
    agent.report(ended("failed", SessionState.FAILED, messages=["No space left.", "Really."]), session("running"))
    schedules = {
        "Daily": {"dailyScheduleOptions": {"kind": "SelectedDays", "days": ["Sunday"]}, "timeZone": "Asia/Kolkata"},
        "Periodically": {"periodicallyScheduleOptions": {"fullPeriod": 4}},
        "NotScheduled": None,
    }
    for kind, schedule in schedules.items():
        body = {"name": kind, "fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.first, "retentionUnit": "Years"}
        console.does("POST", f"{SERVER}/jobs/fileShareJobs", BOB, {**body, "scheduleType": kind, "schedule": schedule})
    return console


COLLECTIONS = {
    COPY_JOBS: "BackupServerFileShareCopyJob",
    f"{COPY_JOBS}?expand=BackupServerJob": "BackupServerFileShareCopyJob",
    f"{SERVER}/jobs/fileShareCopyJobs": "BackupServerFileShareCopyJob",
    f"{COPY_JOBS}/objects": "BackupServerFileShareCopyJobObject",
    f"{SERVER}/jobs/fileShareCopyJobs/objects": "BackupServerFileShareCopyJobObject",
    f"{COPY_JOBS}/{ACMES.copy_job}/objects": "BackupServerFileShareCopyJobObject",
    f"{JOBS}/fileShareJobs": "BackupServerFileShareJob",
    f"{JOBS}/fileShareJobs?expand=BackupServerJob": "BackupServerFileShareJob",
    f"{JOBS}/fileShareJobs/objects": "BackupServerFileShareJobObject",
    f"{JOBS}/fileShareJobs/{ACMES.job}/objects": "BackupServerFileShareJobObject",
    JOBS: "BackupServerJob",
    f"{SERVER}/jobs": "BackupServerJob",
    "/infrastructure/backupServers": "BackupServer",
    "/infrastructure/backupServers/proxies": "BackupProxy",
    f"{SERVER}/proxies": "BackupProxy",
    f"{SERVER}/credentials": "BackupServerCredentialsRecord",
    f"{SERVER}/encryptionPasswords": "BackupServerEncryptionPassword",
    "/infrastructure/backupServers/repositories": "BackupRepository",
    f"{SERVER}/repositories?expand=BackupRepositoryInfo": "BackupRepository",
    SHARES: "ProtectedOnPremisesFileShare",
    f"{SERVER}/fileShares": "ProtectedOnPremisesFileShare",
    f"{SHARES}/restorePoints": "ProtectedOnPremisesFileShareRestorePoint",
    f"{SHARES}/{ACMES.share}/restorePoints": "ProtectedOnPremisesFileShareRestorePoint",
    f"{SHARES}/backups": "ProtectedOnPremisesFileShareBackup",
    f"{SHARES}/{ACMES.share}/backups": "ProtectedOnPremisesFileShareBackup",
    "/eventLogs/activityLogs": "ActivityLog",
    "/users": "User",
    f"/organizations/{ACME}/users": "User",
    f"/organizations/locations/{ACMES.location}/users": "User",
    "/organizations/locations": "OrganizationLocation",
    f"/organizations/{ACME}/locations": "OrganizationLocation",
    f"/users/{LARA.uid}/locations": "OrganizationLocation",
    "/organizations/companies/usage": "LocationAggregatedUsage",
    f"/organizations/companies/{ACME}/usage": "LocationAggregatedUsage",
    "/organizations": "Organization",
    "/organizations/companies": "Company",
    "/organizations/companies?expand=Organization": "Company",
}
SINGLE = {
    f"{COPY_JOBS}/{ACMES.copy_job}": "BackupServerFileShareCopyJob",
    f"{JOBS}/fileShareJobs/{ACMES.job}": "BackupServerFileShareJob",
    f"{JOBS}/{ACMES.job}": "BackupServerJob",
    f"{JOBS}/{ACMES.copy_job}": "BackupServerJob",
    SERVER: "BackupServer",
    f"{SERVER}/proxies/{ACMES.agent}": "BackupProxy",
    f"{SERVER}/repositories/{ACMES.first}?expand=BackupRepositoryInfo": "BackupRepository",
    f"{SHARES}/{ACMES.share}": "ProtectedOnPremisesFileShare",
    f"{SHARES}/restorePoints/{ACMES.point}": "ProtectedOnPremisesFileShareRestorePoint",
    "/infrastructure/jobSessionHeatmap/?from=2026-03-01T00:00:00Z&to=2026-03-04T00:00:00Z": "JobSessionHeatmap",
    "/users/me": "User",
    f"/organizations/locations/{ACMES.location}": "OrganizationLocation",
    f"/organizations/{ACME}": "Organization",
    f"/organizations/companies/{GAMMA}": "Company",
    "/about": "About",
}


def test_every_list_is_as_the_contract_has_it(lived_in: Console) -> None:
    for path, resource in COLLECTIONS.items():
        answer = lived_in.get(path, ALICE, "3.6.1")
        assert set(answer) == {"meta", "data"}
        check(answer["meta"], "ResponseMetadata")
        assert answer["data"], path
        for row in answer["data"]:
            check(row, resource)
        assert ("_embedded" in answer["data"][0]) or "expand" not in path


def test_every_single_resource_is_as_the_contract_has_it(lived_in: Console) -> None:
    for path, resource in SINGLE.items():
        answer = lived_in.get(path, ALICE, "3.6.1")
        assert set(answer) == {"data"}
        check(answer["data"], resource)


def test_a_resource_is_the_same_alone_as_in_its_list(lived_in: Console) -> None:
    for path, name in ((COPY_JOBS, "instanceUid"), (JOBS, "instanceUid"), (SHARES, "fileShareUid")):
        for row in lived_in.data(path, ALICE):
            assert lived_in.data(f"{path}/{row[name]}", ALICE) == row


def test_every_state_of_a_job_is_one_of_the_contracts(console: Console) -> None:
    agent = console.agent_of(ACMES)
    for number, state in enumerate(SessionState):
        made = ended(f"session {number}", state) if state.is_final else session(f"session {number}", state=state)
        agent.report(made)
        check(console.data(f"{JOBS}/{ACMES.job}", BOB), "BackupServerJob")
        (row,) = console.data(f"{JOBS}/fileShareJobs/objects", BOB)
        check(row, "BackupServerFileShareJobObject")
        (row,) = console.data(f"{COPY_JOBS}/objects", BOB)
        check(row, "BackupServerFileShareCopyJobObject")


def test_what_was_made_is_answered_as_it_is_shown_later(console: Console) -> None:
    console.agent_of(ACMES)
    repository = console.does("POST", f"{SERVER}/repositories", BOB, {"name": "new", "path": "/new"})
    check(repository, "BackupRepository")
    share = console.does("POST", f"{SERVER}/fileShares", BOB, {"name": "new", "path": "/srv/new"})
    check(share, "ProtectedOnPremisesFileShare")
    body = {"name": "n", "fileShareUid": share["fileShareUid"], "targetRepositoryUid": repository["instanceUid"]}
    job = console.does("POST", f"{SERVER}/jobs/fileShareJobs", BOB, body)
    check(job, "BackupServerFileShareJob")
    body = {"name": "c", "sourceFileShareJobUid": job["instanceUid"], "targetRepositoryUid": ACMES.second}
    copy = console.does("POST", f"{SERVER}/jobs/fileShareCopyJobs", BOB, body)
    check(copy, "BackupServerFileShareCopyJob")
    for kind, resource in (("standard", "BackupServerCredentialsStandard"), ("linux", "BackupServerCredentialsLinux")):
        body = {"username": "new", "password": "secret", "mappedOrganizationUid": ACME}
        check(console.does("POST", f"{SERVER}/credentials/{kind}", BOB, body), resource)
    for row in console.data(f"{SERVER}/credentials", BOB):
        check(row, "BackupServerCredentialsRecord")
    body = {"hint": "of 2026", "password": "secret"}
    check(console.does("POST", f"{SERVER}/encryptionPasswords", BOB, body), "BackupServerEncryptionPassword")
    credentials = {"userName": "new", "password": "long enough"}
    body = {"organizationInput": {"name": "New"}, "ownerCredentials": credentials}
    check(console.does("POST", "/organizations/companies", NORA, body), "Company")
    for answer, path in ((share, f"{SHARES}/{share['fileShareUid']}"), (copy, f"{COPY_JOBS}/{copy['uniqueUid']}")):
        assert console.data(path, BOB) == answer


def test_errors_and_empty_answers_are_as_the_contract_has_them(console: Console) -> None:
    console.agent_of(ACMES)
    check(console.call("POST", f"{JOBS}/{ACMES.job}/start", BOB).json(), "EmptyResponse")
    patch = [{"op": "replace", "path": "/name", "value": "x"}]
    refusals = [
        console.call("GET", COPY_JOBS, None),
        console.call("GET", "/nothing", BOB),
        console.call("GET", f"{COPY_JOBS}?limit=0", BOB),
        console.call("PATCH", f"{JOBS}/{ACMES.job}", BOB, json=patch),
        console.call("POST", f"{JOBS}/{ACMES.job}/start", BOB),
        console.call("POST", "/organizations/resellers", BOB),
        console.call("DELETE", COPY_JOBS, BOB),
    ]
    assert [response.status_code for response in refusals] == [401, 404, 400, 400, 409, 403, 405]
    for response in refusals:
        check(response.json(), "ErrorResponse")


def test_tokens_are_as_the_contract_has_them(console: Console) -> None:
    bob = {"grant_type": "password", "username": "bob"}
    check(console.ask_for_token(**bob, password=PASSWORD).json(), "OAuth2Result")
    for fields in ({}, {**bob, "password": "wrong password"}, {"grant_type": "mfa"}):
        check(console.ask_for_token(**fields).json(), "OAuth2Error")


def test_the_oldest_form_of_a_file_share_job_has_the_oldest_members(quiet_console: Console) -> None:
    (row, *_) = quiet_console.get(f"{JOBS}/fileShareJobs", BOB)["data"]
    assert row == {
        "instanceUid": ACMES.job,
        "targetRepositoryUid": ACMES.first,
        "archiveRepositoryUid": None,
        "retention": 7,
        "retentionUnit": "days",
        "isArchiveRetentionEnabled": False,
        "archiveRetention": 0,
        "archiveRetentionUnit": "days",
    }
    assert quiet_console.get(f"{JOBS}/fileShareJobs/{ACMES.job}", BOB)["data"] == row


READS = [operation for operation in ROUTES if operation.method == "GET" and operation.operation_id in OPERATIONS]
HEATMAP = "from=2026-03-01T00:00:00Z&to=2026-03-04T00:00:00Z"
ESTATE_OF = {ALICE: ACMES, NORA: GAMMAS, BOB: ACMES}
# Below the provider only who runs a reseller may ask.
REFUSED = {(BOB, "GetAboutInformation")}


def path_for(console: Console, operation: Operation, who: Person, estate: Estate) -> str:
    """Give the path of a read of what is in an estate, as somebody asks for it."""
    (action,) = [each.action for each, initiator in INITIATORS.items() if initiator is who]
    with console.database.reading() as connection:
        login_id = login_id_of(connection, who)
    uids = estate.uids | {"locationUid": estate.location, "actionId": action, "userUid": who.uid}
    uids |= {"organizationUid": estate.organization_uid, "companyUid": estate.organization_uid}
    uids |= {"userLoginId": str(login_id)} | ({"jobUid": estate.copy_job} if "CopyJob" in operation.path else {})
    query = [f"expand={each}" for each in operation.expands] + ["limit=500"]
    query += [HEATMAP] if operation.operation_id == "GetJobSessionHeatmap" else []
    path = re.sub(r"\{(\w+)\}", lambda found: uids[found[1]], operation.path.removeprefix(BASE))
    return f"{path}?{'&'.join(query)}"


@pytest.mark.parametrize("who", ESTATE_OF, ids=lambda who: who.user_name)
def test_whoever_reads_gets_nothing_that_breaks_a_client(lived_in: Console, who: Person) -> None:
    found: list[str] = []
    for operation in READS:
        name = operation.operation_id
        path = path_for(lived_in, operation, who, ESTATE_OF[who])
        response = lived_in.call("GET", path, who, headers={"X-Client-Version": "3.6.1"})
        if (who, name) in REFUSED:
            assert error_in(response)["code"] == 403
            continue
        assert response.status_code == 200, (path, response.text)
        found += faults(response.json(), answer_schema(OPERATIONS[name][2]), name)
    assert not found


@pytest.mark.parametrize("version", ["3.5.1", "3.6"])
def test_a_client_of_an_older_release_never_reads_null(lived_in: Console, version: str) -> None:
    # The result of an action is in the form that its initiator asked for.
    for operation in [each for each in READS if each.operation_id != "GetAsyncActionResult"]:
        answer = lived_in.get(path_for(lived_in, operation, ALICE, ACMES), ALICE, version)
        assert None not in list(values_in(answer)), operation.operation_id


def test_every_instant_is_read_by_those_who_know_six_digits(lived_in: Console) -> None:
    # Their readers take at most microseconds; the seventh digit is left out, and always there.
    instants = 0
    for operation in READS:
        for value in values_in(lived_in.get(path_for(lived_in, operation, ALICE, ACMES), ALICE, "3.6.1")):
            if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
                assert FORMATS["date-time"].fullmatch(value), operation.operation_id
                read = datetime.strptime(value[:26] + value[27:], "%Y-%m-%dT%H:%M:%S.%f%z")
                assert read.utcoffset() is not None
                instants += 1
    assert instants > len(READS)


def values_in(answer: Any) -> Iterator[Any]:
    """Yield every value in an answer that holds no others."""
    match answer:
        case dict():
            for each in cast("dict[str, Any]", answer).values():
                yield from values_in(each)
        case list():
            for each in cast("list[Any]", answer):
                yield from values_in(each)
        case _:
            yield answer
