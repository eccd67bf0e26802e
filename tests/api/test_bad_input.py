"""Bad input: told by field, value and what is allowed, and nothing has happened. Every operation that takes a body."""

from collections.abc import AsyncGenerator, Iterable
from typing import Any

import httpx
import msgspec
import pytest

from tandem.api.app import BODY_BYTES_MAX
from tandem.api.routes import BASE, ROUTES
from tandem.domain.retention import RETENTION_MAX
from tests.consoles import JOBS, Console, error_in, rows_of
from tests.people import ACME, ACMES, ALICE, BETA, BETAS, BOB, NORTH, PROVIDER, Person, uid

pytestmark = pytest.mark.embedded_only

SERVER = f"/infrastructure/backupServers/{ACMES.server}"
CREDENTIALS = {"userName": "new", "password": "long enough"}

JOB = {"name": "new", "targetRepositoryUid": ACMES.second, "fileShareUid": ACMES.share}
COPY_JOB = {"name": "new", "targetRepositoryUid": ACMES.first, "sourceFileShareJobUid": ACMES.job}

# Operation id → path, who may call it, and a body that is right but for what a test changes.
CREATES: dict[str, tuple[str, Person, dict[str, Any]]] = {
    "CreateCompany": (
        "/organizations/companies",
        ALICE,
        {"organizationInput": {"name": "New"}, "ownerCredentials": CREDENTIALS},
    ),
    "CreateReseller": ("/organizations/resellers", ALICE, {"organizationInput": {"name": "New"}}),
    "CreateUser": (
        "/users",
        ALICE,
        {"organizationUid": ACME, "role": "CompanyAdministrator", "profile": {}, "credentials": CREDENTIALS},
    ),
    "CreateLocation": ("/organizations/locations", BOB, {"organizationUid": ACME, "name": "New", "quotaGb": 5}),
    "CreateBackupServerEnrolmentToken": ("/infrastructure/backupServers/enrolmentTokens", BOB, {"name": "new"}),
    "CreateBackupRepository": (f"{SERVER}/repositories", BOB, {"name": "new", "path": "/new"}),
    "CreateBackupServerStandardCredentials": (
        f"{SERVER}/credentials/standard",
        BOB,
        {"username": "reader", "password": "secret"},
    ),
    "CreateBackupServerLinuxCredentials": (f"{SERVER}/credentials/linux", BOB, {"username": "root"}),
    "CreateBackupServerEncryptionPassword": (
        f"{SERVER}/encryptionPasswords",
        BOB,
        {"hint": "of 2026", "password": "secret"},
    ),
    "CreateFileShare": (f"{SERVER}/fileShares", BOB, {"name": "new", "path": "/new"}),
    "CreateBackupServerFileShareJob": (f"{SERVER}/jobs/fileShareJobs", BOB, JOB),
    "CreateBackupServerFileShareCopyJob": (f"{SERVER}/jobs/fileShareCopyJobs", BOB, COPY_JOB),
    "RestoreFileShareRestorePoint": (
        f"/protectedWorkloads/fileShares/restorePoints/{ACMES.point}/restore",
        BOB,
        {"targetPath": "/restored"},
    ),
    "VerifyBackupRepository": (f"{SERVER}/repositories/{ACMES.first}/verify", BOB, {}),
    "DrillFileShareCopyJob": (f"{JOBS}/fileShareCopyJobs/{ACMES.copy_job}/drill", BOB, {}),
}
PATCH = f"{JOBS}/{ACMES.job}"
OTHERS_WITH_A_BODY = {
    # `test_adoption` and `test_point_files` have what is wrong with these.
    "AdoptBackupServerJobPoints",
    "SendToConsole",
    "ChangeBackupRepositoryAccess",
    "AttachRequestDataToAsyncAction",
    "SetBackupRepositoryVerification",
    "SetFileShareCopyJobProof",
    "PatchBackupServerJob",
    # `test_retention` has what is wrong with these.
    "PatchBackupServerFileShareCopyJob",
    "PatchBackupServerFileShareJob",
    "SetBackupRepositoryImmutability",
    "PatchOrganization",
    "PatchCompany",
    "PatchLocation",
    "PatchBackupServerLimits",
    "PatchBackupRepositoryLimits",
    "PatchUser",
    "OAuth2IssueToken",
    "EnrolAgent",
    "OpenAgentSession",
    "ExchangeWithAgent",
    "UpdateUserLogin",
    "CreateResetPasswordRequest",
    "CompleteResetPasswordRequest",
}
WITHOUT_A_BODY = {
    "CollectBackupRepositorySnapshots",
    "DownloadBackupRepositoryRecoveryKit",
    "DownloadRemovedRepositoryRecoveryKit",
    "HealBackupRepository",
    "SetUserToLocation",
    "AssignBackupServerJob",
    "ChallengeAgent",
    "ForceCollectBackupServer",
    "ResetFileShareRestorePointCopy",
    "RetryBackupServerJob",
    "ReleaseBackupServerJobHold",
    "StartBackupServerJob",
    "StopBackupServerJob",
    "AddApiKeyLogin",
    "AddTotpLogin",
}

