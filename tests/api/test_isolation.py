"""Nobody learns anything of another tenant, nor changes it: every route, with ids that are not his."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import update

from tandem.api.routes import BASE, ROUTES, Operation
from tandem.domain.identity import Permission, Role
from tandem.store.schema.tables import file_share_copy_jobs, file_share_jobs, jobs
from tests.consoles import COPY_JOBS, JOBS, Console, error_in, rows_of
from tests.people import (
    ACMES,
    ALICE,
    BETAS,
    BOB,
    CHARLIE,
    ESTATES,
    EVERYBODY,
    GAMMAS,
    LARA,
    NORA,
    PEOPLE,
    PROVIDERS,
    START,
    Estate,
    Person,
    login_id_of,
    uid,
)
from tests.second_factors import code_of

pytestmark = pytest.mark.embedded_only

OPERATIONS = {operation.operation_id: operation for operation in ROUTES}
WITH_IDS = [
    name
    for name, operation in OPERATIONS.items()
    if "{" in operation.path and operation.permission is not Permission.PUBLIC
]
LISTS = [
    operation.operation_id
    for operation in ROUTES
    if operation.method == "GET" and "{" not in operation.path and operation.permission is not Permission.PUBLIC
]

# What is sent with an operation that takes a body: one that its owner may send.
BODIES: dict[str, Callable[[Estate], object]] = {
    "CreateBackupServerLinuxCredentials": lambda _: {"username": "new", "privateKey": "a key"},
    "CreateBackupServerStandardCredentials": lambda _: {"username": "new", "password": "secret"},
    "CreateBackupServerEncryptionPassword": lambda _: {"hint": "new", "password": "secret"},
    "CreateBackupRepository": lambda _: {"name": "new", "path": "/new"},
    "ChangeBackupRepositoryAccess": lambda _: {},
    "PatchBackupServerJob": lambda _: [{"op": "replace", "path": "/isEnabled", "value": False}],
    "CreateFileShare": lambda _: {"name": "new", "path": "/new"},
    "CreateBackupServerFileShareJob": lambda estate: {
        "name": "new",
        "fileShareUid": estate.share,
        "targetRepositoryUid": estate.second,
    },
    "CreateBackupServerFileShareCopyJob": lambda estate: {
        "name": "new",
        "sourceFileShareJobUid": estate.job,
        "targetRepositoryUid": estate.first,
    },
    "PatchBackupServerFileShareJob": lambda _: [{"op": "replace", "path": "/retention", "value": 8}],
    "PatchBackupServerFileShareCopyJob": lambda _: [{"op": "replace", "path": "/gfsYearly", "value": 3}],
    "SetBackupRepositoryImmutability": lambda _: {"immutabilityInterval": 7},
    "AdoptBackupServerJobPoints": lambda _: {"origins": [{"hostName": "old", "paths": ["/srv"]}]},
    "UpdateUserLogin": lambda _: [{"op": "replace", "path": "/description", "value": "new"}],
    "AttachRequestDataToAsyncAction": lambda _: {"requestBody": "new"},
    "RestoreFileShareRestorePoint": lambda _: {"targetPath": "/restored"},
    "SetBackupRepositoryVerification": lambda _: {"verifyEveryDays": 7},
    "VerifyBackupRepository": lambda _: {"isEverything": True},
    "SetFileShareCopyJobProof": lambda _: {"drillEveryDays": 7},
    "DrillFileShareCopyJob": lambda _: {"files": None},
    "PatchBackupServerLimits": lambda _: [{"op": "replace", "path": "/maxConcurrentTask", "value": 2}],
    "PatchBackupRepositoryLimits": lambda _: [{"op": "replace", "path": "/maxConcurrentTask", "value": 2}],
    "PatchOrganization": lambda _: [{"op": "replace", "path": "/notes", "value": "changed"}],
    "PatchCompany": lambda _: [{"op": "replace", "path": "/isAlarmDetectEnabled", "value": True}],
    "PatchLocation": lambda _: [{"op": "replace", "path": "/name", "value": "changed"}],
    "PatchUser": lambda _: [{"op": "replace", "path": "/profile/firstName", "value": "changed"}],
}
WITHOUT_BODY = {
    "HealBackupRepository",
    "CollectBackupRepositorySnapshots",
    "DownloadBackupRepositoryRecoveryKit",
    "DownloadRemovedRepositoryRecoveryKit",
    "SetUserToLocation",
    "StartBackupServerJob",
    "StopBackupServerJob",
    "AddApiKeyLogin",
    "AddTotpLogin",
    "RetryBackupServerJob",
    "ReleaseBackupServerJobHold",
    "AssignBackupServerJob",
    "ForceCollectBackupServer",
    "ResetFileShareRestorePointCopy",
}
# What is sent in the query of those that want something there.
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
PARAMETERS: dict[str, Callable[[Estate], dict[str, str]]] = {
    "SearchFileShareRestorePointFiles": lambda _: {"pattern": "*"},
    "SearchFileShareFiles": lambda _: {"pattern": "*"},
    "DownloadFileShareRestorePointFile": lambda _: {"path": "hello.txt"},
    "DeleteCompany": lambda _: {"removeAllAgents": "true"},
    "GetBackupServerJobEvents": lambda _: {"seconds": "0"},
    "SetUserToLocation": lambda estate: {"locationUid": estate.location},
    "DeleteUserFromLocation": lambda estate: {"locationUid": estate.location},
    "GetBackupServerFileShareCopyJobForecastByServer": lambda estate: {
        "sourceFileShareJobUid": estate.job,
        "targetRepositoryUid": estate.second,
    },
    "AddApiKeyLogin": lambda _: {"description": "new", "scopes": "rest"},
    "AddTotpLogin": lambda _: {
        "description": "new",
        "scopes": "rest",
        "secretUrl": f"otpauth://totp/x?secret={SECRET}",
        "code": code_of(SECRET, START),
    },
}
# What its owner gets where it is no success: there is nothing to stop, cancel or delete, or no room for a copy.
OWNERS_ANSWER = {
    "CancelAsyncAction": 409,
    "StopBackupServerJob": 409,
    "RetryBackupServerJob": 409,
    "ReleaseBackupServerJobHold": 409,
    "DeleteBackupServerJob": 409,
    "CreateBackupServerFileShareCopyJob": 400,
    "ResetFileShareRestorePointCopy": 409,
    "DeleteLocation": 409,
    "DeleteUser": 409,
    "SetUserToLocation": 409,
    "DeleteUserFromLocation": 404,
    # Nothing was removed; `test_recovery_kits` knows what is then.
    "DownloadRemovedRepositoryRecoveryKit": 404,
    # Of the provider's administrators only.
    "AssignBackupServerJob": 403,
    "UnassignBackupServerJob": 403,
}
# A company's owner is not admitted to these: his provider is.
BY_PROVIDER = {"PatchCompany", "DeleteCompany", "DownloadRemovedRepositoryRecoveryKit"}

# What a list needs in its query.
QUERIES = {"GetJobSessionHeatmap": "/?from=2026-03-01T00:00:00Z&to=2026-03-04T00:00:00Z"}
# Lists, and what is no list, whose length does not follow from the estates that one sees.
NOT_OF_ESTATES = {
    "GetRemovedRepositories",
    "GetOrganizations",
    "GetCompanies",
    "GetUsers",
    "GetCurrentUser",
    "GetAboutInformation",
    "GetJobSessionHeatmap",
    "GetActivityLogs",
    "GetLogins",
    "GenerateTotpSecret",
}
TWO_OF_EACH = {"GetBackupServerJobs", "GetBackupRepositories", "GetProtectedFileSharesBackups"}

# Another company, a reseller's customer seen from outside, a reseller outside its customers, a company and its
# provider, an operator and the provider's own, and somebody bound to a location.
OUTSIDERS = [
    (CHARLIE, ACMES),
    (CHARLIE, GAMMAS),
    (NORA, ACMES),
    (BOB, PROVIDERS),
    (PEOPLE[Role.PORTAL_OPERATOR], PROVIDERS),
    (PEOPLE[Role.COMPANY_LOCATION_ADMINISTRATOR], ACMES),
    (LARA, BETAS),
    (LARA, PROVIDERS),
]
SEES = [
    (ALICE, set(ESTATES)),
    (PEOPLE[Role.PORTAL_OPERATOR], {ACMES, BETAS, GAMMAS}),
    (PEOPLE[Role.PORTAL_READONLY_OPERATOR], {ACMES, BETAS, GAMMAS}),
    (NORA, {GAMMAS}),
    (PEOPLE[Role.RESELLER_USER], {GAMMAS}),
    (BOB, {ACMES}),
    (PEOPLE[Role.COMPANY_TENANT], {ACMES}),
    (CHARLIE, {BETAS}),
    (PEOPLE[Role.SITE_ADMINISTRATOR], set[Estate]()),
    (LARA, {ACMES}),
    (PEOPLE[Role.COMPANY_LOCATION_USER], set[Estate]()),
]


def call(console: Console, operation: Operation, who: Person, estate: Estate) -> httpx.Response:
    """Call an operation with an estate's ids."""
    path = operation.path.removeprefix(BASE)
    ids = {**estate.uids, "organizationUid": estate.organization_uid, "companyUid": estate.organization_uid}
    user = CHARLIE if estate is BETAS else BOB if estate is ACMES else ALICE
    ids["userUid"] = user.uid
    with console.database.reading() as connection:
        ids["userLoginId"] = str(login_id_of(connection, user))
    ids["locationUid"] = estate.location
    if "fileShareCopyJobs/{" in path or "/copies/{" in path:
        ids["jobUid"] = estate.copy_job
    for name, value in ids.items():
        path = path.replace("{" + name + "}", value)
    body = BODIES[operation.operation_id](estate) if operation.operation_id in BODIES else None
    if operation.operation_id in PARAMETERS:
        path = f"{path}?{urlencode(PARAMETERS[operation.operation_id](estate))}"
    return console.call(operation.method, path, who, json=body)


