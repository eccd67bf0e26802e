"""What clients in use send, to the letter, where it differs from what one would expect of them."""

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest

from tandem.api.routes import BASE, ROUTES, Operation
from tandem.domain.sessions import SessionState
from tests.api.test_bad_input import CREATES
from tests.consoles import COPY_JOBS, FORM, JOBS, Console, error_in, rows_of
from tests.contract.answers import check
from tests.contract.facts import OPERATIONS
from tests.people import ACME, ACMES, ALICE, BOB, LARA, NORA, PASSWORD, PROVIDERS, key_of, uid
from tests.reports import ended

pytestmark = pytest.mark.embedded_only

COMPANIES = "/organizations/companies"
SERVER = f"/infrastructure/backupServers/{ACMES.server}"
JOB = f"{JOBS}/{ACMES.job}"
JSON = {"Content-Type": "application/json"}


def sent_by(
    console: Console, method: str, path: str, content: bytes | None = None, /, **headers: str
) -> httpx.Response:
    """Send bytes as Alice, with these headers beside her token."""
    sent = {"Authorization": f"Bearer {console.services.checker.sign(ALICE.uid)}", "X-Client-Version": "3.6"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    return console.request(method, BASE + path, content=content, headers=sent)


def names(answer: Any) -> list[str]:
    return [row["name"] for row in answer["data"]]


# Signing in


def test_a_password_in_a_form_with_a_version_gives_tokens_that_work(console: Console) -> None:
    form = urlencode({"grant_type": "password", "username": "alice", "password": PASSWORD}).encode()
    headers = {"Content-Type": FORM, "X-Client-Version": "3.6", "Accept": "application/json"}
    answer = console.request("POST", f"{BASE}/token", content=form, headers=headers).json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)
    bearer = {"Authorization": f"Bearer {answer['access_token']}", "X-Client-Version": "3.6"}
    assert console.request("GET", f"{BASE}/users/me", headers=bearer).json()["data"]["userName"] == "alice"


def test_a_key_is_checked_by_asking_what_is_installed(quiet_console: Console) -> None:
    for who, status in {ALICE: 200, NORA: 200, BOB: 403}.items():
        headers = {"Authorization": f"Bearer {key_of(who)}", "X-Client-Version": "3.6"}
        assert quiet_console.request("GET", f"{BASE}/about", headers=headers).status_code == status
    wrong = {"Authorization": f"Bearer {key_of(ALICE)[:-1]}x"}
    response = quiet_console.request("GET", f"{BASE}/about", headers=wrong)
    assert (response.status_code, error_in(response)["type"]) == (401, "security")


# A limit that is sent with everything


def test_a_limit_changes_no_read_of_one_thing(quiet_console: Console) -> None:
    singles = [
        "/about",
        "/users/me",
        f"/users/{BOB.uid}",
        JOB,
        f"{COPY_JOBS}/{ACMES.copy_job}",
        SERVER,
        f"{SERVER}/repositories/{ACMES.first}",
        f"{COMPANIES}/{ACME}",
        f"/organizations/{ACME}",
        f"/organizations/locations/{ACMES.location}",
        "/asyncActions",
        "/asyncActions/config",
        f"/asyncActions/{PROVIDERS.action}",
    ]
    for path in singles:
        assert quiet_console.get(f"{path}?limit=500&offset=0", ALICE) == quiet_console.get(path, ALICE)


# A second copy of the same job needs a repository more.
@pytest.mark.parametrize("operation", [name for name in CREATES if name != "CreateBackupServerFileShareCopyJob"])
def test_a_limit_does_no_harm_to_what_makes_something(console: Console, operation: str) -> None:
    console.agent_of(ACMES)
    path, who, body = CREATES[operation]
    console.does("POST", f"{path}?limit=500", who, body)