# A whole number is taken as text, and text as a number or a flag: clients in use send both.
NO_TEXT: list[object] = [1.5, True, None, [], {}]
NO_NAME: list[object] = [*NO_TEXT, "", " ", "\t\n", "x" * 256, "a\0b", "\0"]
NO_UID: list[object] = [*NO_TEXT, "", "nothing", uid("nothing") + "0", "٣" * 32, "\0"]
NO_COUNT: list[object] = [
    0,
    -1,
    RETENTION_MAX + 1,
    2**31,
    2**63,
    2**64,
    10**30,
    1.5,
    True,
    None,
    [],
    {},
    "many",
    "\0",
    "1.5",
    " 5",
    "٣",
]
NO_FLAG: list[object] = [1, 0, "yes", "", None, [], {}]
NO_SHARE_PATH: list[object] = ["C:\\share", "//host", "\\\\host", "//host/a/../b", "//-o/a", "//h/a:b", "h:/../a"]
NO_MASKS: list[object] = [
    "x",
    1,
    None,
    {},
    [""],
    ["/"],
    ["/a/../b"],
    ["/**"],
    ["/a\0"],
    ["/" + "x" * 255],
    ["/a"] * 101,
]
NO_PATH: list[object] = [
    *NO_TEXT,
    "",
    "relative",
    "./relative",
    "..",
    "/srv/../etc",
    "/..",
    "/",
    "//",
    "/.",
    "/" + "x" * 4096,
    "/a\0b",
    "\\\\server\\share",
    "C:\\share",
]
NO_PASSWORD: list[object] = [*(value for value in NO_TEXT if value is not None), "", "short", "x" * 1025]
TOO_LONG: list[object] = [*NO_TEXT[:2], [], {}, "x" * 2001, "a\0b"]
OTHERS = [uid("nothing"), BETAS.server]
NO_SECRET: list[object] = [1.5, True, [], {}, "x" * 1025, "a\0b"]
NO_OTHERS: list[object] = ["nothing", "", 1, [], {}, *OTHERS, BETAS.credentials, BETAS.encryption_password]
CREDENTIALS_FIELDS: list[tuple[str, Iterable[object]]] = [
    ("username", [*NO_NAME]),
    ("description", TOO_LONG),
    ("mappedOrganizationUid", [*NO_OTHERS, BETA, PROVIDER]),
    ("surprise", [1]),
]

