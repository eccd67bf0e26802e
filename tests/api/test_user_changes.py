"""Changing and deleting users: nobody gets more than he may give, and the owner stays the owner."""

from typing import Any

import pytest

from tandem.domain.identity import Role, grantable_roles
from tests.consoles import JOBS, Console, rows_of
from tests.people import (
    ACME,
    ACMES,
    ALICE,
    BETA,
    BOB,
    CHARLIE,
    LARA,
    NORA,
    PASSWORD,
    PEOPLE,
    PROVIDER,
    Person,
    insert_person,
    uid,
)

pytestmark = pytest.mark.embedded_only

ADMINISTRATOR = PEOPLE[Role.COMPANY_ADMINISTRATOR]
TENANT = PEOPLE[Role.COMPANY_TENANT]
OPERATOR = PEOPLE[Role.PORTAL_OPERATOR]
RESELLER_ADMINISTRATOR = PEOPLE[Role.RESELLER_ADMINISTRATOR]


def replace(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}


def path_of(person: Person) -> str:
    return f"/users/{person.uid}"


def sign_in(console: Console, name: str, password: str = PASSWORD) -> dict[str, Any]:
    return console.ask_for_token(grant_type="password", username=name, password=password).json()


def test_a_users_profile_is_patched_however_a_client_writes_it(console: Console) -> None:
    patch = [
        replace("/Profile/FirstName", "Ann"),
        replace("profile/title", "mrs"),
        replace("/profile/phone", 123),
        {"op": "move", "from": "/profile/firstName", "path": "/profile/lastName"},
        replace("/profile/email", "ann@example.com"),
        {"op": "test", "path": "/mfaPolicyStatus", "value": "disabled"},
        replace("/mfaPolicyStatus", "disabled"),
    ]
    changed = console.does("PATCH", path_of(TENANT), BOB, patch)
    assert changed["profile"] == {
        "firstName": None,
        "lastName": "Ann",
        "title": "Mrs",
        "email": "ann@example.com",
        "address": None,
        "phone": "123",
    }
    assert console.data(path_of(TENANT), BOB) == changed
    changed = console.does("PATCH", path_of(TENANT), TENANT, [replace("/profile", {"firstname": "Me"})])
    assert (changed["profile"]["firstName"], changed["profile"]["title"]) == ("Me", "Unknown")


@pytest.mark.parametrize(
    "operation",
    [
        replace("/organizationUid", BETA),
        replace("/instanceUid", BETA),
        replace("/mfaPolicyConfigurationStatus", "NotConfigured"),
        replace("/mfaPolicyStatus", "EnabledByInheritance"),
        replace("/status", "Unknown"),
        replace("/role", "Unknown"),
        replace("/role", None),
        replace("/userName", ""),
        replace("/profile/email", "nobody"),
        replace("/profile/title", "Dr"),
        {"op": "remove", "path": "/profile"},
        {"op": "add", "path": "/credentials/password", "value": "short"},
        replace("/role", "ResellerUser"),
    ],
    ids=str,
)
def test_a_patch_with_one_bad_part_changes_nothing(console: Console, operation: dict[str, object]) -> None:
    before = rows_of(console.database)
    console.refuses(400, "PATCH", path_of(TENANT), ALICE, [replace("/profile/firstName", "Ann"), operation])
    assert rows_of(console.database) == before


def test_what_only_the_console_knows_is_refused_as_the_contract_does(quiet_console: Console) -> None:
    operation = replace("mfaPolicyConfigurationStatus", "NotConfigured")
    error = quiet_console.refuses(400, "PATCH", path_of(TENANT), BOB, [operation])
    assert (error["code"], error["type"], error["failedJsonPatch"]) == (1001, "logical", operation)


@pytest.mark.parametrize("who", [*PEOPLE.values(), LARA], ids=lambda who: who.user_name)
def test_nobody_gives_a_role_that_he_could_not_make(quiet_console: Console, who: Person) -> None:
    before = rows_of(quiet_console.database)
    for role in Role:
        # A failing test at the end: nothing changes, whatever is permitted before it.
        patch = [replace("/role", role), {"op": "test", "path": "/userName", "value": "x"}]
        response = quiet_console.call("PATCH", path_of(TENANT), who, json=patch)
        assert response.status_code in {403, 404, 409}, (role, response.text)
        if role not in {*grantable_roles(who.role), TENANT.role}:
            response = quiet_console.call("PATCH", path_of(TENANT), who, json=patch[:1])
            assert response.status_code in {403, 404}, (role, response.text)
            assert rows_of(quiet_console.database) == before, role


