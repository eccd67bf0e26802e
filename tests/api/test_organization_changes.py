"""Changing organizations and companies, and deleting companies: who may, what follows at once, and what stays."""

from typing import Any

import pytest
from sqlalchemy import insert, select

from tandem.domain.identity import Role
from tandem.store.schema.tables import activity_log, jobs, metadata, removed_repositories
from tests.consoles import JOBS, SEAL, Console, rows_of
from tests.people import (
    ACME,
    ACMES,
    ALICE,
    BETA,
    BETAS,
    BOB,
    CHARLIE,
    GAMMA,
    GAMMAS,
    NORA,
    NORTH,
    PASSWORD,
    PEOPLE,
    PROVIDER,
    PROVIDERS,
    START,
    insert_person,
    uid,
)

COMPANIES = "/organizations/companies"
ORGANIZATION = f"/organizations/{ACME}"
COMPANY = f"{COMPANIES}/{ACME}"
ADMINISTRATOR = PEOPLE[Role.COMPANY_ADMINISTRATOR]
RESELLER_ADMINISTRATOR = PEOPLE[Role.RESELLER_ADMINISTRATOR]


def replace(path: str, value: object) -> dict[str, object]:
    return {"op": "replace", "path": path, "value": value}


def sign_in(console: Console, name: str, password: str = PASSWORD) -> dict[str, Any]:
    return console.ask_for_token(grant_type="password", username=name, password=password).json()


def test_contact_data_are_patched_however_a_client_writes_them(console: Console) -> None:
    before = console.data(ORGANIZATION, BOB)
    patch = [
        replace("/Notes", "new\nlines"),
        replace("zipCode", 10115),
        {"op": "add", "path": "/country", "value": "49"},
        {"op": "copy", "from": "/name", "path": "/alias"},
        {"op": "test", "path": "/type", "value": "company"},
        replace("/email", "us@example.com"),
        {"op": "remove", "path": "/email"},
        replace("/locationAdmin0Code", "a"),
    ]
    changed = console.does("PATCH", ORGANIZATION, BOB, patch)
    told = {"notes": "new\nlines", "zipCode": "10115", "country": 49, "alias": "Acme", "email": None}
    assert changed == {**before, **told, "locationAdmin0Code": "a"}
    assert console.data(ORGANIZATION, ALICE) == changed


def test_a_company_has_its_organizations_name(console: Console) -> None:
    console.does("PATCH", ORGANIZATION, BOB, [replace("/name", "Acme & Söhne")])
    assert console.data(COMPANY, ALICE)["name"] == "Acme & Söhne"
    console.does("PATCH", COMPANY, ALICE, [replace("/name", "acme")])
    assert console.data(ORGANIZATION, ALICE)["name"] == "acme"
    for path in (ORGANIZATION, COMPANY):
        assert console.refuses(409, "PATCH", path, ALICE, [replace("/name", "BETA")])["propertyName"] == "name"
    made = {"organizationInput": {"name": "Acme & söhne"}, "ownerCredentials": {"userName": "n", "password": PASSWORD}}
    console.does("POST", COMPANIES, ALICE, made)


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        (ORGANIZATION, replace("/instanceUid", BETA)),
        (ORGANIZATION, replace("/type", "Provider")),
        (ORGANIZATION, {"op": "remove", "path": "/name"}),
        (ORGANIZATION, replace("/email", "nobody")),
        (ORGANIZATION, replace("/country", 2**31)),
        (ORGANIZATION, replace("/resellerUid", NORTH)),
        (COMPANY, replace("/status", "Unknown")),
        (COMPANY, replace("/status", "REMOVED_Deleted")),
        (COMPANY, replace("/resellerUid", "x")),
        (COMPANY, replace("/instanceUid", BETA)),
        (COMPANY, replace("/companyServices", {})),
        (COMPANY, replace("/ownerCredentials/password", "short")),
        (COMPANY, {"op": "remove", "path": "/ownerCredentials"}),
        (COMPANY, replace("/isRestAccessEnabled", None)),
    ],
    ids=str,
)
def test_a_patch_with_one_bad_part_changes_nothing(console: Console, path: str, operation: dict[str, object]) -> None:
    before = rows_of(console.database)
    console.refuses(400, "PATCH", path, ALICE, [replace("/name", "changed"), operation])
    failing = {"op": "test", "path": "/name", "value": "another"}
    console.refuses(409, "PATCH", path, ALICE, [replace("/name", "changed"), failing])
    assert rows_of(console.database) == before