JOB_FIELDS: list[tuple[str, Iterable[object]]] = [
    ("name", [*NO_NAME]),
    ("description", TOO_LONG),
    ("targetRepositoryUid", [*NO_UID, *OTHERS, BETAS.first, ACMES.share]),
    ("retention", NO_COUNT),
    ("retentionUnit", ["", "Fortnights", "day", "Days ", "\0", *NO_TEXT]),
    ("scheduleType", ["", "Monthly", "Whenever", *NO_TEXT]),
    ("schedule", [1, "x", []]),
    ("schedule.surprise", [1]),
    ("schedule.timeZone", NO_TEXT),
    ("schedule.dailyScheduleOptions", [1, "x", []]),
    ("schedule.dailyScheduleOptions.time", NO_TEXT),
    ("schedule.dailyScheduleOptions.days[0]", [["Someday"], [1], [None]]),
    ("schedule.dailyScheduleOptions.surprise", [1]),
    ("schedule.periodicallyScheduleOptions.fullPeriod", [0, -1, 10_001, "x", None, 1.5]),
    ("schedule.periodicallyScheduleOptions.kind", ["Days", "", 1, None]),
    ("isEnabled", NO_FLAG),
    ("surprise", [1]),
]
FIELDS: dict[str, list[tuple[str, Iterable[object]]]] = {
    "CreateCompany": [
        ("organizationInput", [1, "x", None, []]),
        ("organizationInput.name", [*NO_NAME]),
        ("organizationInput.notes", TOO_LONG),
        ("organizationInput.email", ["nobody", "a b@example.com", "a@", "@b", "a@b@c", *TOO_LONG]),
        ("companyServices", [1, "x", []]),
        ("companyServices.remoteServices.backupServersManagement.backupServerQuota", ["many", 2**31]),
        ("organizationInput.country", [2**31, -(2**31) - 1, 10**30, 1.5, True, [], {}]),
        ("organizationInput.state", [2**31]),
        ("ownerCredentials", [1, None, []]),
        ("ownerCredentials.userName", [*NO_NAME, " space", "space ", "a\n"]),
        ("ownerCredentials.password", NO_PASSWORD),
        ("resellerUid", ["nothing", 1, *OTHERS, BETA]),
        ("subscriptionPlanUid", ["nothing", "x" * 100, 1]),
        ("isRestAccessEnabled", NO_FLAG),
        ("isAlarmDetectEnabled", NO_FLAG),
    ],
    "CreateReseller": [("organizationInput.name", [*NO_NAME]), ("organizationInput.zipCode", TOO_LONG)],
    "CreateUser": [
        ("organizationUid", [*NO_UID, *OTHERS]),
        ("role", ["", "Unknown", "Administrator", *NO_TEXT]),
        ("profile", [1, "x", []]),
        ("profile.firstName", TOO_LONG),
        ("profile.title", ["Dr", 1, None]),
        ("profile.email", ["nobody"]),
        ("mfaPolicyStatus", ["EnabledByInheritance", "Perhaps", 1]),
        ("backupResource", [{}, 1]),
        ("credentials.userName", [*NO_NAME, " space"]),
        ("credentials.password", NO_PASSWORD),
    ],
    "CreateLocation": [
        ("organizationUid", [*NO_UID, *OTHERS, BETA, PROVIDER]),
        ("name", [*NO_NAME]),
        ("quotaGb", [-1, 2**31, 10**30, 1.5, True, None, [], {}, "many", "\0"]),
    ],
    "CreateBackupServerEnrolmentToken": [
        ("name", [*NO_NAME]),
        ("locationUid", ["nothing", 1, *OTHERS, BETAS.location]),
        ("organizationUid", ["nothing", 1, *OTHERS, BETA, PROVIDER, NORTH]),
        ("backupServerUid", ["nothing", 1, *OTHERS]),
        ("lifetimeMinutes", [0, -1, 7 * 24 * 60 + 1, "x", None, 1.5, 2**64]),
        ("surprise", [1]),
    ],
    "CreateBackupRepository": [
        ("name", [*NO_NAME]),
        ("path", NO_PATH),
        ("password", [[], {}, "", "x" * 1025, "two\nlines", "a\0b", " space", "space "]),
        ("isExisting", NO_FLAG),
        ("isPlainAllowed", NO_FLAG),
        ("credentialsUid", [*NO_OTHERS, ACMES.credentials]),
        ("hostKey", [1, [], "", "nothing", "ssh-ed25519 AAAA"]),
        ("encryptionPasswordUid", NO_OTHERS),
        ("surprise", [1]),
    ],
    "CreateBackupServerStandardCredentials": [
        *CREDENTIALS_FIELDS,
        ("password", [*NO_TEXT, "x" * 1025, "a\0b"]),
    ],
    "CreateBackupServerLinuxCredentials": [
        *CREDENTIALS_FIELDS,
        *((field, NO_SECRET) for field in ("password", "passphrase", "rootPassword")),
        ("privateKey", [*NO_SECRET[:-2], "x" * 20_001, "a\0b"]),
        ("sshPort", [0, -1, 65_536, 2**64, 22.5, "ssh", True, None, [], {}]),
        *((field, NO_FLAG) for field in ("autoElevated", "addToSudoers", "useSu")),
    ],
    "CreateBackupServerEncryptionPassword": [
        ("password", [*NO_TEXT, "", "x" * 1025, "two\nlines", "a\0b", " space", "space "]),
        ("hint", [*NO_TEXT, "", "x" * 2001, "a\0b"]),
        ("uniqueId", [*NO_SECRET[:-2], "", "x" * 256, "a\0b"]),
        ("mappedOrganizationUid", [*NO_OTHERS, BETA, PROVIDER]),
        ("surprise", [1]),
    ],
    "CreateFileShare": [
        ("name", [*NO_NAME]),
        ("path", [*NO_PATH[:-2], *NO_SHARE_PATH]),
        ("inclusionMasks", [*NO_MASKS, ["*.docx"], ["name"]]),
        ("exclusionMasks", NO_MASKS),
        ("credentialsUid", NO_OTHERS),
        ("surprise", [1]),
    ],
    "CreateBackupServerFileShareJob": [
        *JOB_FIELDS,
        ("fileShareUid", [*NO_UID, *OTHERS, BETAS.share, ACMES.first]),
        ("scheduleType", ["Chained"]),
    ],
    "CreateBackupServerFileShareCopyJob": [
        *JOB_FIELDS,
        ("sourceFileShareJobUid", [*NO_UID, *OTHERS, BETAS.job, BETAS.job_unique, ACMES.copy_job]),
        ("targetRepositoryUid", [ACMES.first]),
    ],
    "RestoreFileShareRestorePoint": [
        ("targetPath", NO_PATH),
        ("repositoryUid", ["nothing", 1]),
        ("surprise", [1]),
    ],
    "VerifyBackupRepository": [("isEverything", ["yes", 1]), ("surprise", [1])],
    "DrillFileShareCopyJob": [("files", [0, -1, 1001, 2**31, "all", 1.5]), ("surprise", [1])],
}
GROUPS = [(operation, field, values) for operation, groups in FIELDS.items() for field, values in groups]