@pytest.mark.parametrize("who", [*PEOPLE.values(), LARA], ids=lambda who: who.user_name)
def test_nobody_raises_his_own_role(console: Console, who: Person) -> None:
    for role in Role:
        if role is who.role or role in grantable_roles(who.role):
            continue
        response = console.call("PATCH", path_of(who), who, json=[replace("/role", role)])
        assert response.status_code == 403, response.text
    (row,) = [row for row in rows_of(console.database)["users"] if row["instance_uid"] == who.uid]
    assert row["role"] == who.role


@pytest.mark.parametrize(
    "patch",
    [
        replace("/role", "CompanyAdministrator"),
        replace("/status", "Disabled"),
        replace("/userName", "robert"),
        replace("/profile/firstName", "x"),
        {"op": "add", "path": "/credentials/password", "value": "taken over"},
    ],
    ids=str,
)
def test_the_owner_is_altered_from_above_only(console: Console, patch: dict[str, object]) -> None:
    before = rows_of(console.database)
    for who in (ADMINISTRATOR, TENANT, OPERATOR):
        assert "CompanyOwner" in console.refuses(403, "PATCH", path_of(BOB), who, [patch])["message"]
        console.refuses(403, "DELETE", path_of(BOB), who)
    for who in (RESELLER_ADMINISTRATOR, CHARLIE, LARA):
        console.refuses(404, "PATCH", path_of(BOB), who, [patch])
        console.refuses(404, "DELETE", path_of(BOB), who)
    for who in (RESELLER_ADMINISTRATOR, PEOPLE[Role.RESELLER_OPERATOR]):
        console.refuses(403, "PATCH", path_of(NORA), who, [patch])
        console.refuses(403, "DELETE", path_of(NORA), who)
    assert rows_of(console.database) == before
    console.does("PATCH", path_of(BOB), ALICE, [patch])


def test_a_company_has_one_owner(console: Console) -> None:
    error = console.refuses(409, "PATCH", path_of(ADMINISTRATOR), ALICE, [replace("/role", "CompanyOwner")])
    assert error["propertyName"] == "role"
    credentials = {"userName": "second", "password": PASSWORD}
    body: dict[str, Any] = {"organizationUid": ACME, "role": "CompanyOwner", "profile": {}, "credentials": credentials}
    assert console.refuses(409, "POST", "/users", ALICE, body)["propertyName"] == "role"
    # One goes, another comes, and the company tells who it is.
    console.does("DELETE", path_of(BOB), ALICE)
    console.does("PATCH", path_of(ADMINISTRATOR), ALICE, [replace("/role", "companyowner")])
    company = console.data(f"/organizations/companies/{ACME}", ALICE)
    assert company["ownerCredentials"] == {"userName": ADMINISTRATOR.user_name}
    console.does("PATCH", path_of(ADMINISTRATOR), ALICE, [replace("/userName", "boss")])
    company = console.data(f"/organizations/companies/{ACME}", ALICE)
    assert company["ownerCredentials"] == {"userName": "boss"}


def test_a_disabled_user_is_shut_out_at_once(console: Console) -> None:
    refresh = sign_in(console, TENANT.user_name)["refresh_token"]
    assert console.does("PATCH", path_of(TENANT), BOB, [replace("/status", "disabled")])["status"] == "Disabled"
    console.refuses(401, "GET", JOBS, TENANT)
    assert sign_in(console, TENANT.user_name)["error"] == "invalid_grant"
    console.does("PATCH", path_of(TENANT), BOB, [replace("/status", "Enabled")])
    # What was given out before stays over.
    console.refuses(401, "GET", JOBS, TENANT)
    assert "access_token" in sign_in(console, TENANT.user_name)
    again = console.ask_for_token(grant_type="refresh_token", refresh_token=refresh)
    assert again.json()["error"] == "invalid_grant"


