"""Locations: dividing a company, binding users to a part of it, and how they stay bound."""

from typing import Any

import pytest
from sqlalchemy import select

from tandem.domain.identity import Role
from tandem.store.schema.tables import jobs
from tests.agents import enrol
from tests.consoles import COPY_JOBS, JOBS, Console, rows_of
from tests.people import (
    ACME,
    ACMES,
    ALICE,
    BETA,
    BETAS,
    BOB,
    CHARLIE,
    GAMMAS,
    LARA,
    NORA,
    NORTH,
    PASSWORD,
    PEOPLE,
    PROVIDERS,
    Person,
    uid,
)

pytestmark = pytest.mark.embedded_only

LOCATIONS = "/organizations/locations"
TOKENS = "/infrastructure/backupServers/enrolmentTokens"
SERVERS = "/infrastructure/backupServers"
UNBOUND = PEOPLE[Role.COMPANY_LOCATION_ADMINISTRATOR]
VIEWER = PEOPLE[Role.COMPANY_LOCATION_USER]


def make(console: Console, name: str = "Elsewhere", who: Person = BOB, organization_uid: str = ACME) -> str:
    body = {"organizationUid": organization_uid, "name": name, "quotaGb": 0}
    return console.does("POST", LOCATIONS, who, body)["instanceUid"]


def replace(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}


def enrol_at(console: Console, location_uid: str | None, **more: object) -> str:
    """Enrol a new server of Acme's; gives its uid."""
    made = console.does("POST", TOKENS, BOB, {"name": "new", "locationUid": location_uid, **more})
    return enrol(console, made["token"]).server_uid


def chosen(console: Console, who: Person) -> list[str]:
    return [row["instanceUid"] for row in console.data(f"/users/{who.uid}/locations", BOB)]


def test_every_organization_begins_with_a_default_location(console: Console) -> None:
    (row,) = console.data(f"/organizations/{ACME}/locations", BOB)
    assert row == {
        "instanceUid": ACMES.location,
        "organizationUid": ACME,
        "name": "Default location",
        "type": "Default",
        "quotaGb": 0,
    }
    assert console.data(f"{LOCATIONS}/{ACMES.location}", BOB) == row
    new = {"organizationInput": {"name": "New"}, "ownerCredentials": {"userName": "n", "password": PASSWORD}}
    made = console.does("POST", "/organizations/companies", ALICE, new)
    (row,) = console.data(f"/organizations/{made['instanceUid']}/locations", ALICE)
    assert row["type"] == "Default"


def test_a_location_is_made_changed_and_deleted(console: Console) -> None:
    body = {"organizationUid": ACME, "name": "Attic", "quotaGb": "12"}
    made = console.does("POST", LOCATIONS, BOB, body)
    assert (made["type"], made["quotaGb"], made["organizationUid"]) == ("Custom", 12, ACME)
    path = f"{LOCATIONS}/{made['instanceUid']}"
    changed = console.does("PATCH", path, BOB, [replace("name", "Cellar"), replace("/QuotaGb", "3")])
    assert changed == {**made, "name": "Cellar", "quotaGb": 3}
    assert console.data(path, BOB) == changed
    by_name = 'filter=[{"property":"name","operation":"equals","value":"Cellar"}]'
    assert console.data(f"{LOCATIONS}?{by_name}", ALICE) == [changed]
    console.does("DELETE", path, BOB)
    console.refuses(404, "GET", path, BOB)
    assert len(console.data(f"/organizations/{ACME}/locations", BOB)) == 1


@pytest.mark.parametrize("path", ["/type", "/instanceUid", "/organizationUid", "/nothing"])
def test_what_a_location_is_and_whose_it_is_cannot_be_patched(quiet_console: Console, path: str) -> None:
    patch = [replace("/name", "x"), replace(path, BETA)]
    error = quiet_console.refuses(400, "PATCH", f"{LOCATIONS}/{ACMES.location}", BOB, patch)
    assert error["code"] == 1001
    assert quiet_console.data(f"{LOCATIONS}/{ACMES.location}", BOB)["name"] == "Default location"


def test_two_locations_of_a_company_are_told_apart_by_name(console: Console) -> None:
    other = make(console, "Elsewhere")
    console.refuses(409, "POST", LOCATIONS, BOB, {"organizationUid": ACME, "name": "ELSEWHERE", "quotaGb": 0})
    console.refuses(409, "PATCH", f"{LOCATIONS}/{other}", BOB, [replace("/name", "default Location")])
    console.does("PATCH", f"{LOCATIONS}/{other}", BOB, [replace("/name", "ELSEWHERE")])
    make(console, "Elsewhere", CHARLIE, BETA)


def test_a_location_in_use_stays(console: Console) -> None:
    assert "default" in console.refuses(409, "DELETE", f"{LOCATIONS}/{ACMES.location}", BOB)["message"]
    location = make(console)
    enrol_at(console, location)
    assert "backup servers" in console.refuses(409, "DELETE", f"{LOCATIONS}/{location}", BOB)["message"]


