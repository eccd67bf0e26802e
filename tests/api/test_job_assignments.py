"""Assigning the provider's jobs: the company sees them and what they made, and changes nothing; others see nothing."""

import pytest

from tandem.domain.identity import Role
from tests.consoles import COPY_JOBS, JOBS, Console, rows_of
from tests.people import (
    ACME,
    ACMES,
    ALICE,
    BETA,
    BOB,
    CHARLIE,
    GAMMA,
    GAMMAS,
    NORA,
    NORTH,
    PEOPLE,
    PROVIDER,
    PROVIDERS,
    START,
    Person,
    uid,
)
from tests.reports import point

pytestmark = pytest.mark.embedded_only

JOB = f"{JOBS}/{PROVIDERS.job}"
COPY_JOB = f"{JOBS}/{PROVIDERS.copy_job}"
POINTS = "/protectedWorkloads/fileShares/restorePoints"
SWITCH_OFF = [{"op": "replace", "path": "/isEnabled", "value": False}]


def assign(console: Console, company: str, job: str = JOB) -> None:
    console.does("POST", f"{job}/assign?companyUid={company}", ALICE)


def sees(console: Console, who: Person, unique_uid: str = PROVIDERS.job_unique) -> bool:
    return unique_uid in {row["uniqueUid"] for row in console.data(JOBS, who)}


def test_an_assigned_job_is_seen_by_the_company_with_all_that_it_made(console: Console) -> None:
    assert not sees(console, BOB)
    assign(console, ACME)
    assert sees(console, BOB)
    job = console.data(JOB, BOB)
    assert (job["mappedOrganizationUid"], job["organizationUid"]) == (ACME, PROVIDER)
    assert PROVIDERS.job in {row["instanceUid"] for row in console.data(f"{JOBS}/fileShareJobs", BOB)}
    assert PROVIDERS.session in {row["instanceUid"] for row in console.data(f"{JOB}/sessions", BOB)}
    assert PROVIDERS.point in {row["instanceUid"] for row in console.data(POINTS, BOB)}
    backups = console.data("/protectedWorkloads/fileShares/backups", BOB)
    assert PROVIDERS.job in {row["jobUid"] for row in backups}


def test_its_copy_job_is_a_job_of_its_own(console: Console) -> None:
    assign(console, ACME)
    assert not sees(console, BOB, PROVIDERS.copy_job_unique)
    console.refuses(404, "GET", COPY_JOB, BOB)
    (point,) = [row for row in console.data(POINTS, BOB) if row["instanceUid"] == PROVIDERS.point]
    assert point["copies"] == []
    assign(console, ACME, COPY_JOB)
    assert PROVIDERS.copy_job in {row["instanceUid"] for row in console.data(COPY_JOBS, BOB)}
    # What it follows is not told to those who do not see that job.
    console.does("DELETE", f"{JOB}/assign", ALICE)
    assert console.data(COPY_JOB, BOB)["schedule"]["chainingOptions"] == {
        "previousJobId": None,
        "previousJobName": None,
    }


def test_a_point_that_only_a_copy_holds_is_listed_for_those_who_see_the_copy(console: Console) -> None:
    agent = console.agent_of(PROVIDERS)
    agent.report(point("Provider's point", PROVIDERS, snapshot_id=PROVIDERS.snapshot, forgotten_at=START))
    assign(console, ACME)
    assert PROVIDERS.point not in {row["instanceUid"] for row in console.data(POINTS, BOB)}
    assign(console, ACME, COPY_JOB)
    assert PROVIDERS.point in {row["instanceUid"] for row in console.data(POINTS, BOB)}


def test_another_company_takes_the_place_of_the_first(console: Console) -> None:
    assign(console, ACME)
    assign(console, BETA)
    assert sees(console, CHARLIE)
    assert not sees(console, BOB)
    console.refuses(404, "GET", JOB, BOB)
    assert PROVIDERS.point not in {row["instanceUid"] for row in console.data(POINTS, BOB)}


def test_a_job_taken_back_is_seen_no_more(console: Console) -> None:
    assign(console, ACME)
    console.does("DELETE", f"{JOB}/assign", ALICE)
    assert not sees(console, BOB)
    assert console.data(JOB, ALICE)["mappedOrganizationUid"] is None
    assert "not assigned" in console.refuses(409, "DELETE", f"{JOB}/assign", ALICE)["message"]


def test_a_reseller_sees_what_is_assigned_to_its_company(console: Console) -> None:
    assign(console, GAMMA)
    assert sees(console, NORA)
    assert not sees(console, BOB)