def changed(body: dict[str, Any], field: str, value: object) -> dict[str, Any]:
    """Give a body with one member set, by its dotted name; a place in a list stands for the list."""
    name, _, rest = field.removesuffix("[0]").partition(".")
    return {**body, name: changed(body.get(name, {}), rest, value) if rest else value}


def send(console: Console, operation: str, content: object) -> httpx.Response:
    path, who, _body = CREATES[operation]
    return console.call("POST", path, who, json=content)


def unchanged(console: Console) -> Any:
    # An agent that is asked whether a folder is there leaves its answer, and that it was heard.
    return rows_of(console.database, leave_out=["agent_commands", "agent_news", "backup_servers"])


def test_every_operation_with_a_body_is_tried_here() -> None:
    writing = {operation.operation_id for operation in ROUTES if operation.method in {"POST", "PATCH", "PUT"}}
    assert writing == set(CREATES) | OTHERS_WITH_A_BODY | WITHOUT_A_BODY
    assert set(FIELDS) == set(CREATES)


@pytest.mark.parametrize("operation", CREATES)
def test_the_bodies_that_follow_are_wrong_in_one_thing_each(console: Console, operation: str) -> None:
    console.agent_of(ACMES)
    if operation == "CreateBackupServerFileShareCopyJob":
        # The copy's only other repository is taken: a new one.
        made = console.does("POST", f"{SERVER}/repositories", BOB, {"name": "third", "path": "/third"})
        response = send(console, operation, {**COPY_JOB, "targetRepositoryUid": made["instanceUid"]})
    else:
        response = send(console, operation, CREATES[operation][2])
    assert response.status_code == 200, response.text


@pytest.mark.parametrize(("operation", "field", "values"), GROUPS)
def test_a_bad_value_is_told_by_its_field_and_nothing_has_happened(
    console: Console, operation: str, field: str, values: Iterable[object]
) -> None:
    console.agent_of(ACMES)
    body = CREATES[operation][2]
    before = unchanged(console)
    for value in values:
        response = send(console, operation, changed(body, field, value))
        assert response.status_code in {400, 404}, (value, response.text)
        error = error_in(response)
        assert error.get("propertyName") == field, (value, error)
        assert error["message"].startswith(f"{field}: "), (value, error)
        assert error["type"] == "logical"
        assert error["code"] == response.status_code
    assert unchanged(console) == before