def test_a_server_is_enrolled_into_a_location_and_moved_with_its_jobs(console: Console) -> None:
    location = make(console)
    assert console.data(f"{SERVERS}/{enrol_at(console, location)}", BOB)["locationUid"] == location
    assert console.data(f"{SERVERS}/{enrol_at(console, None)}", BOB)["locationUid"] == ACMES.location
    # A new agent for a server that is there, in another location.
    assert enrol_at(console, location, backupServerUid=ACMES.server) == ACMES.server
    assert console.data(f"{SERVERS}/{ACMES.server}", BOB)["locationUid"] == location
    assert {row["locationUid"] for row in console.data(JOBS, BOB)} == {location}
    for other in (BETAS.location, uid("nothing"), PROVIDERS.location):
        error = console.refuses(404, "POST", TOKENS, BOB, {"name": "new", "locationUid": other})
        assert error["propertyName"] == "locationUid"
    body = {"name": "new", "organizationUid": ACME, "locationUid": BETAS.location}
    assert console.refuses(400, "POST", TOKENS, ALICE, body)["propertyName"] == "locationUid"


def test_a_token_outlives_its_location(console: Console) -> None:
    location = make(console)
    made = console.does("POST", TOKENS, BOB, {"name": "new", "locationUid": location})
    console.does("DELETE", f"{LOCATIONS}/{location}", BOB)
    server = enrol(console, made["token"]).server_uid
    assert console.data(f"{SERVERS}/{server}", BOB)["locationUid"] == ACMES.location


def test_who_is_bound_to_locations_sees_what_was_chosen_and_nothing_before(console: Console) -> None:
    paths = (SERVERS, JOBS, "/infrastructure/sessions", "/protectedWorkloads/fileShares", LOCATIONS)
    for path in (*paths, "/organizations", "/organizations/companies"):
        assert console.data(path, VIEWER) == []
    chose = console.does("POST", f"/users/{VIEWER.uid}/locations?locationUid={ACMES.location.upper()}", BOB)
    assert chose["instanceUid"] == VIEWER.uid
    assert chosen(console, VIEWER) == [ACMES.location]
    assert [row["instanceUid"] for row in console.data(SERVERS, VIEWER)] == [ACMES.server]
    assert len(console.data(JOBS, VIEWER)) == 2
    for path in paths:
        assert console.data(path, VIEWER), path
    assert {row["userName"] for row in console.data(f"{LOCATIONS}/{ACMES.location}/users", BOB)} == {
        LARA.user_name,
        VIEWER.user_name,
    }
    console.does("DELETE", f"/users/{VIEWER.uid}/locations?locationUid={ACMES.location}", BOB)
    for path in paths:
        assert console.data(path, VIEWER) == []
    console.refuses(404, "DELETE", f"/users/{VIEWER.uid}/locations?locationUid={ACMES.location}", BOB)


def test_one_location_shows_nothing_of_another(console: Console) -> None:
    location = make(console)
    server = enrol_at(console, location)
    console.does("POST", f"/users/{VIEWER.uid}/locations?locationUid={location}", BOB)
    assert [row["instanceUid"] for row in console.data(SERVERS, VIEWER)] == [server]
    assert [row["instanceUid"] for row in console.data(SERVERS, LARA)] == [ACMES.server]
    for path in (f"{SERVERS}/{ACMES.server}", f"{JOBS}/{ACMES.job}", f"{LOCATIONS}/{ACMES.location}"):
        console.refuses(404, "GET", path, VIEWER)
        console.data(path, LARA)
    console.refuses(404, "POST", f"{SERVERS}/{server}/fileShares", LARA, {"name": "n", "path": "/n"})
    assert console.refuses(404, "POST", f"{JOBS}/{ACMES.job}/start", UNBOUND)
    # With both, both.
    console.does("POST", f"/users/{LARA.uid}/locations?locationUid={location}", BOB)
    assert len(console.data(SERVERS, LARA)) == 2


def test_a_location_administrator_works_in_his_locations(console: Console) -> None:
    console.agent_of(ACMES)
    console.does("POST", f"{JOBS}/{ACMES.job}/start", LARA)
    console.does("POST", f"{SERVERS}/{ACMES.server}/fileShares", LARA, {"name": "n", "path": "/n"})
    console.refuses(403, "POST", LOCATIONS, LARA, {"organizationUid": ACME, "name": "x", "quotaGb": 0})
    console.refuses(403, "PATCH", f"/organizations/{ACME}", LARA, [replace("/notes", "x")])
    console.refuses(403, "GET", COPY_JOBS, LARA)  # the oldest contract's roles