def test_a_password_is_changed_and_no_answer_tells_it(console: Console) -> None:
    refresh = sign_in(console, TENANT.user_name)["refresh_token"]
    patch = [{"op": "add", "path": "/Credentials/Password", "value": "a new secret"}]
    answer = console.call("PATCH", path_of(TENANT), BOB, json=patch)
    assert answer.status_code == 200
    assert "a new secret" not in answer.text
    assert "a new secret" not in repr(rows_of(console.database))
    assert sign_in(console, TENANT.user_name)["error"] == "invalid_grant"
    assert "access_token" in sign_in(console, TENANT.user_name, "a new secret")
    again = console.ask_for_token(grant_type="refresh_token", refresh_token=refresh)
    assert again.json()["error"] == "invalid_grant"


def test_a_user_is_renamed_unless_the_name_is_taken(console: Console) -> None:
    console.does("PATCH", path_of(TENANT), BOB, [replace("/userName", "TINA")])
    console.does("PATCH", path_of(TENANT), BOB, [replace("/credentials/userName", "tina")])
    assert "access_token" in sign_in(console, "Tina")
    error = console.refuses(409, "PATCH", path_of(TENANT), BOB, [replace("/userName", "CHARLIE")])
    assert error["propertyName"] == "userName"


def test_a_deleted_user_is_gone_and_his_deeds_stay(console: Console) -> None:
    refresh = sign_in(console, ADMINISTRATOR.user_name)["refresh_token"]
    console.does("PATCH", path_of(TENANT), ADMINISTRATOR, [replace("/profile/firstName", "x")])
    console.does("DELETE", path_of(ADMINISTRATOR), BOB)
    console.refuses(404, "GET", path_of(ADMINISTRATOR), BOB)
    console.refuses(401, "GET", JOBS, ADMINISTRATOR)
    again = console.ask_for_token(grant_type="refresh_token", refresh_token=refresh)
    assert again.json()["error"] == "invalid_grant"
    told = [(row["user_name"], row["activity"]) for row in rows_of(console.database)["activity_log"]]
    signed_in = (ADMINISTRATOR.user_name, "OAuth2IssueToken")
    assert told == [signed_in, (ADMINISTRATOR.user_name, "PatchUser"), ("bob", "DeleteUser")]
    console.does("DELETE", path_of(LARA), BOB)
    assert rows_of(console.database)["user_locations"] == []


def test_nobody_locks_himself_out_nor_the_provider(console: Console) -> None:
    second = Person(uid("second"), "second", Role.PORTAL_ADMINISTRATOR, PROVIDER)
    for who in (ALICE, BOB):
        console.refuses(409, "DELETE", path_of(who), who)
        console.refuses(409, "PATCH", path_of(who), who, [replace("/status", "Disabled")])
    last = console.refuses(409, "PATCH", path_of(ALICE), ALICE, [replace("/role", "PortalOperator")])
    assert "last" in last["message"]
    with console.database.writing() as connection:
        insert_person(connection, second)
    console.does("PATCH", path_of(second), ALICE, [replace("/status", "Disabled")])
    console.refuses(409, "PATCH", path_of(ALICE), ALICE, [replace("/role", "PortalOperator")])
    console.does("PATCH", path_of(second), ALICE, [replace("/status", "Enabled")])
    console.does("PATCH", path_of(ALICE), ALICE, [replace("/role", "PortalOperator")])
    console.refuses(403, "PATCH", path_of(ALICE), ALICE, [replace("/role", "PortalAdministrator")])


def test_users_are_listed_by_organization_and_location(console: Console) -> None:
    of_acme = {person.user_name for person in (*PEOPLE.values(), LARA) if person.organization_uid == ACME}
    assert {row["userName"] for row in console.data(f"/organizations/{ACME}/users", ALICE)} == of_acme
    (row,) = console.data(f"/organizations/locations/{ACMES.location}/users", BOB)
    assert row["userName"] == "lara"
    by_name = 'filter=[{"property":"userName","operation":"equals","value":"lara"}]'
    assert len(console.data(f"/organizations/{ACME}/users?{by_name}", BOB)) == 1
    for path in (f"/organizations/{ACME}/users", f"/organizations/locations/{ACMES.location}/users"):
        console.refuses(404, "GET", path, CHARLIE)
    # Who sees one location sees its users, and not the rest of the company's.
    assert [row["userName"] for row in console.data(f"/organizations/{ACME}/users", LARA)] == ["lara"]