@pytest.mark.parametrize(
    ("kind", "options", "field"),
    [
        ("Daily", {"dailyScheduleOptions": {"time": "25:00"}}, "time"),
        ("Daily", {"dailyScheduleOptions": {"time": "22:00\n"}}, "time"),
        ("Daily", {"dailyScheduleOptions": {"time": "\0"}}, "time"),
        ("Daily", {"dailyScheduleOptions": {"kind": "SelectedDays"}}, "days"),
        ("Daily", {"dailyScheduleOptions": {"kind": "SelectedDays", "days": []}}, "days"),
        ("Daily", {"dailyScheduleOptions": {"kind": "Sometimes"}}, "schedule.dailyScheduleOptions.kind"),
        ("Daily", {"timeZone": "Mars/Olympus"}, "timeZone"),
        ("Daily", {"timeZone": "\0"}, "timeZone"),
        ("Periodically", {}, "schedule.periodicallyScheduleOptions"),
        ("Periodically", None, "schedule.periodicallyScheduleOptions"),
    ],
)
@pytest.mark.parametrize("operation", ["CreateBackupServerFileShareJob", "CreateBackupServerFileShareCopyJob"])
def test_a_schedule_that_cannot_be_followed_is_told_by_its_field(
    quiet_console: Console, operation: str, kind: str, options: object, field: str
) -> None:
    response = send(quiet_console, operation, {**CREATES[operation][2], "scheduleType": kind, "schedule": options})
    assert response.status_code == 400, response.text
    assert error_in(response)["propertyName"] == field


@pytest.mark.parametrize("operation", CREATES)
def test_a_member_that_is_missing_is_told_by_name(quiet_console: Console, operation: str) -> None:
    body = CREATES[operation][2]
    for name in body:
        response = send(quiet_console, operation, {other: value for other, value in body.items() if other != name})
        assert response.status_code == 400
        assert error_in(response)["propertyName"] == name


def test_names_of_members_are_taken_in_any_case_as_clients_write_them(console: Console) -> None:
    body = {"ORGANIZATIONINPUT": {"Name": "New"}, "OwnerCredentials": {"username": "new", "PassWord": "long enough"}}
    assert console.does("POST", "/organizations/companies", ALICE, body)["name"] == "New"


# Each of these is already there.
TAKEN: list[tuple[str, str, object]] = [
    ("CreateCompany", "organizationInput.name", "ACME"),
    ("CreateCompany", "ownerCredentials.userName", "Bob"),
    ("CreateReseller", "organizationInput.name", "north"),
    ("CreateUser", "credentials.userName", "BOB"),
    ("CreateLocation", "name", "default LOCATION"),
    ("CreateBackupRepository", "name", "Acme's first repository"),
    ("CreateBackupRepository", "path", "/backup/first"),
    ("CreateBackupRepository", "path", "/backup//first/."),
    ("CreateBackupRepository", "path", "/backup/first/inside"),
    ("CreateBackupRepository", "path", "/backup"),
    ("CreateBackupRepository", "path", "/srv/share"),
    ("CreateBackupRepository", "path", "/srv/share/inside"),
    ("CreateBackupRepository", "path", "/srv"),
    ("CreateFileShare", "name", "Acme's share"),
    ("CreateFileShare", "path", "/srv/share"),
    ("CreateFileShare", "path", "/srv/share/"),
    ("CreateFileShare", "path", "/backup/second"),
    ("CreateFileShare", "path", "/backup/second/data"),
    ("CreateFileShare", "path", "/backup"),
    ("CreateBackupServerFileShareJob", "name", "Acme's job"),
    ("CreateBackupServerFileShareJob", "name", "Acme's copy job"),
    ("CreateBackupServerFileShareCopyJob", "targetRepositoryUid", ACMES.second),
    ("RestoreFileShareRestorePoint", "targetPath", "/backup/first/restored"),
    ("RestoreFileShareRestorePoint", "repositoryUid", uid("nothing")),
    ("RestoreFileShareRestorePoint", "repositoryUid", BETAS.first),
]