def test_a_limit_does_no_harm_to_other_changes(console: Console) -> None:
    agent = console.agent_of(ACMES)
    patch = [{"op": "replace", "path": "/name", "value": "new"}]
    changes: list[tuple[str, str, Any]] = [
        ("PATCH", f"/organizations/{ACME}", patch),
        ("PATCH", f"{COMPANIES}/{ACME}", patch),
        ("PATCH", f"/organizations/locations/{ACMES.location}", patch),
        ("POST", f"{JOB}/start", None),
        ("POST", f"{JOB}/stop", None),
        ("POST", f"{SERVER}/collect", None),
        ("DELETE", f"{JOBS}/{ACMES.copy_job}", None),
        ("DELETE", f"{SERVER}/credentials/{ACMES.credentials}", None),
        ("DELETE", f"/users/{LARA.uid}/tokens", None),
        ("DELETE", f"/users/{LARA.uid}", None),
    ]
    for method, path, body in changes:
        console.does(method, f"{path}?limit=500", ALICE, body)
        agent.turn()
    console.does("DELETE", f"{COMPANIES}/{ACME}?removeAllAgents=true&limit=500", ALICE)


# Filters


@pytest.mark.parametrize(
    ("property_", "operation", "value", "found"),
    [
        ("isEnabled", "equals", "true", 8),
        ("retentionLimit", "equals", "28", 4),
        ("retentionLimit", "lessThan", "28", 4),
        ("organizationUid", "equals", ACME, 2),
        ("lastRun", "greaterThan", "2026-03-01T00:00:00.0000000+00:00", 4),
        ("type", "in", "BackupFile", 4),
        ("status", "notequals", "success", 4),
        ("mappedOrganizationUid", "equals", "", None),
    ],
)
def test_values_as_texts_beside_items_that_are_null(
    quiet_console: Console, property_: str, operation: str, value: str, found: int | None
) -> None:
    expression = {"property": property_, "operation": operation, "collation": "ordinal", "value": value, "items": None}
    for written in ([expression], expression):
        query = urlencode({"filter": json.dumps(written), "limit": "500"})
        response = quiet_console.call("GET", f"{JOBS}?{query}", ALICE)
        if found is None:
            assert error_in(response)["parameterName"] == "filter"
        else:
            assert response.json()["meta"]["pagingInfo"]["total"] == found


def test_an_expression_in_another_language_is_told_by_its_parameter(quiet_console: Console) -> None:
    for path in (JOBS, COPY_JOBS, COMPANIES, "/users"):
        query = "$filter=x&filter=" + quote(f"assignedForCompany eq '{ACME}'")
        error = quiet_console.refuses(400, "GET", f"{path}?{query}", ALICE)
        assert (error["parameterName"], error["type"]) == ("filter", "logical")


# Paths and what is expanded


def test_a_slash_before_the_query_and_every_way_to_expand(quiet_console: Console) -> None:
    expanded = quiet_console.data(f"{COMPANIES}?expand=Organization", ALICE)
    assert [row["_embedded"]["organization"]["name"] for row in expanded] == [row["name"] for row in expanded]
    for query in ("expand=Organization", "expand=Organization&limit=500", "expand=Organization,Organization"):
        assert quiet_console.data(f"{COMPANIES}/?{query}", ALICE) == expanded
    repeated = "expand=Organization&expand=Organization"
    assert quiet_console.data(f"{COMPANIES}/?{repeated}", ALICE) == expanded
    assert quiet_console.data(f"{COMPANIES}/{ACME}/?limit=500", ALICE) == quiet_console.data(
        f"{COMPANIES}/{ACME}", ALICE
    )


# Bodies that are not there

BODILESS: list[tuple[bytes | None, dict[str, str]]] = [
    (None, {}),
    (b"", {}),
    (b"", {"Content-Length": "0"}),
    (b"", {"Content-Length": "0", **JSON}),
    (None, JSON),
    (b"", {"Content-Type": "application/json; charset=utf-8"}),
    (b"", {"Content-Type": FORM}),
    (b"{}", JSON),
    (b"null", JSON),
]