def test_every_operation_that_takes_a_body_is_called_with_one() -> None:
    writing = {name for name in WITH_IDS if OPERATIONS[name].method not in {"GET", "DELETE"}}
    assert writing == set(BODIES) | WITHOUT_BODY


@pytest.mark.parametrize("name", WITH_IDS)
def test_what_is_another_tenants_is_not_there(console: Console, name: str) -> None:
    before = rows_of(console.database)
    for who, estate in OUTSIDERS:
        response = call(console, OPERATIONS[name], who, estate)
        if response.status_code == 403:
            # Said before anything is looked for: it is about the caller's own role.
            assert who.role.value in error_in(response)["message"]
        else:
            assert response.status_code == 404, (who, estate, response.text)
            assert estate.name not in response.text
    assert rows_of(console.database) == before


@pytest.mark.parametrize("name", WITH_IDS)
def test_the_same_request_by_its_owner_finds_it(console: Console, name: str) -> None:
    console.agent_of(BETAS)
    response = call(console, OPERATIONS[name], ALICE if name in BY_PROVIDER else CHARLIE, BETAS)
    assert response.status_code == OWNERS_ANSWER.get(name, 200), response.text


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(("who", "visible"), SEES, ids=[who.user_name for who, _visible in SEES])
def test_a_list_counts_and_shows_only_what_is_the_callers(
    console: Console, name: str, who: Person, visible: set[Estate]
) -> None:
    operation = OPERATIONS[name]
    path = operation.path.removeprefix(BASE) + QUERIES.get(name, "")
    response = console.call("GET", path, who, headers={"X-Client-Version": "3.6.1"})
    if response.status_code == 403:
        return  # `test_roles` knows whom it admits.
    assert response.status_code == 200
    for hidden in set(ESTATES) - visible:
        assert hidden.name not in response.text
        assert not [each for each in hidden.all_uids() if each in response.text]
    meta: dict[str, Any] = response.json().get("meta", {})
    if name in {"GetAsyncActionsInfo", "GetAsyncActionsConfig"}:
        return  # Everybody's own: `test_async_actions` knows.
    if name in NOT_OF_ESTATES:
        return
    if name in {"GetLocations", "GetCompaniesAggregatedUsage"}:
        assert {estate.location for estate in ESTATES if estate.location in response.text} <= {
            estate.location for estate in visible
        }
        return
    total = len(visible) * (2 if name in TWO_OF_EACH else 1)
    assert meta["pagingInfo"] == {"total": total, "count": total, "offset": 0}
    for own in visible:
        assert [each for each in own.all_uids() if each in response.text]