@pytest.mark.parametrize(("operation", "field", "value"), TAKEN)
def test_what_is_taken_or_in_the_way_is_a_conflict_told_by_its_field(
    console: Console, operation: str, field: str, value: object
) -> None:
    console.agent_of(ACMES)
    before = unchanged(console)
    response = send(console, operation, changed(CREATES[operation][2], field, value))
    assert response.status_code == 409, response.text
    error = error_in(response)
    shown = {"organizationInput.name": "name"}.get(field, field)
    assert (error["propertyName"], error["type"], error["code"]) == (shown, "logical", 409)
    assert unchanged(console) == before


def test_a_repository_may_have_a_neighbour_with_a_longer_name(console: Console) -> None:
    console.agent_of(ACMES)
    for name in ("/backup/first2", "/srv/share2", "/srv/shar"):
        console.does("POST", f"{SERVER}/repositories", BOB, {"name": name, "path": name})


def raw(console: Console, path: str, content: bytes | AsyncGenerator[bytes], **headers: str) -> httpx.Response:
    """Send a body as it is."""
    who = BOB if path == PATCH else next(who for other, who, _body in CREATES.values() if other == path)
    sent = {"Authorization": f"Bearer {console.services.checker.sign(who.uid)}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return console.request("PATCH" if path == PATCH else "POST", BASE + path, content=content, headers=sent)


PATHS = [path for path, _who, _body in CREATES.values()] + [PATCH]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" ",
        b"{",
        b'{"name": ',
        b"{'name': 'x'}",
        b'{"name": "x"} trailing',
        b"name=x",
        b"<xml/>",
        b"null",
        b"1",
        b'"text"',
        b"true",
        b'{"name": NaN}',
        b'{"name": "\xff\xfe"}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"',
        b"\xef\xbb\xbf{",
        b"[" * 500_000,
        b'{"a":' * 150_000,
        b'{"name": ' + b"[" * 900 + b"]" * 900 + b"}",
        b"[" * 2000 + b"]" * 2000,
    ],
    ids=lambda content: f"{len(content)} bytes, {content[:20]!r}",
)
def test_a_body_that_is_no_json_of_the_right_kind_is_refused(quiet_console: Console, content: bytes) -> None:
    before = rows_of(quiet_console.database)
    for path in PATHS:
        response = raw(quiet_console, path, content)
        assert response.status_code == 400, response.text
        assert error_in(response)["type"] == "logical"
        assert len(response.content) < 2000
    assert rows_of(quiet_console.database) == before


@pytest.mark.parametrize("content", [b"[]", b"[1]", b'[{"name": "x"}]'])
def test_a_list_is_no_resource(quiet_console: Console, content: bytes) -> None:
    for path in PATHS[:-1]:
        assert error_in(raw(quiet_console, path, content))["code"] == 400


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_another_content_type_is_told(quiet_console: Console, content_type: str) -> None:
    for path in PATHS:
        response = raw(quiet_console, path, b"{}", Content_Type=content_type)
        assert response.status_code == 415
        error = error_in(response)
        assert (error["type"], error["code"]) == ("transport", 415)
        assert "application/json" in error["message"]