@pytest.mark.parametrize(("content", "headers"), BODILESS)
def test_what_takes_no_body_is_done_without_one(
    console: Console, content: bytes | None, headers: dict[str, str]
) -> None:
    agent = console.agent_of(ACMES)
    provider = f"{JOBS}/{PROVIDERS.job}"
    agent.report(ended("failed", SessionState.FAILED))
    orders = [
        ("POST", f"{JOB}/retry"),
        ("POST", f"{JOB}/stop"),
        ("POST", f"{SERVER}/collect"),
        ("POST", f"{provider}/assign?companyUid={ACME}"),
        ("DELETE", f"{provider}/assign"),
        ("POST", f"/users/{ALICE.uid}/logins/apikey?description=x&scopes=rest"),
        ("DELETE", f"{JOBS}/{ACMES.copy_job}"),
        ("DELETE", f"{SERVER}/encryptionPasswords/{ACMES.encryption_password}"),
        ("DELETE", f"/users/{LARA.uid}/tokens"),
        ("DELETE", f"/users/{LARA.uid}"),
        ("POST", f"{provider}/start"),
    ]
    console.agent_of(PROVIDERS)
    for method, path in orders:
        response = sent_by(console, method, path, content, **headers)
        assert response.status_code == 200, (path, response.text)
        agent.turn()


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", FORM, "x"])
def test_a_read_may_name_a_content_type(quiet_console: Console, content_type: str) -> None:
    for path in (JOBS, JOB, "/users/me"):
        response = sent_by(quiet_console, "GET", path, Content_Type=content_type)
        assert response.status_code == 200
        assert sent_by(quiet_console, "GET", path, b"", Content_Type=content_type).json() == response.json()


# One id for a whole listing


def test_one_request_id_is_good_for_all_pages_and_for_reading_again_what_was_changed(console: Console) -> None:
    request = {"X_Request_id": uid("listing")}
    seen: list[str] = []
    offset, total = 0, 1
    while offset < total:
        answer = sent_by(console, "GET", f"{JOBS}?limit=3&offset={offset}", **request).json()
        seen += names(answer)
        paging = answer["meta"]["pagingInfo"]
        assert paging["offset"] == offset
        offset, total = paging["count"] + paging["offset"], paging["total"]
    assert len(seen) == len(set(seen)) == total
    console.does("PATCH", JOB, ALICE, [{"op": "replace", "path": "/isEnabled", "value": False}])
    assert sent_by(console, "GET", JOB, **request).json()["data"]["isEnabled"] is False


# Bodies as PHP's client writes them


def test_names_with_a_capital_numbers_for_texts_and_texts_for_truths(console: Console) -> None:
    body: dict[str, Any] = {
        "OrganizationInput": {"Name": "New", "ZipCode": 8001, "CompanyId": 4711, "Country": "756", "Notes": None},
        "OwnerCredentials": {"UserName": "new", "Password": PASSWORD},
        "ResellerUid": None,
        "IsAlarmDetectEnabled": "true",
        "IsRestAccessEnabled": "False",
    }
    made = console.does("POST", COMPANIES, ALICE, body)
    assert (made["isAlarmDetectEnabled"], made["isRestAccessEnabled"]) == (True, False)
    organization = console.data(f"/organizations/{made['instanceUid']}", ALICE)
    assert (organization["zipCode"], organization["companyId"], organization["country"]) == ("8001", "4711", 756)
    patch = [
        {"Op": "Replace", "Path": "ZipCode", "Value": 8002},
        {"op": "REPLACE", "path": "/COMPANYID", "value": 4712, "from": None},
    ]
    organization = console.does("PATCH", f"/organizations/{made['instanceUid']}", ALICE, patch)
    assert (organization["zipCode"], organization["companyId"]) == ("8002", "4712")