@pytest.mark.parametrize(
    ("who", "organizations", "companies"),
    [
        (ALICE, {"The provider", "North", "Acme", "Beta", "Gamma"}, {"Acme", "Beta", "Gamma"}),
        (PEOPLE[Role.PORTAL_OPERATOR], {"Acme", "Beta", "Gamma"}, {"Acme", "Beta", "Gamma"}),
        (NORA, {"North", "Gamma"}, {"Gamma"}),
        (BOB, {"Acme"}, {"Acme"}),
        (CHARLIE, {"Beta"}, {"Beta"}),
        (LARA, {"Acme"}, {"Acme"}),
        (PEOPLE[Role.COMPANY_LOCATION_ADMINISTRATOR], set[str](), set[str]()),
        (PEOPLE[Role.SITE_ADMINISTRATOR], set[str](), set[str]()),
    ],
)
def test_a_provider_knows_its_customers_and_they_know_only_themselves(
    console: Console, who: Person, organizations: set[str], companies: set[str]
) -> None:
    assert {row["name"] for row in console.data("/organizations", who)} == organizations
    assert {row["name"] for row in console.data("/organizations/companies", who)} == companies


def test_a_company_sees_its_own_users_and_nobody_elses(console: Console) -> None:
    of_acme = {person.user_name for person in EVERYBODY if person.organization_uid == BOB.organization_uid}
    assert {row["userName"] for row in console.data("/users", BOB)} == of_acme
    assert [row["userName"] for row in console.data("/users", CHARLIE)] == ["charlie"]


