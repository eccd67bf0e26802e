"""Who may call which operation: every route, nobody and each of the sixteen roles, from one table."""

import pytest

from tandem.api.routes import ROUTES, Operation
from tandem.domain.identity import Contract, Role
from tests.consoles import Console, error_in
from tests.people import PEOPLE, uid
from tests.roles import ADMINISTRATORS_3, ALL_16, OLDEST_5, PORTAL_1, READ_11, READ_13, USERS_11, WRITE_10

PUBLIC = "public"
AGENTS = "agents only"
Admitted = frozenset[Role] | str

# By operation id; where the operator's choice of the contract makes a difference, for the oldest and the current one.
FAMILY = (OLDEST_5, READ_13)
FAMILY_WRITE = (OLDEST_5, WRITE_10)
EXPECTED: dict[str, Admitted | tuple[Admitted, Admitted]] = {
    "OAuth2IssueToken": PUBLIC,
    "GetAboutInformation": ADMINISTRATORS_3,
    "GetOrganizations": READ_13,
    "GetOrganization": READ_13,
    "GetCompanies": READ_13,
    "GetCompany": READ_13,
    "CreateCompany": ADMINISTRATORS_3,
    "CreateReseller": PORTAL_1,
    "GetUsers": USERS_11,
    "GetUser": USERS_11,
    "GetCurrentUser": ALL_16,
    "CreateUser": WRITE_10,
    "GetLogins": ALL_16,
    "GetUserLogins": ALL_16,
    "GetUserLogin": ALL_16,
    "UpdateUserLogin": ALL_16,
    "DeleteUserLogin": ALL_16,
    "AddApiKeyLogin": ALL_16,
    "AddTotpLogin": ALL_16,
    "RevokeAuthenticationToken": ALL_16,
    "GenerateTotpSecret": ALL_16,
    "GetOrganizationApiKeys": WRITE_10,
    "CreateResetPasswordRequest": PUBLIC,
    "CompleteResetPasswordRequest": PUBLIC,
    "GetAsyncActionsInfo": ALL_16,
    "GetAsyncActionsConfig": ALL_16,
    "GetAsyncActionInfo": ALL_16,
    "CancelAsyncAction": ALL_16,
    "AttachRequestDataToAsyncAction": ALL_16,
    "GetAsyncActionResult": ALL_16,
    "ClearAsyncActionResult": ALL_16,
    "PatchOrganization": OLDEST_5,
    "PatchCompany": ADMINISTRATORS_3,
    "DeleteCompany": ADMINISTRATORS_3,
    "GetCompanySiteResources": READ_11,
    "GetCompanySites": READ_11,
    "GetCompaniesAggregatedUsage": READ_13,
    "GetCompanyAggregatedUsage": READ_13,
    "GetLocations": READ_13,
    "CreateLocation": OLDEST_5,
    "GetLocation": READ_13,
    "PatchLocation": OLDEST_5,
    "DeleteLocation": OLDEST_5,
    "GetUsersByLocation": USERS_11,
    "GetLocationsByOrganization": READ_13,
    "GetUsersByOrganization": USERS_11,
    "PatchUser": WRITE_10,
    "DeleteUser": WRITE_10,
    "GetUserLocations": USERS_11,
    "SetUserToLocation": WRITE_10,
    "DeleteUserFromLocation": WRITE_10,
    "GetBackupRepositoryVerification": READ_13,
    "SetBackupRepositoryVerification": WRITE_10,
    "VerifyBackupRepository": WRITE_10,
    "HealBackupRepository": WRITE_10,
    "GetFileShareCopyJobProof": FAMILY,
    "SetFileShareCopyJobProof": FAMILY_WRITE,
    "DrillFileShareCopyJob": FAMILY_WRITE,
    "GetCompanyProtectionReport": READ_13,
    "GetProtectionReportKeys": PUBLIC,
    "GetBackupServers": READ_13,
    "GetBackupServer": READ_13,
    "CreateBackupServerEnrolmentToken": OLDEST_5,
    "ForceCollectBackupServer": WRITE_10,
    "GetBackupProxies": READ_13,
    "GetBackupProxiesByServer": READ_13,
    "GetBackupProxy": READ_13,
    "GetBackupServerCredentialsByServer": READ_13,
    "CreateBackupServerLinuxCredentials": WRITE_10,
    "CreateBackupServerStandardCredentials": WRITE_10,
    "DeleteBackupServerCredentials": WRITE_10,
    "GetBackupServerEncryptionPasswordsByServer": READ_13,
    "CreateBackupServerEncryptionPassword": WRITE_10,
    "DeleteBackupServerEncryptionPassword": WRITE_10,
    "GetBackupRepositories": READ_13,
    "GetBackupRepositoriesByServer": READ_13,
    "GetBackupRepository": READ_13,
    "CreateBackupRepository": WRITE_10,
    "DownloadBackupRepositoryRecoveryKit": WRITE_10,
    "GetBackupRepositorySnapshots": READ_13,
    "CollectBackupRepositorySnapshots": WRITE_10,
    "GetBackupServerJobAdoption": READ_13,
    "AdoptBackupServerJobPoints": WRITE_10,
    "GetRemovedRepositories": PORTAL_1,
    "DownloadRemovedRepositoryRecoveryKit": PORTAL_1,
    "ChangeBackupRepositoryAccess": WRITE_10,
    "GetBackupServerJobs": READ_13,
    "GetBackupServerJobByServer": READ_13,
    "GetBackupServerJob": READ_13,
    "PatchBackupServerJob": WRITE_10,
    "DeleteBackupServerJob": WRITE_10,
    "StartBackupServerJob": WRITE_10,
    "StopBackupServerJob": WRITE_10,
    "RetryBackupServerJob": WRITE_10,
    "ReleaseBackupServerJobHold": WRITE_10,
    "AssignBackupServerJob": PORTAL_1,
    "UnassignBackupServerJob": PORTAL_1,
    "GetBackupServerJobSessions": READ_13,
    "GetBackupServerFileShareJobs": FAMILY,
    "GetBackupServerFileShareJobsObjects": FAMILY,
    "GetBackupServerFileShareJob": FAMILY,
    "GetBackupServerFileShareJobObjects": FAMILY,
    "GetBackupServerFileShareJobsByServer": FAMILY,
    "GetBackupServerFileShareJobsObjectsByServer": FAMILY,
    "CreateBackupServerFileShareJob": FAMILY_WRITE,
    "GetBackupServerFileShareCopyJobs": FAMILY,
    "GetBackupServerFileShareCopyJobsObjects": FAMILY,
    "GetBackupServerFileShareCopyJob": FAMILY,
    "GetBackupServerFileShareCopyJobObjects": FAMILY,
    "GetBackupServerFileShareCopyJobsByServer": FAMILY,
    "GetBackupServerFileShareCopyJobsObjectsByServer": FAMILY,
    "CreateBackupServerFileShareCopyJob": FAMILY_WRITE,
    "PatchBackupServerFileShareJob": FAMILY_WRITE,
    "GetBackupServerFileShareJobRetentionPreview": FAMILY,
    "PatchBackupServerFileShareCopyJob": FAMILY_WRITE,
    "GetBackupServerFileShareCopyJobRetentionPreview": FAMILY,
    "GetBackupServerFileShareCopyJobForecast": FAMILY,
    "GetBackupServerFileShareCopyJobForecastByServer": FAMILY,
    "SetBackupRepositoryImmutability": WRITE_10,
    "ResetFileShareRestorePointCopy": WRITE_10,
    "GetSessions": READ_13,
    "GetSession": READ_13,
    "GetSessionLog": READ_13,
    "GetBackupServerJobEvents": READ_13,
    "GetBackupServerLimits": READ_13,
    "PatchBackupServerLimits": WRITE_10,
    "GetBackupRepositoryLimits": READ_13,
    "PatchBackupRepositoryLimits": WRITE_10,
    "GetProtectedOnPremisesFileShares": READ_13,
    "GetProtectedOnPremisesFileShare": READ_13,
    "GetFileSharesByServer": READ_13,
    "CreateFileShare": WRITE_10,
    "GetFileShareSessions": READ_13,
    "GetJobSessionHeatmap": READ_13,
    "GetActivityLogs": USERS_11,
    "GetProtectedFileSharesBackups": READ_13,
    "GetProtectedFileSharesBackupsByFileShare": READ_13,
    "GetProtectedFileSharesRestorePoints": READ_13,
    "GetProtectedFileShareRestorePoints": READ_13,
    "GetProtectedFileShareRestorePoint": READ_13,
    "RestoreFileShareRestorePoint": WRITE_10,
    "GetFileShareRestorePointFiles": WRITE_10,
    "SearchFileShareRestorePointFiles": WRITE_10,
    "SearchFileShareFiles": WRITE_10,
    "DownloadFileShareRestorePointFile": WRITE_10,
    "SendToConsole": AGENTS,
    "EnrolAgent": PUBLIC,
    "ChallengeAgent": PUBLIC,
    "OpenAgentSession": PUBLIC,
    "ExchangeWithAgent": AGENTS,
    "GetOpenApi": PUBLIC,
    "GetDocumentation": PUBLIC,
    "GetDocumentationStart": PUBLIC,
    "GetDocumentationFile": PUBLIC,
    "GetLive": PUBLIC,
    "GetReady": PUBLIC,
    "GetMetrics": PUBLIC,
}
OPERATIONS = {operation.operation_id: operation for operation in ROUTES}
CONTRACTS = [(Contract.OLDEST, name) for name in OPERATIONS] + [
    (Contract.CURRENT, name) for name in OPERATIONS if isinstance(EXPECTED.get(name), tuple)
]