def test_words_are_taken_in_any_case(console: Console) -> None:
    credentials = {"userName": "new", "password": PASSWORD}
    body = {"organizationUid": ACME, "role": "COMPANYADMINISTRATOR", "profile": {"title": "mr"}}
    made = console.does("POST", "/users", BOB, {**body, "mfaPolicyStatus": "DISABLED", "credentials": credentials})
    assert (made["role"], made["profile"]["title"], made["mfaPolicyStatus"]) == (
        "CompanyAdministrator",
        "Mr",
        "Disabled",
    )
    query = urlencode({"sort": '[{"Property":"NAME","Direction":"Descending","Collation":"IGNORECASE"}]'})
    assert names(console.get(f"{JOBS}?{query}", ALICE)) == sorted(names(console.get(JOBS, ALICE)), reverse=True)
    logs = console.get("/eventLogs/activityLogs?activityLogKind=EXTERNAL&dateSortingDirection=ascending", ALICE)
    assert logs["data"]


# What is packed

ENCODINGS = [
    "gzip, deflate",
    "gzip",
    "gzip, deflate, br",
    "deflate, gzip, br, zstd",
    "gzip, compress, deflate, br",
    "gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
    "identity",
    "*/*",
]


@pytest.mark.parametrize("accepted", ENCODINGS)
def test_every_way_to_ask_for_a_packed_answer_gives_the_same(quiet_console: Console, accepted: str) -> None:
    plain = sent_by(quiet_console, "GET", JOBS, Accept_Encoding="identity")
    answer = sent_by(quiet_console, "GET", JOBS, Accept_Encoding=accepted)
    assert answer.json() == plain.json()
    coding = answer.headers.get("Content-Encoding")
    assert coding in ({"gzip", "zstd"} if "gzip" in accepted else {None})
    assert coding is None or coding in accepted


# Mistakes

IN_CONTRACT = [operation for operation in ROUTES if operation.operation_id in OPERATIONS]


Mistake = tuple[str, str, bytes | None, dict[str, str]]


def mistakes_with(operation: Operation) -> Iterator[Mistake]:
    """Make every mistake that there is to make with an operation: method, path, body and headers."""
    method, path = operation.method, operation.path.removeprefix(BASE)
    filled = re.sub(r"\{\w+\}", uid("nothing"), path)
    if filled != path:
        for given in (uid("nothing"), "1", "%00", "x" * 3000, "..%2f", "%ff"):
            yield method, re.sub(r"\{\w+\}", given, path), b"[]", JSON
    for query in ("limit=0", "offset=-1", "filter=x", "sort=x", "select=x", "expand=x", "from=x", "companyUid=x"):
        yield method, f"{filled}?{query}", b"[]", JSON
    for content in (b"", b"{", b"null", b'"x"', b"7", b"[[]]", b"\xff", b'[{"op":"x"}]'):
        yield method, filled, content, JSON
    yield method, filled, b"{}", {"Content-Type": "text/xml"}
    yield method, filled, b"[]", {**JSON, "Content-Encoding": "gzip"}
    yield method, filled, b"[]", {**JSON, "Content-Length": str(2**30)}
    for bearer in ("", "Bearer", "Bearer x", "Bearer " + "x" * 5000, "Basic YWxpY2U6eA==", "Bearer \xff"):
        yield method, filled, None, {"Authorization": bearer}
    yield "PUT" if method != "PUT" else "POST", filled, b"{}", JSON


@pytest.mark.parametrize("operation", IN_CONTRACT, ids=lambda operation: operation.operation_id)
def test_whatever_is_wrong_is_answered_in_the_contracts_form(quiet_console: Console, operation: Operation) -> None:
    before = rows_of(quiet_console.database)
    refusals = 0
    for method, path, content, headers in mistakes_with(operation):
        response = sent_by(quiet_console, method, path, content, **headers)
        assert response.status_code < 500, response.text
        if response.is_error:
            refusals += 1
            if operation.refuses is None or response.status_code != 400:
                error_in(response)
            else:
                check(response.json(), "OAuth2Error")
    assert refusals > 0
    assert rows_of(quiet_console.database) == before