async def chunks(size: int) -> AsyncGenerator[bytes]:
    for _ in range(size // 2**16):
        yield b" " * 2**16


@pytest.mark.parametrize("path", [*PATHS[:2], PATCH])
def test_a_body_beyond_the_limit_is_refused_however_it_arrives(quiet_console: Console, path: str) -> None:
    too_large = BODY_BYTES_MAX + 2**16
    answers = [
        raw(quiet_console, path, b" " * too_large),
        raw(quiet_console, path, chunks(too_large)),  # without a declared length
        raw(quiet_console, path, b"{}", Content_Length=str(too_large)),  # refused before it is read
    ]
    for response in answers:
        assert response.status_code == 413
        assert error_in(response)["type"] == "transport"
    assert raw(quiet_console, path, chunks(2**17)).status_code == 400
    assert raw(quiet_console, path, b"{}", Content_Length="x").status_code == 400


def patch(console: Console, *operations: object) -> httpx.Response:
    return raw(console, PATCH, msgspec.json.encode(list(operations)))


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ({"op": "replace", "path": "/isEnabled"}, "isEnabled"),
        ({"op": "replace", "path": "/isEnabled", "value": "maybe"}, "isEnabled"),
        ({"op": "replace", "path": "/isEnabled", "value": None}, "isEnabled"),
        ({"op": "replace", "path": "/isEnabled", "value": [True]}, "isEnabled"),
        ({"op": "replace", "path": "/isEnabled", "value": 2}, "isEnabled"),
        ({"op": "replace", "path": "/status", "value": "Success"}, "status"),
        ({"op": "replace", "path": "/status", "value": "None"}, "status"),
        ({"op": "replace", "path": "/status", "value": "Flying"}, "status"),
        ({"op": "replace", "path": "/status", "value": 1}, "status"),
        ({"op": "replace", "path": "/status", "value": "\0"}, "status"),
        ({"op": "replace", "path": "/status", "value": "x" * 10_000}, "status"),
        ({"op": True, "path": "/status", "value": "Running"}, "[0].op"),
        ({"op": "replace", "path": [], "value": "Running"}, "[0].path"),
        ({"path": "/status", "value": "Running"}, "[0].op"),
        ({"op": "replace", "value": "Running"}, "[0].path"),
    ],
)
def test_a_patch_with_a_bad_value_is_told_by_its_member(console: Console, operation: object, field: str) -> None:
    before = rows_of(console.database)
    response = patch(console, {"op": "replace", "path": "/isEnabled", "value": False}, operation)
    assert response.status_code == 400, response.text
    error = error_in(response)
    assert error["propertyName"] == field.replace("[0]", "[1]")
    assert len(error["message"]) < 300
    assert rows_of(console.database) == before


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/name", "value": "x"},
        {"op": "replace", "path": "name", "value": "x"},
        {"op": "replace", "path": "/instanceUid", "value": "x"},
        {"op": "replace", "path": "/isEnabled/x", "value": "true"},
        {"op": "replace", "path": "//isEnabled", "value": "true"},
        {"op": "replace", "path": "", "value": {"isEnabled": False}},
        {"op": "replace", "path": "/", "value": "x"},
        {"op": "replace", "path": "/\0", "value": "x"},
        {"op": "remove", "path": "/isEnabled"},
        {"op": "move", "path": "/isEnabled", "from": "/status"},
        {"op": "frobnicate", "path": "/isEnabled", "value": True},
    ],
    ids=str,
)
def test_a_patch_that_cannot_be_applied_is_told_as_the_contract_does(
    console: Console, operation: dict[str, Any]
) -> None:
    before = rows_of(console.database)
    response = patch(console, {"op": "replace", "path": "/isEnabled", "value": False}, operation)
    assert response.status_code == 400
    error = error_in(response)
    assert (error["code"], error["type"]) == (1001, "logical")
    assert error["failedJsonPatch"] == {name: operation[name] for name in ("value", "path", "op") if name in operation}
    assert rows_of(console.database) == before


def test_a_patch_is_a_list_of_a_bounded_length(console: Console) -> None:
    harmless = {"op": "replace", "path": "/isEnabled", "value": True}
    assert raw(console, PATCH, b"{}").status_code == 400
    assert patch(console, *[harmless] * 101).status_code == 400
    assert patch(console, *[harmless] * 100).status_code == 200
    assert patch(console).status_code == 200


def test_a_whole_number_is_one_however_it_is_written(console: Console) -> None:
    body = {"organizationUid": ACMES.organization_uid, "name": "New", "quotaGb": 5.0}
    assert console.does("POST", "/organizations/locations", ALICE, body)["quotaGb"] == 5
    error = console.refuses(400, "POST", "/organizations/locations", ALICE, body | {"name": "Other", "quotaGb": 5.5})
    assert error["propertyName"] == "quotaGb"


def test_null_is_no_value_of_a_parameter(quiet_console: Console) -> None:
    path = "/eventLogs/activityLogs?userUid=null"
    assert quiet_console.refuses(400, "GET", path, ALICE)["parameterName"] == "userUid"


def test_the_logins_of_a_user_are_given_in_pages(quiet_console: Console) -> None:
    path = f"/users/{BOB.uid}/logins?offset"
    assert quiet_console.data(f"{path}=0", ALICE)
    assert quiet_console.data(f"{path}=1000", ALICE) == []
    assert quiet_console.refuses(400, "GET", f"{path}=2147483648", ALICE)["parameterName"] == "offset"