def test_a_disabled_company_is_shut_out_at_once_and_let_in_again(console: Console) -> None:
    refresh = sign_in(console, "bob")["refresh_token"]
    changed = console.does("PATCH", COMPANY, ALICE, [replace("status", "disabled")])
    assert changed["status"] == "Disabled"
    for who in (BOB, ADMINISTRATOR):
        console.refuses(401, "GET", JOBS, who)
    assert sign_in(console, "bob")["error"] == "invalid_grant"
    again = console.ask_for_token(grant_type="refresh_token", refresh_token=refresh)
    assert again.json()["error"] == "invalid_grant"
    assert console.data(JOBS, CHARLIE)
    console.does("PATCH", COMPANY, ALICE, [replace("/status", "Active")])
    assert console.data(JOBS, BOB)
    assert "access_token" in sign_in(console, "bob")


def test_rest_access_is_switched_off_and_on(console: Console) -> None:
    console.does("PATCH", COMPANY, ALICE, [replace("/IsRestAccessEnabled", "False")])
    console.refuses(401, "GET", JOBS, BOB)
    assert sign_in(console, "bob")["error"] == "unauthorized_client"
    console.does("PATCH", COMPANY, ALICE, [replace("/isRestAccessEnabled", value=True)])
    assert console.data(JOBS, BOB)


def test_only_the_provider_gives_a_company_to_another_reseller(console: Console) -> None:
    gamma = f"{COMPANIES}/{GAMMA}"
    before = rows_of(console.database)
    for who in (NORA, RESELLER_ADMINISTRATOR):
        for reseller in (None, PROVIDER, BETA, uid("nothing")):
            error = console.refuses(403, "PATCH", gamma, who, [replace("/resellerUid", reseller)])
            assert error["propertyName"] == "resellerUid"
        console.refuses(404, "PATCH", COMPANY, who, [replace("/resellerUid", NORTH)])
    assert rows_of(console.database) == before
    # What stays as it is needs nobody's leave.
    assert console.does("PATCH", gamma, NORA, [replace("/resellerUid", NORTH)])["resellerUid"] == NORTH
    for other in (BETA, PROVIDER):
        assert console.refuses(400, "PATCH", COMPANY, ALICE, [replace("/resellerUid", other)])
    console.refuses(404, "PATCH", COMPANY, ALICE, [replace("/resellerUid", uid("nothing"))])
    console.does("PATCH", COMPANY, ALICE, [replace("/resellerUid", NORTH.upper())])
    assert {row["name"] for row in console.data(COMPANIES, NORA)} == {"Acme", "Gamma"}
    console.does("PATCH", gamma, ALICE, [{"op": "remove", "path": "/resellerUid"}])
    assert {row["name"] for row in console.data(COMPANIES, NORA)} == {"Acme"}
    console.refuses(404, "GET", f"{JOBS}/{GAMMAS.job}", NORA)