def test_two_tenants_whose_jobs_have_one_id_each_get_their_own(console: Console) -> None:
    # Ids that backup servers give are theirs: two servers may give the same.
    with console.database.writing() as connection:
        for table in (jobs, file_share_copy_jobs):
            same = update(table).where(table.c.instance_uid == BETAS.copy_job)
            connection.execute(same.values(instance_uid=ACMES.copy_job))
    assert console.data(f"{JOBS}/{ACMES.copy_job}", CHARLIE)["uniqueUid"] == BETAS.copy_job_unique
    assert console.data(f"{COPY_JOBS}/{ACMES.copy_job}", CHARLIE)["uniqueUid"] == BETAS.copy_job_unique
    assert console.data(f"{JOBS}/{ACMES.copy_job}", BOB)["uniqueUid"] == ACMES.copy_job_unique
    for unique in (ACMES.copy_job_unique, BETAS.copy_job_unique):
        assert console.data(f"{JOBS}/{unique}", ALICE)["uniqueUid"] == unique


def test_the_id_at_the_backup_server_counts_before_the_consoles(console: Console) -> None:
    with console.database.writing() as connection:
        for table in (jobs, file_share_jobs):
            same = update(table).where(table.c.unique_uid == BETAS.job_unique)
            connection.execute(same.values(instance_uid=ACMES.job_unique))
    path = f"{JOBS}/fileShareJobs/{ACMES.job_unique}"
    assert console.data(path, ALICE)["uniqueUid"] == BETAS.job_unique
    assert console.data(path, BOB)["uniqueUid"] == ACMES.job_unique


def test_a_job_assigned_to_a_company_is_seen_by_it_but_the_backup_server_is_not(console: Console) -> None:
    with console.database.writing() as connection:
        for table, column in ((jobs, jobs.c.unique_uid), (file_share_jobs, file_share_jobs.c.unique_uid)):
            mine = update(table).where(column == PROVIDERS.job_unique)
            connection.execute(mine.values(mapped_organization_uid=CHARLIE.organization_uid))
    assert {row["uniqueUid"] for row in console.data(JOBS, CHARLIE)} >= {PROVIDERS.job_unique, BETAS.job_unique}
    assert PROVIDERS.point in {row["instanceUid"] for row in console.data(_points(), CHARLIE)}
    assert console.refuses(404, "GET", f"/infrastructure/backupServers/{PROVIDERS.server}", CHARLIE)
    # A restore writes to that machine: seeing the job is not enough for it.
    restore = f"{_points()}/{PROVIDERS.point}/restore"
    assert console.refuses(404, "POST", restore, CHARLIE, {"targetPath": "/restored"})


def _points() -> str:
    return "/protectedWorkloads/fileShares/restorePoints"


@pytest.mark.parametrize("text", ["nothing", "%00", "%2e%2e", "1", uid("nothing") + "x", "٣", "{}"])
def test_an_id_that_is_none_is_not_there_either(quiet_console: Console, text: str) -> None:
    quiet_console.refuses(404, "GET", f"{JOBS}/{text}", ALICE)
    quiet_console.refuses(404, "GET", f"/organizations/companies/{text}", ALICE)


def test_an_id_is_found_in_any_spelling(quiet_console: Console) -> None:
    for text in (ACMES.job.upper(), ACMES.job.replace("-", "")):
        assert quiet_console.data(f"{JOBS}/{text}", BOB)["instanceUid"] == ACMES.job