def user(name: str, role: str) -> dict[str, Any]:
    return {
        "organizationUid": ACME,
        "role": role,
        "profile": {},
        "credentials": {"userName": name, "password": PASSWORD},
    }


def acting_as(console: Console, user_uid: str) -> dict[str, Any]:
    """Sign in as Lara and act as another."""
    lara = console.ask_for_token(grant_type="password", username="lara", password=PASSWORD).json()
    acting = {"grant_type": "as", "refresh_token": lara["refresh_token"], "userUid": user_uid}
    return console.ask_for_token(**acting).json()


def test_a_location_administrator_makes_users_for_his_locations_only(console: Console) -> None:
    made = console.does("POST", "/users", LARA, user("new", "CompanyLocationUser"))
    assert [row["instanceUid"] for row in console.data(f"/users/{made['instanceUid']}/locations", LARA)] == [
        ACMES.location
    ]
    console.does("PATCH", f"/users/{made['instanceUid']}", LARA, [replace("/profile/firstName", "N")])
    assert "access_token" in acting_as(console, made["instanceUid"])
    location = make(console)
    # Neither to others nor to himself can he give what he does not see.
    for who in (made["instanceUid"], LARA.uid):
        console.refuses(404, "POST", f"/users/{who}/locations?locationUid={location}", LARA)
    # Whoever sees more than he does is out of his hands: a password would open it.
    console.does("POST", f"/users/{made['instanceUid']}/locations?locationUid={location}", BOB)
    patch = [{"op": "add", "path": "/credentials/password", "value": "taken over"}]
    console.refuses(403, "PATCH", f"/users/{made['instanceUid']}", LARA, patch)
    console.refuses(403, "DELETE", f"/users/{made['instanceUid']}", LARA)
    key = f"/users/{made['instanceUid']}/logins/apikey?description=x&scopes=rest"
    console.refuses(403, "POST", key, LARA)
    console.does("POST", key, BOB)
    assert acting_as(console, made["instanceUid"])["error"] == "invalid_grant"
    for role in ("CompanyAdministrator", "CompanyOwner", "CompanyTenant"):
        console.refuses(403, "POST", "/users", LARA, user("other", role))
        console.refuses(403, "PATCH", f"/users/{LARA.uid}", LARA, [replace("/role", role)])
    console.refuses(404, "PATCH", f"/users/{BOB.uid}", LARA, [replace("/profile/firstName", "x")])


def test_a_location_is_chosen_within_one_company(console: Console) -> None:
    before = rows_of(console.database)
    path = f"/users/{VIEWER.uid}/locations"
    for who, location, status in (
        (BOB, BETAS.location, 404),
        (BOB, PROVIDERS.location, 404),
        (BOB, uid("nothing"), 404),
        (CHARLIE, BETAS.location, 404),
        (NORA, GAMMAS.location, 404),
        (ALICE, BETAS.location, 400),
    ):
        error = console.refuses(status, "POST", f"{path}?locationUid={location}", who)
        assert error.get("parameterName") == ("locationUid" if who in {BOB, ALICE} else None)
    assert (
        "sees all"
        in console.refuses(409, "POST", f"/users/{BOB.uid}/locations?locationUid={ACMES.location}", ALICE)["message"]
    )
    for query in ("", "?locationUid=", "?locationUid=x"):
        assert console.refuses(400, "POST", path + query, BOB)["parameterName"] == "locationUid"
    assert rows_of(console.database) == before


def test_another_role_ends_the_choice(console: Console) -> None:
    console.does("PATCH", f"/users/{LARA.uid}", BOB, [replace("/role", "CompanyTenant")])
    console.does("PATCH", f"/users/{LARA.uid}", BOB, [replace("/role", "CompanyLocationUser")])
    assert chosen(console, LARA) == []
    assert console.data(SERVERS, Person(LARA.uid, "lara", Role.COMPANY_LOCATION_USER, ACME)) == []


def test_what_is_done_with_locations_is_written_down(console: Console) -> None:
    location = make(console)
    console.does("POST", f"/users/{VIEWER.uid}/locations?locationUid={location}", BOB)
    console.does("POST", f"/users/{VIEWER.uid}/locations?locationUid={location}", BOB)
    console.does("DELETE", f"/users/{VIEWER.uid}/locations?locationUid={location}", BOB)
    console.does("PATCH", f"{LOCATIONS}/{location}", BOB, [replace("/name", "x")])
    console.does("DELETE", f"{LOCATIONS}/{location}", BOB)
    told = [row["activity"] for row in rows_of(console.database)["activity_log"]]
    assert told == ["CreateLocation", "SetUserToLocation", "DeleteUserFromLocation", "PatchLocation", "DeleteLocation"]
    with console.database.reading() as connection:
        assert set(connection.scalars(select(jobs.c.location_uid))) >= {ACMES.location}
    assert {row["name"] for row in console.data(f"/organizations/{NORTH}/locations", NORA)} == {"Default location"}
