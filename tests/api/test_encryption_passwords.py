"""Encryption passwords: what repositories are made with, known by a hint, and never told."""

from typing import Any

import pytest

from tests.consoles import SEAL, Console, rows_of
from tests.people import ACME, ACMES, ALICE, BETA, BETAS, BOB, PROVIDERS, uid

pytestmark = pytest.mark.embedded_only

SERVER = f"/infrastructure/backupServers/{ACMES.server}"
PASSWORDS = f"{SERVER}/encryptionPasswords"
REPOSITORIES = f"{SERVER}/repositories"
PROVIDERS_PASSWORDS = f"/infrastructure/backupServers/{PROVIDERS.server}/encryptionPasswords"


def add(console: Console, path: str = PASSWORDS, who: Any = BOB, **body: object) -> Any:
    return console.does("POST", path, who, {"password": "the password", "hint": "of 2026", **body})


def test_what_was_added_is_listed_by_its_hint(console: Console) -> None:
    made = add(console, uniqueId="2026", mappedOrganizationUid=ACME, mappedOrganizationName="ignored")
    assert made == {
        "hint": "of 2026",
        "instanceUid": made["instanceUid"],
        "uniqueId": "2026",
        "modificationTime": "2026-03-02T12:00:00.0000000+00:00",
        "mappedOrganizationUid": ACME,
        "mappedOrganizationName": "Acme",
    }
    assert made in console.data(PASSWORDS, BOB)
    assert console.data(f"{PASSWORDS}?mappedOrganizationUidFilter={ACME}", BOB) == [made]
    error = console.refuses(409, "POST", PASSWORDS, BOB, {"password": "x", "hint": "y", "uniqueId": "2026"})
    assert error["propertyName"] == "uniqueId"


@pytest.mark.parametrize(
    ("query", "hints"),
    [
        ("", ["Acme's hint", "zoo", "Bear"]),
        ("?orderColumn=Hint", ["Acme's hint", "Bear", "zoo"]),
        ("?orderColumn=hint&orderAsc=false", ["zoo", "Bear", "Acme's hint"]),
        ("?orderColumn=ModificationTime&orderAsc=false", ["Bear", "zoo", "Acme's hint"]),
        ("?orderColumn=ModificationTime&limit=1&offset=1", ["zoo"]),
    ],
)
def test_a_list_is_ordered_as_asked(console: Console, query: str, hints: list[str]) -> None:
    for hint in ("zoo", "Bear"):
        console.clock.forward(minutes=1)
        add(console, hint=hint)
    assert [row["hint"] for row in console.data(PASSWORDS + query, BOB)] == hints


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", ""),
        ("password", "x" * 1025),
        ("password", " x"),
        ("password", "a\nb"),
        ("password", "a\0b"),
        ("password", 7.5),
        ("hint", ""),
        ("hint", "a\0b"),
        ("hint", "x" * 2001),
        ("uniqueId", "x" * 256),
        ("mappedOrganizationUid", "x"),
    ],
)
def test_a_password_that_no_repository_could_have_is_refused_and_not_repeated(
    console: Console, field: str, value: object
) -> None:
    before = rows_of(console.database)
    error = console.refuses(400, "POST", PASSWORDS, BOB, {"password": "p", "hint": "h", field: value})
    assert error["propertyName"] == field
    assert field != "password" or "xxx" not in error["message"]
    assert rows_of(console.database) == before


def test_a_company_sees_what_is_mapped_to_it_on_its_providers_server(console: Console) -> None:
    console.refuses(404, "GET", PROVIDERS_PASSWORDS, BOB)
    made = add(console, PROVIDERS_PASSWORDS, ALICE, mappedOrganizationUid=ACME)
    assert console.data(PROVIDERS_PASSWORDS, BOB) == [made]
    console.refuses(404, "DELETE", f"{PROVIDERS_PASSWORDS}/{made['instanceUid']}", BOB)
    error = console.refuses(404, "POST", PASSWORDS, BOB, {"password": "p", "hint": "h", "mappedOrganizationUid": BETA})
    assert error["propertyName"] == "mappedOrganizationUid"


def test_a_repository_is_made_with_it_and_keeps_it_from_being_deleted(console: Console) -> None:
    agent = console.agent_of(ACMES)
    made = add(console)
    body = {"name": "new", "path": "/new", "encryptionPasswordUid": made["instanceUid"]}
    repository = console.does("POST", REPOSITORIES, BOB, body)
    assert agent.configuration is not None
    (told,) = [each for each in agent.configuration.repositories if each.uid == repository["instanceUid"]]
    assert told.password == "the password"
    rows = rows_of(console.database)
    (row,) = [row for row in rows["backup_repositories"] if row["instance_uid"] == told.uid]
    # Its own copy, bound to it: the two rows cannot be swapped.
    assert SEAL.open(row["sealed_password"], told.uid) == "the password"
    error = console.refuses(409, "DELETE", f"{PASSWORDS}/{made['instanceUid']}", BOB)
    assert "the repository new" in error["message"]
    console.does("DELETE", f"{PASSWORDS}/{ACMES.encryption_password}", BOB)
    assert [row["instanceUid"] for row in console.data(PASSWORDS, BOB)] == [made["instanceUid"]]


def test_a_repository_that_could_not_be_made_leaves_its_password_free(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.failure_at = lambda _: "No space left."
    made = add(console)
    body = {"name": "new", "path": "/new", "encryptionPasswordUid": made["instanceUid"]}
    console.refuses(400, "POST", REPOSITORIES, BOB, body)
    console.does("DELETE", f"{PASSWORDS}/{made['instanceUid']}", BOB)


def test_an_existing_repository_opens_with_it(console: Console) -> None:
    console.agent_of(ACMES)
    body = {"name": "new", "path": "/new", "isExisting": True, "encryptionPasswordUid": ACMES.encryption_password}
    console.does("POST", REPOSITORIES, BOB, body)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"encryptionPasswordUid": BETAS.encryption_password}),
        (404, {"encryptionPasswordUid": PROVIDERS.encryption_password}),
        (404, {"encryptionPasswordUid": ACMES.credentials}),
        (404, {"encryptionPasswordUid": uid("nothing")}),
        (400, {"encryptionPasswordUid": "x"}),
        (400, {"encryptionPasswordUid": ACMES.encryption_password, "password": "another"}),
    ],
)
def test_a_repository_takes_one_password_and_of_its_own_server_only(
    console: Console, status: int, body: dict[str, str]
) -> None:
    console.agent_of(ACMES)
    before = rows_of(console.database)["backup_repositories"]
    error = console.refuses(status, "POST", REPOSITORIES, BOB, {"name": "new", "path": "/new", **body})
    assert error["propertyName"] == "encryptionPasswordUid"
    assert rows_of(console.database)["backup_repositories"] == before