def test_the_owners_credentials_are_changed_by_the_provider(console: Console) -> None:
    refresh = sign_in(console, "bob")["refresh_token"]
    patch = [replace("/ownerCredentials/userName", "robert"), replace("/ownerCredentials/password", "another one")]
    changed = console.does("PATCH", COMPANY, ALICE, patch)
    assert changed["ownerCredentials"] == {"userName": "robert"}
    assert sign_in(console, "bob")["error"] == "invalid_grant"
    assert sign_in(console, "robert")["error"] == "invalid_grant"
    assert "access_token" in sign_in(console, "robert", "another one")
    again = console.ask_for_token(grant_type="refresh_token", refresh_token=refresh)
    assert again.json()["error"] == "invalid_grant"
    taken = [replace("/ownerCredentials/userName", "CHARLIE")]
    error = console.refuses(409, "PATCH", COMPANY, ALICE, taken)
    assert error["propertyName"] == "ownerCredentials.userName"
    no_owner = console.refuses(409, "PATCH", f"{COMPANIES}/{GAMMA}", ALICE, patch)
    assert "no owner" in no_owner["message"]
    assert "another one" not in repr(rows_of(console.database))
    refused = [replace("/ownerCredentials/password", {"secret": "of mine"})]
    assert "of mine" not in console.call("PATCH", COMPANY, ALICE, json=refused).text


def test_a_company_tells_its_services_and_takes_whatever_is_asked_for_them(console: Console) -> None:
    services = console.data(COMPANY, ALICE)["companyServices"]
    assert services["remoteServices"]["backupServersManagement"] == {"backupServerQuota": None}
    assert services["hostedServices"] == {"isVbPublicCloudManagementEnabled": False}
    body = {
        "organizationInput": {"name": "New"},
        "ownerCredentials": {"userName": "newt", "password": PASSWORD},
        "companyServices": {"hostedServices": {"isVbPublicCloudManagementEnabled": "true"}},
    }
    made = console.does("POST", COMPANIES, ALICE, body)
    assert made["companyServices"] == services
    assert made["loginUrl"] is None


@pytest.mark.parametrize("query", ["", "?removeAllAgents=", "?removeAllAgents=perhaps", "?removeAllAgents=null"])
def test_deleting_a_company_takes_a_decision_about_its_agents(quiet_console: Console, query: str) -> None:
    error = quiet_console.refuses(400, "DELETE", COMPANY + query, ALICE)
    assert error["parameterName"] == "removeAllAgents"


def test_a_company_with_jobs_is_deleted_only_with_its_agents(console: Console) -> None:
    before = rows_of(console.database)
    error = console.refuses(409, "DELETE", f"{COMPANY}?removeAllAgents=False", ALICE)
    assert error["parameterName"] == "removeAllAgents"
    assert rows_of(console.database) == before
    made = {"organizationInput": {"name": "New"}, "ownerCredentials": {"userName": "newt", "password": PASSWORD}}
    new = console.does("POST", COMPANIES, ALICE, made)["instanceUid"]
    console.does("DELETE", f"{COMPANIES}/{new}?removeAllAgents=false", ALICE)
    kept = {"activity_log", "agent_news"}
    after = {name: rows for name, rows in rows_of(console.database).items() if name not in kept}
    assert after == {name: rows for name, rows in before.items() if name not in kept}


def test_a_deleted_company_is_gone_from_everywhere_and_its_log_stays(console: Console) -> None:
    agent = console.agent_of(ACMES)
    refresh = sign_in(console, "bob")["refresh_token"]
    console.does("PATCH", ORGANIZATION, BOB, [replace("/notes", "what Bob did")])
    others = {estate: console.data(f"{JOBS}/{estate.job}", ALICE) for estate in (BETAS, GAMMAS, PROVIDERS)}
    with console.database.writing() as connection:
        assigned = jobs.update().where(jobs.c.unique_uid == PROVIDERS.job_unique)
        connection.execute(assigned.values(mapped_organization_uid=ACME))
    console.does("DELETE", f"{COMPANY}?removeAllAgents=true", ALICE)
    for path in (COMPANY, ORGANIZATION, f"{JOBS}/{ACMES.job}", f"/users/{BOB.uid}", f"{ORGANIZATION}/users"):
        console.refuses(404, "GET", path, ALICE)
    console.refuses(401, "GET", JOBS, BOB)
    assert sign_in(console, "bob")["error"] == "invalid_grant"
    again = console.ask_for_token(grant_type="refresh_token", refresh_token=refresh)
    assert again.json()["error"] == "invalid_grant"
    # Its agent is not let in any more, nor can it begin anew.
    assert agent.exchange().status_code == 401
    assert agent.open_session().status_code == 401
    # Nothing of it is counted, nothing of anybody else's is touched.
    assert len(console.data(JOBS, ALICE)) == 6
    for estate, job in others.items():
        assert console.data(f"{JOBS}/{estate.job}", ALICE) == job
    rows = rows_of(console.database)
    mentions = {name for name, found in rows.items() if any(each in repr(found) for each in (ACME, *ACMES.all_uids()))}
    # That its agents are to hear of it is noted, too.
    assert mentions == {"activity_log", "agent_news", "removed_repositories"}
    told = [(row["user_name"], row["activity"]) for row in rows["activity_log"]]
    assert told == [("bob", "OAuth2IssueToken"), ("bob", "PatchOrganization"), ("alice", "DeleteCompany")]
    # What it was called may be somebody else's name now.
    made = {"organizationInput": {"name": "Acme"}, "ownerCredentials": {"userName": "bob", "password": PASSWORD}}
    console.does("POST", COMPANIES, ALICE, made)


