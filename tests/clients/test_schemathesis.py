"""What schemathesis makes up from our own description: right and wrong requests, each answered as it says."""

import base64
import json
import shutil
import ssl
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tandem.api.description.openapi import document
from tandem.api.http.operations import FORM_TYPE
from tandem.api.routes import BASE, ROUTES
from tandem.sealing import write_private
from tests.people import ACMES, ALICE, BOB, PASSWORD, PROVIDERS, Person
from tests.running import Console, Program, until

SECONDS_MAX = 400
# All of it takes more than a minute; what fits into this.
COVERAGE_SECONDS = 20
pytestmark = pytest.mark.timeout(SECONDS_MAX)
# Whoever tries everything is not to be slowed down.
SETTINGS = {f"TANDEM_REQUESTS_PER_MINUTE{suffix}": "1000000000" for suffix in ("_USER", "_ADDRESS")}
FLAGS = [
    *("--workers", "1", "--no-shrink", "--no-color", "--continue-on-failure"),
    # Whose address is too long may find the connection closed while he still sends.
    *("--request-retries", "5", "--request-timeout", "30"),
    *("--generation-deterministic", "--suppress-health-check", "all", "--warnings", "off"),
]

# What is there, so that more is learned than that nothing is there.
KNOWN = {
    "actionId": PROVIDERS.action,
    "backupServerUid": ACMES.server,
    "companyUid": ACMES.organization_uid,
    "credentialsUid": ACMES.credentials,
    "fileShareUid": ACMES.share,
    "jobUid": ACMES.job,
    "locationUid": ACMES.location,
    "organizationUid": ACMES.organization_uid,
    "passwordUid": ACMES.encryption_password,
    "proxyUid": ACMES.agent,
    "repositoryUid": ACMES.first,
    "restorePointUid": ACMES.point,
    "sessionUid": ACMES.session,
    "userUid": BOB.uid,
}

# A job of the other kind is not there for these.
OF_COPY_JOBS = [each.operation_id for each in ROUTES if "/fileShareCopyJobs/{jobUid}" in each.path]

# Each operation has these, and the other test tries them: to vary each of their members for each list takes an hour.
TRIED_ELSEWHERE = {"filter", "sort", "select", "XRequestId", "XRequestIdOfRead", "XClientVersion"}

# Each part of a request is right, but they do not go together, which no schema says: 400.
POSITIVE = "positive_data_acceptance"
# What is taken though it is not what is described: clients in use send it.
NEGATIVE = "negative_data_rejection"
TEXTS = "clients in use send numbers for texts"
# What an answer is described as.
CONFORMITY = "response_schema_conformance"
# An address that is too long is refused by whoever reads it first, 414.
ANSWERS = {
    POSITIVE: '"2xx", "3xx", "401", "403", "404", "409", "414", "429"',
    NEGATIVE: '"400", "401", "403", "404", "405", "406", "409", "414", "415", "422", "429"',
}
# Which check does not hold for which operation, and why.
EXCLUDED: dict[str, dict[str, str]] = {
    "GetActivityLogs": {POSITIVE: "a range has an end after its start"},
    "GetJobSessionHeatmap": {POSITIVE: "a range has an end after its start, not too far away"},
    "GetCompaniesAggregatedUsage": {POSITIVE: "the same", NEGATIVE: "of an instant in place of a date, the day counts"},
    "GetCompanyAggregatedUsage": {POSITIVE: "the same", NEGATIVE: "the same"},
    "CreateBackupServerEncryptionPassword": {
        POSITIVE: "which characters can be printed, no pattern says",
        NEGATIVE: TEXTS,
    },
    "CreateBackupServerFileShareJob": {POSITIVE: "a kind of schedule needs its own options; what is named must exist"},
    "CreateBackupServerFileShareCopyJob": {POSITIVE: "the same"},
    "GetFileShareRestorePointFiles": {POSITIVE: "which paths stay within the share, and that one is enough"},
    "DownloadFileShareRestorePointFile": {POSITIVE: "the same"},
    "RestoreFileShareRestorePoint": {POSITIVE: "which paths stay within the share, no schema says"},
    "SearchFileShareRestorePointFiles": {POSITIVE: "a pattern of names holds no slash and more than spaces"},
    "SearchFileShareFiles": {POSITIVE: "the same"},
    "ChangeBackupRepositoryAccess": {POSITIVE: "which kind of place needs an account, and which a host key"},
    "GetBackupServerFileShareCopyJobForecastByServer": {POSITIVE: "what is named must exist"},
    "PatchBackupServerLimits": {
        POSITIVE: "time zones have names; rates are shared by a number of runs; an hour is open"
    },
    "PatchBackupRepositoryLimits": {POSITIVE: "the same"},
    "GetBackupServerJobEvents": {CONFORMITY: "a stream is described as one text, which is compared with each event"},
    "CreateBackupRepository": {POSITIVE: "an existing one needs its password; which characters can be printed"},
    "OAuth2IssueToken": {POSITIVE: "each grant needs fields of its own, and secrets"},
    "AddTotpLogin": {POSITIVE: "a code fits a secret and an instant"},
    "CompleteResetPasswordRequest": {POSITIVE: "a code was sent by mail"},
    "CreateBackupServerEnrolmentToken": {NEGATIVE: TEXTS},
    "CreateResetPasswordRequest": {NEGATIVE: TEXTS},
    "UpdateUserLogin": {NEGATIVE: TEXTS},
    "CreateBackupServerStandardCredentials": {NEGATIVE: TEXTS},
    "CreateBackupServerLinuxCredentials": {NEGATIVE: TEXTS},
    "CreateCompany": {NEGATIVE: TEXTS},
    "CreateReseller": {NEGATIVE: TEXTS},
    "CreateLocation": {NEGATIVE: TEXTS},
    "CreateUser": {NEGATIVE: TEXTS},
    "PatchOrganization": {NEGATIVE: TEXTS},
    "PatchCompany": {NEGATIVE: TEXTS},
    "PatchLocation": {NEGATIVE: TEXTS},
    "PatchUser": {NEGATIVE: TEXTS},
}

