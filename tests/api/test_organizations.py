"""Companies, resellers and users: whose they become, who may make whom, and who can sign in."""

from typing import Any

import pytest
from sqlalchemy import update

from tandem.domain.identity import Role, grantable_roles, organization_type_of
from tandem.store.schema.tables import companies
from tests.consoles import Console, rows_of
from tests.people import (
    ACME,
    ALICE,
    BETA,
    BOB,
    CHARLIE,
    GAMMA,
    NORA,
    NORTH,
    PASSWORD,
    PEOPLE,
    PROVIDER,
    Person,
    uid,
)

pytestmark = pytest.mark.embedded_only

COMPANIES = "/organizations/companies"
RESELLERS = "/organizations/resellers"


def company(name: str, owner: str = "", **changes: object) -> dict[str, object]:
    credentials = {"userName": owner or f"{name} owner", "password": PASSWORD}
    return {"organizationInput": {"name": name}, "ownerCredentials": credentials, **changes}


def user(name: str, organization_uid: str, role: str) -> dict[str, object]:
    credentials = {"userName": name, "password": PASSWORD}
    return {"organizationUid": organization_uid, "role": role, "profile": {}, "credentials": credentials}


def sign_in(console: Console, name: str) -> dict[str, Any]:
    """Sign in as somebody, or be refused."""
    return console.ask_for_token(grant_type="password", username=name, password=PASSWORD).json()