def admitted(contract: Contract, name: str) -> Admitted:
    expected = EXPECTED[name]
    return expected[contract is Contract.CURRENT] if isinstance(expected, tuple) else expected


def path_of(operation: Operation) -> str:
    """Give the operation's path with ids of nothing."""
    names = [part for part in operation.path.split("/") if part.startswith("{")]
    path = operation.path
    for name in names:
        path = path.replace(name, uid("nothing"))
    return path


def call(console: Console, operation: Operation, role: Role | None) -> tuple[int, str, dict[str, str]]:
    headers = {"Authorization": f"Bearer {console.services.checker.sign(PEOPLE[role].uid)}"} if role else {}
    response = console.request(operation.method, path_of(operation), headers=headers)
    if response.status_code in {401, 403}:
        error = error_in(response)
        assert (error["type"], error["code"]) == ("security", response.status_code)
        return response.status_code, error["message"], dict(response.headers)
    return response.status_code, "", dict(response.headers)


def test_every_operation_has_an_expectation_and_none_is_left_over() -> None:
    assert set(EXPECTED) == set(OPERATIONS)
    assert len(ROUTES) == len(OPERATIONS)


@pytest.mark.parametrize(("contract", "name"), CONTRACTS)
def test_an_operation_admits_its_roles_and_no_others(quiet_console: Console, contract: Contract, name: str) -> None:
    console = Console(quiet_console.database, contract)
    answers = {role: call(console, OPERATIONS[name], role) for role in Role}
    refused = {role: status for role, (status, _message, _headers) in answers.items() if status in {401, 403}}
    match admitted(contract, name):
        case "public":
            assert refused == {}
        case "agents only":
            assert refused == dict.fromkeys(Role, 401)
        case roles:
            assert refused == dict.fromkeys((role for role in Role if role not in roles), 403)
            for role in refused:
                _status, message, _headers = answers[role]
                assert role in message
                assert name in message


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_nobody_gets_in_without_a_token(quiet_console: Console, name: str) -> None:
    status, message, headers = call(quiet_console, OPERATIONS[name], None)
    if admitted(Contract.OLDEST, name) == PUBLIC:
        assert status not in {401, 403}
    else:
        assert status == 401
        assert "/token" in message or "agent" in message
        assert headers["www-authenticate"] == "Bearer"
