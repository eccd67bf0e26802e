"""Every resource has the published contract's members, each of the type that clients generated from it expect.

`contract_members.json` holds the members of the resources that we serve, taken from the contract's document: an
unknown word, a null where none may be, or a text in place of a number makes such clients fail.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tandem.domain.sessions import SessionState
from tests.consoles import COPY_JOBS, JOBS, Console
from tests.people import ACME, ACMES, ALICE, BOB, GAMMA, LARA, NORA, PASSWORD
from tests.reports import ended, session

MEMBERS: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("contract_members.json").read_text())
SERVER = f"/infrastructure/backupServers/{ACMES.server}"
SHARES = "/protectedWorkloads/fileShares"

# Members of our own, beside the contract's.
OURS: dict[str, set[str]] = {
    "BackupServerJobSchedule": {"timeZone"},
    "ProtectedOnPremisesFileShare": {"path"},
    "ProtectedOnPremisesFileShareRestorePoint": {
        "copies",
        "expirationTime",
        "filesCount",
        "isComplete",
        "isInFirstRepository",
        "repositoryUid",
    },
}
# Members that are left out: there is nothing to say, and most of them may not be null.
LEFT_OUT: dict[str, set[str]] = {
    "About": {"actualValVersion", "actualVamVersion", "actualVawVersion"},
    "BackupRepository": {"_embedded"},
    "BackupServerCredentialsRecord": {"linuxCredentialsDetails"},
    "BackupServerFileShareCopyJobObject": {"lastSession"},
    "BackupServerFileShareJobObject": {"lastSession"},
    "BackupServerJob": {"schedule"},
    "BackupServerJobScheduleOptionsPeriodically": {"schedule"},
    "Company": {"_embedded"},
    "CredentialsInfo": {"password"},
    "OAuth2Error": {"error_uri"},
    "OAuth2Result": {"encrypted_code", "mfa_token"},
    "OwnerCredentials": {"password"},
    "ResponseError": {"failedJsonPatch", "parameterName", "propertyName", "retryAfter"},
}
ONE_OF = {"BackupServerJobSchedule"}

FORMATS = {
    "uuid": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}[+-]\d\d:\d\d"),
}
BITS = {"int32": 31, "int64": 63}
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def check(value: Any, resource: str) -> None:
    """Fail if a resource is not as the contract has it."""
    members = MEMBERS[resource]
    surplus = set(value) - set(members) - OURS.get(resource, set())
    missing = set(members) - set(value)
    assert not surplus, f"{resource} has {surplus}"
    assert resource in ONE_OF or missing <= LEFT_OUT.get(resource, set()), f"{resource} lacks {missing}"
    for name, member in members.items():
        if name in value:
            check_member(value[name], member, f"{resource}.{name}")


def check_member(value: Any, member: dict[str, Any], path: str) -> None:
    if value is None:
        assert member.get("nullable"), f"{path} is null"
        return
    assert isinstance(value, TYPES[member["type"]]), f"{path} is {value!r}"
    assert member["type"] == "boolean" or not isinstance(value, bool), f"{path} is {value!r}"
    if "enum" in member:
        assert value in member["enum"], f"{path} is {value!r}"
    if member.get("format") in FORMATS:
        assert FORMATS[member["format"]].fullmatch(value), f"{path} is {value!r}"
    if member.get("format") in BITS:
        assert abs(value) < 2 ** BITS[member["format"]], f"{path} is {value!r}"
    if "resource" in member:
        check(value, member["resource"])
    for place, item in enumerate(value) if member["type"] == "array" else ():
        check_member(item, member["items"], f"{path}[{place}]")


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