def test_what_a_deleted_company_backed_up_can_still_be_opened(console: Console) -> None:
    console.does("DELETE", f"{COMPANY}?removeAllAgents=true", ALICE)
    with console.database.reading() as connection:
        kept = list(connection.execute(select(removed_repositories)).mappings())
    assert {row["instance_uid"] for row in kept} == {ACMES.first, ACMES.second}
    for row in kept:
        assert SEAL.open(row["sealed_password"], row["instance_uid"]) == f"password of {row['name']}"
        assert (row["organization_name"], row["removed_at"]) == ("Acme", START)
        assert row["path"].startswith("/backup/")


def test_every_table_is_emptied_of_a_deleted_company(console: Console) -> None:
    # A table that is added later, and refers to what a company has, must not keep it from being deleted.
    with console.database.writing() as connection:
        connection.execute(insert(activity_log).values(_line()))
        for person in PEOPLE.values():
            if person.organization_uid == ACME:
                insert_person(connection, person._replace(uid=uid(f"second {person.uid}"), user_name=f"2{person.uid}"))
    console.does("DELETE", f"{COMPANY}?removeAllAgents=TRUE", ALICE)
    rows = rows_of(console.database)
    for table in metadata.sorted_tables:
        if table.name not in {"activity_log", "removed_repositories"}:
            assert ACME not in repr(rows[table.name]), table.name
    assert [row["organization_uid"] for row in rows["activity_log"]] == [ACME, PROVIDER]


def _line() -> dict[str, Any]:
    names = ("user_name", "activity", "object_uid", "detail")
    return {"at": START, "organization_uid": ACME, **dict.fromkeys(names, "x")}


def test_a_company_is_deleted_by_its_reseller_or_the_provider_only(console: Console) -> None:
    for who, status in ((NORA, 404), (BOB, 403), (PEOPLE[Role.PORTAL_OPERATOR], 403), (CHARLIE, 403)):
        console.refuses(status, "DELETE", f"{COMPANY}?removeAllAgents=true", who)
    for not_a_company in (NORTH, PROVIDER):
        console.refuses(404, "DELETE", f"{COMPANIES}/{not_a_company}?removeAllAgents=true", ALICE)
    console.does("DELETE", f"{COMPANIES}/{GAMMA}?removeAllAgents=true", NORA)
    assert console.data(COMPANIES, NORA) == []


def test_there_are_no_cloud_tenants(quiet_console: Console) -> None:
    answer = quiet_console.get(f"{COMPANY}/siteResources?limit=5&offset=2", BOB)
    assert answer == {"meta": {"pagingInfo": {"total": 0, "count": 0, "offset": 2}}, "data": []}
    quiet_console.refuses(404, "GET", f"{COMPANIES}/{BETA}/siteResources", BOB)
    quiet_console.refuses(404, "GET", f"{COMPANIES}/{NORTH}/siteResources", ALICE)
    quiet_console.refuses(400, "GET", f"{COMPANY}/siteResources?limit=0", BOB)