def status_with(console: Console, path: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return console.request("GET", f"/api/v3{path}", headers=headers).status_code


def test_a_company_is_made_with_an_owner_who_sees_it_and_nothing_else(console: Console) -> None:
    made = console.does("POST", COMPANIES, ALICE, company("New", "newt", isRestAccessEnabled=True))
    assert (made["name"], made["status"], made["resellerUid"]) == ("New", "Active", None)
    assert made["ownerCredentials"] == {"userName": "newt"}
    assert console.data(f"{COMPANIES}/{made['instanceUid']}", ALICE) == made
    token = sign_in(console, "Newt")["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    me = console.request("GET", "/api/v3/users/me", headers=headers).json()["data"]
    assert (me["role"], me["organizationUid"], me["userName"]) == ("CompanyOwner", made["instanceUid"], "newt")
    for path in (f"{COMPANIES}/{ACME}", f"/organizations/{PROVIDER}", f"/organizations/{BETA}"):
        assert status_with(console, path, token) == 404
    listed = console.request("GET", f"/api/v3{COMPANIES}", headers=headers).json()
    assert [row["name"] for row in listed["data"]] == ["New"]


def test_an_owner_signs_in_only_where_rest_access_is_switched_on(console: Console) -> None:
    made = console.does("POST", COMPANIES, ALICE, company("New", "newt"))
    assert made["isRestAccessEnabled"] is False
    assert sign_in(console, "newt")["error"] == "unauthorized_client"
    with console.database.writing() as connection:
        on = update(companies).where(companies.c.instance_uid == made["instanceUid"])
        connection.execute(on.values(is_rest_access_enabled=True))
    assert "access_token" in sign_in(console, "newt")


def test_what_was_told_of_a_company_is_kept(console: Console) -> None:
    told = {
        "name": "Ünïcode & Söhne",
        "alias": "us",
        "taxId": "DE1",
        "email": "us@example.com",
        "phone": "+49",
        "country": 49,
        "state": -1,
        "countryName": "Germany",
        "regionName": "Berlin",
        "city": "Berlin",
        "street": "Allee 1",
        "locationAdmin0Code": "a",
        "locationAdmin1Code": "b",
        "locationAdmin2Code": "c",
        "notes": "line\nbreak",
        "zipCode": "10115",
        "website": "https://example.com",
        "veeamTenantId": "t",
        "companyId": "c1",
    }
    body = {**company("x", "us owner"), "organizationInput": told, "isAlarmDetectEnabled": True}
    made = console.does("POST", COMPANIES, ALICE, body)
    shown = console.data(f"/organizations/{made['instanceUid']}", ALICE)
    assert {name: shown[name] for name in told} == told
    assert shown["type"] == "Company"
    (row,) = [row for row in console.data(f"{COMPANIES}?expand=Organization", ALICE) if row["name"] == told["name"]]
    assert row["_embedded"] == {"organization": shown}
    assert row["isAlarmDetectEnabled"] is True


def test_a_resellers_companies_are_his_only(console: Console) -> None:
    made = console.does("POST", COMPANIES, NORA, company("New"))
    assert made["resellerUid"] == NORTH
    named = console.does("POST", COMPANIES, NORA, company("Newer", resellerUid=NORTH.upper()))
    assert named["resellerUid"] == NORTH
    assert {row["name"] for row in console.data(COMPANIES, NORA)} == {"Gamma", "New", "Newer"}
    for other in (uid("nothing"), PROVIDER, BETA):
        console.refuses(403, "POST", COMPANIES, NORA, company("Newest", resellerUid=other))
    for outsider in (BOB, CHARLIE):
        console.refuses(404, "GET", f"{COMPANIES}/{made['instanceUid']}", outsider)


def test_a_provider_makes_resellers_and_gives_them_companies(console: Console) -> None:
    south = console.does("POST", RESELLERS, ALICE, {"organizationInput": {"name": "South"}})
    assert south["type"] == "Reseller"
    made = console.does("POST", COMPANIES, ALICE, company("New", resellerUid=south["instanceUid"]))
    assert made["resellerUid"] == south["instanceUid"]
    console.refuses(404, "GET", f"{COMPANIES}/{made['instanceUid']}", NORA)
    owner = console.does("POST", "/users", ALICE, user("sue", south["instanceUid"], "ResellerOwner"))
    assert owner["role"] == "ResellerOwner"
    token = sign_in(console, "sue")["access_token"]
    assert status_with(console, f"{COMPANIES}/{made['instanceUid']}", token) == 200
    assert status_with(console, f"{COMPANIES}/{GAMMA}", token) == 404


@pytest.mark.parametrize("name", ["bob", "BOB", "Bob", "charlie"])
def test_a_user_name_is_taken_whatever_its_case_and_whosever_it_is(console: Console, name: str) -> None:
    before = rows_of(console.database)
    for path, body in (
        ("/users", user(name, ACME, "CompanyAdministrator")),
        (COMPANIES, company("New", name)),
    ):
        error = console.refuses(409, "POST", path, ALICE, body)
        assert error["propertyName"].endswith("userName")
        assert name in error["message"]
    assert rows_of(console.database) == before


def test_names_that_only_look_alike_are_two(console: Console) -> None:
    for name in ("bob2", "b\u043eb"):
        console.does("POST", "/users", ALICE, user(name, ACME, "CompanyAdministrator"))


def test_a_name_is_taken_in_every_script(console: Console) -> None:
    console.does("POST", "/users", ALICE, user("STRASSE", ACME, "CompanyAdministrator"))
    console.refuses(409, "POST", "/users", ALICE, user("straße", ACME, "CompanyAdministrator"))
    console.does("POST", COMPANIES, ALICE, company("ÉCOLE"))
    console.refuses(409, "POST", COMPANIES, ALICE, company("école"))


def home_of(who: Person, role: Role) -> str:
    """Give the organization in which somebody would make a user of a role."""
    kind = organization_type_of(role).value
    if organization_type_of(who.role).value == kind:
        return who.organization_uid
    return {"Provider": PROVIDER, "Reseller": NORTH, "Company": GAMMA if who.organization_uid == NORTH else ACME}[kind]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(
    "who",
    [ALICE, NORA, BOB, PEOPLE[Role.PORTAL_OPERATOR], PEOPLE[Role.RESELLER_OPERATOR]],
    ids=lambda who: who.user_name,
)
def test_nobody_hands_out_more_than_he_has(quiet_console: Console, who: Person, role: Role) -> None:
    # A user whose name is taken: who may make him is told that, who may not is told so.
    organization = home_of(who, role)
    response = quiet_console.call("POST", "/users", who, json=user("bob", organization, role))
    sees = organization_type_of(role).value in {"Company", organization_type_of(who.role).value} or who is ALICE
    if not sees or (who.role is Role.PORTAL_OPERATOR and organization == PROVIDER):
        assert response.status_code == 404
    else:
        assert response.status_code == (409 if role in grantable_roles(who.role) else 403), response.text


@pytest.mark.parametrize(
    ("role", "organization"),
    [
        ("PortalAdministrator", ACME),
        ("PortalOperator", NORTH),
        ("ResellerOwner", ACME),
        ("ResellerUser", PROVIDER),
        ("CompanyOwner", PROVIDER),
        ("CompanyTenant", NORTH),
    ],
)
def test_a_role_belongs_to_one_type_of_organization(quiet_console: Console, role: str, organization: str) -> None:
    error = quiet_console.refuses(400, "POST", "/users", ALICE, user("new", organization, role))
    assert error["propertyName"] == "role"


def test_a_user_is_made_where_his_maker_may_look(console: Console) -> None:
    made = console.does("POST", "/users", BOB, user("ann", ACME.upper(), "CompanyAdministrator"))
    assert (made["organizationUid"], made["role"], made["status"]) == (ACME, "CompanyAdministrator", "Enabled")
    assert console.data(f"/users/{made['instanceUid']}", BOB) == made
    assert "access_token" in sign_in(console, "ANN")
    console.refuses(404, "GET", f"/users/{made['instanceUid']}", CHARLIE)
    for organization in (BETA, PROVIDER, GAMMA, uid("nothing")):
        error = console.refuses(404, "POST", "/users", BOB, user("ben", organization, "CompanyAdministrator"))
        assert error["propertyName"] == "organizationUid"


def test_a_profile_is_kept(console: Console) -> None:
    profile = {
        "firstName": "Ann",
        "lastName": "Lee",
        "title": "Mrs",
        "email": "ann@example.com",
        "address": "Here",
        "phone": "1",
    }
    made = console.does("POST", "/users", BOB, {**user("ann", ACME, "CompanyAdministrator"), "profile": profile})
    assert made["profile"] == profile


def test_no_answer_tells_a_password(console: Console) -> None:
    answers = [
        console.call("POST", "/users", BOB, json=user("ann", ACME, "CompanyAdministrator")),
        console.call("POST", COMPANIES, ALICE, json=company("New")),
        console.call("GET", "/users", ALICE),
        console.call("GET", COMPANIES, ALICE),
        console.call("POST", "/users", BOB, json=user("ann", ACME, "CompanyAdministrator")),
    ]
    for response in answers:
        assert PASSWORD not in response.text
        assert "argon2" not in response.text
    assert PASSWORD not in repr(rows_of(console.database))


def test_who_made_whom_is_written_down(console: Console) -> None:
    console.does("POST", COMPANIES, NORA, company("New", "newt"))
    told = [(row["activity"], row["user_name"], row["detail"]) for row in rows_of(console.database)["activity_log"]]
    assert told == [("CreateUser", "nora", "newt with the role CompanyOwner"), ("CreateCompany", "nora", "New")]