@pytest.mark.parametrize("company", [ACME, GAMMA])
def test_those_it_is_assigned_to_look_at_it_and_change_nothing(console: Console, company: str) -> None:
    console.agent_of(PROVIDERS)
    assign(console, company)
    who = BOB if company == ACME else NORA
    before = rows_of(console.database)
    for method, path in (("POST", "/start"), ("POST", "/stop"), ("POST", "/retry"), ("DELETE", "")):
        error = console.refuses(403, method, JOB + path, who)
        assert "assigned" in error["message"]
        # The machine and the repository are another's: not even their names are told.
        assert "server of" not in error["message"]
        assert "repository:" in error["message"]
    for changes in (SWITCH_OFF, [{"op": "replace", "path": "/status", "value": "Running"}]):
        assert console.call("PATCH", JOB, who, json=changes).status_code == 403
    assert rows_of(console.database) == before
    console.does("POST", f"{JOB}/start", ALICE)


def test_an_operator_of_the_provider_does_not_change_what_only_the_company_sees(console: Console) -> None:
    console.agent_of(PROVIDERS)
    assign(console, ACME)
    operator = PEOPLE[Role.PORTAL_OPERATOR]
    assert sees(console, operator)
    console.refuses(403, "POST", f"{JOB}/start", operator)
    console.refuses(404, "POST", f"{COPY_JOB}/start", operator)


def test_a_role_without_assigned_jobs_does_not_find_them(console: Console) -> None:
    assign(console, ACME)
    tenant = PEOPLE[Role.COMPANY_TENANT]
    assert not sees(console, tenant)
    for method in ("POST", "GET"):
        console.refuses(404, method, f"{JOB}/{'start' if method == 'POST' else 'sessions'}", tenant)


def test_their_own_jobs_are_theirs_to_change_as_ever(console: Console) -> None:
    console.agent_of(ACMES)
    assert console.call("PATCH", f"{JOBS}/{ACMES.job}", BOB, json=SWITCH_OFF).status_code == 200
    console.agent_of(GAMMAS)
    console.does("POST", f"{JOBS}/{GAMMAS.job}/start", NORA)


@pytest.mark.parametrize(
    ("company", "status"),
    [
        (uid("nothing"), 404),
        (PROVIDER, 400),
        (NORTH, 400),
        ("Acme", 400),
        ("", 400),
        (f"{ACME}x", 400),
        ("' or 1=1 --", 400),
    ],
)
def test_a_job_is_assigned_to_a_company_and_to_nothing_else(console: Console, company: str, status: int) -> None:
    before = rows_of(console.database)
    error = console.refuses(status, "POST", f"{JOB}/assign?companyUid={company}", ALICE)
    assert error["parameterName"] == "companyUid"
    assert error["message"].startswith("companyUid: ")
    assert rows_of(console.database) == before


def test_a_company_must_be_named(console: Console) -> None:
    assert console.refuses(400, "POST", f"{JOB}/assign", ALICE)["parameterName"] == "companyUid"


@pytest.mark.parametrize("company", [ACME, BETA])
def test_a_customers_job_is_not_given_to_another_customer_nor_to_itself(console: Console, company: str) -> None:
    path = f"{JOBS}/{ACMES.job}/assign?companyUid={company}"
    assert console.refuses(400, "POST", path, ALICE)["parameterName"] == "companyUid"
    assert console.data(f"{JOBS}/{ACMES.job}", ALICE)["mappedOrganizationUid"] is None


def test_an_unknown_job_is_not_assigned(console: Console) -> None:
    console.refuses(404, "POST", f"{JOBS}/{uid('nothing')}/assign?companyUid={ACME}", ALICE)
    console.refuses(404, "DELETE", f"{JOBS}/{uid('nothing')}/assign", ALICE)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PORTAL_ADMINISTRATOR])
def test_nobody_assigns_a_job_to_himself(console: Console, role: Role) -> None:
    who = PEOPLE[role]
    console.refuses(403, "POST", f"{JOB}/assign?companyUid={who.organization_uid}", who)
    assign(console, ACME)
    console.refuses(403, "DELETE", f"{JOB}/assign", who)
    assert console.data(JOB, ALICE)["mappedOrganizationUid"] == ACME


def test_a_deleted_job_stays_with_the_company_that_it_was_assigned_to(console: Console) -> None:
    console.agent_of(PROVIDERS)
    assign(console, ACME)
    for job in (COPY_JOB, JOB):
        console.does("DELETE", job, ALICE)
    assert PROVIDERS.point in {row["instanceUid"] for row in console.data(POINTS, BOB)}
    console.refuses(404, "POST", f"{JOB}/assign?companyUid={BETA}", ALICE)