# A stream of events would go on for as long as it is asked to: here it tells how things are, and ends.
ENDLESS = "GetBackupServerJobEvents"


@pytest.fixture
def full_console(file_with_people: Path, tmp_path: Path) -> Generator[Console]:
    """Give a console in a process of its own, with everybody's data."""
    console = Console(tmp_path, settings=SETTINGS)
    data = console.data / "console"
    data.mkdir(parents=True)
    write_private(data / "seal.key", base64.b64encode(b"s" * 32).decode() + "\n")
    shutil.copy(file_with_people, data)
    Program.start(console)
    try:
        yield console
    finally:
        console.end()


def test_each_parameter_and_member_is_taken_as_described(full_console: Console) -> None:
    described = document(ROUTES, BASE)
    for operations in described["paths"].values():
        for operation in operations.values():
            operation["parameters"] = [
                each
                for each in operation["parameters"]
                if each.get("name", each.get("$ref", "").rpartition("/")[2]) not in TRIED_ELSEWHERE
            ]
    parameters = {f"path.{name}": uid for name, uid in KNOWN.items()}
    flags = ("--phases", "coverage", "--max-time", str(COVERAGE_SECONDS))
    holds(full_console, ALICE, *flags, described=described, parameters=parameters)


def test_whatever_is_made_up_and_whatever_follows_is_answered_as_described(full_console: Console) -> None:
    told = holds(full_console, ALICE, "--phases", "examples,fuzzing,stateful", "--max-examples", "1")
    # All but the one that gives the description, which it has used already.
    described = [operation for operation in ROUTES if operation.path.startswith(BASE)]
    assert f"Tested: {len(described) - 1}" in told


def holds(
    console: Console,
    who: Person,
    *flags: str,
    described: dict[str, Any] | None = None,
    parameters: dict[str, str] | None = None,
) -> str:
    """Let schemathesis try a console as somebody; gives its summary, and fails with it if a check does not hold."""
    token = until(lambda: _token(console, who))
    scratch = console.folder / "schemathesis"
    scratch.mkdir()
    (scratch / "schemathesis.toml").write_text(_settings(parameters or {}))
    where = [f"{console.url}{BASE}/openapi.json"]
    if described is not None:
        (scratch / "openapi.json").write_text(json.dumps(described))
        where = ["openapi.json", "--url", console.url + BASE]
    command = [str(Path(sys.executable).with_name("schemathesis")), "run", *where, *FLAGS, *flags]
    command += ["--tls-verify", str(_certificate(console)), "--header", f"Authorization: Bearer {token}"]
    done = subprocess.run(command, cwd=scratch, capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2000:]
    assert "request failed" not in console.logged()
    return done.stdout


def _settings(parameters: dict[str, str]) -> str:
    lines = ["checks.enabled = true"]
    lines += [f"checks.{check}.expected-statuses = [{statuses}]" for check, statuses in ANSWERS.items()]
    lines += ["[parameters]", *(f'"{name}" = "{value}"' for name, value in parameters.items())]
    for operation_id, reasons in EXCLUDED.items():
        lines += ["[[operations]]", f'include-operation-id = "{operation_id}"']
        lines += [f"checks.{check}.enabled = false" for check in reasons]
    lines += ["[[operations]]", f'include-operation-id = "{ENDLESS}"', 'parameters = { "query.seconds" = 0 }']
    for operation_id in OF_COPY_JOBS if parameters else ():
        lines += ["[[operations]]", f'include-operation-id = "{operation_id}"']
        lines += [f'parameters = {{ "path.jobUid" = "{ACMES.copy_job}" }}']
    return "\n".join(lines) + "\n"


def _certificate(console: Console) -> Path:
    return console.data / "console" / "certificate.pem"


def _token(console: Console, who: Person) -> str:
    """Sign in; gives nothing as long as the console does not answer."""
    if not _certificate(console).exists():
        return ""
    form = {"grant_type": "password", "username": who.user_name, "password": PASSWORD}
    try:
        with httpx.Client(verify=ssl.create_default_context(cafile=_certificate(console))) as client:
            answer = client.post(f"{console.url}{BASE}/token", data=form, headers={"Content-Type": FORM_TYPE})
    except httpx.TransportError:
        return ""
    return answer.json()["access_token"]
