"""Two who change one thing at once: one of them wins, the other is told, and nothing is there twice."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import urlencode

import httpx
import pytest
from sqlalchemy import update

from tandem.actions.reset_password import held_codes
from tandem.actions.throttles import FREE_FAILURES_OF_USER
from tandem.protocol.messages import NumberedReport
from tandem.store.schema.tables import users
from tests.consoles import JOBS, SEAL, Console, error_in, rows_of
from tests.people import ACMES, ALICE, BOB, PASSWORD, Person, uid
from tests.reports import session
from tests.second_factors import code_of

SERVER = f"/infrastructure/backupServers/{ACMES.server}"
SHARE_JOB = {"fileShareUid": ACMES.share, "targetRepositoryUid": ACMES.second}
TRIES = 4


def at_once(console: Console, path: str, bodies: Sequence[object], who: Person = BOB) -> list[httpx.Response]:
    """Send requests to one operation at once."""
    barrier = Barrier(len(bodies))

    def send(body: object) -> httpx.Response:
        barrier.wait()
        return console.call("POST", path, who, json=body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(send, bodies))


def one_wins(responses: Sequence[httpx.Response]) -> bool:
    for response in responses:
        if response.status_code != 200:
            assert response.status_code == 409, response.text
            assert error_in(response)["type"] == "logical"
    return sorted(response.status_code for response in responses) == [200] + [409] * (len(responses) - 1)


def test_one_job_of_a_name_is_made(console: Console) -> None:
    path = f"{SERVER}/jobs/fileShareJobs"
    assert one_wins(at_once(console, path, [{"name": "new", **SHARE_JOB}] * TRIES))
    assert len([row for row in console.data(JOBS, BOB) if row["name"] == "new"]) == 1


def test_one_copy_job_of_a_job_to_a_repository_is_made(console: Console) -> None:
    console.agent_of(ACMES)
    third = console.does("POST", f"{SERVER}/repositories", BOB, {"name": "third", "path": "/third"})["instanceUid"]
    body = {"sourceFileShareJobUid": ACMES.job, "targetRepositoryUid": third}
    bodies = [{"name": f"copy {number}", **body} for number in range(TRIES)]
    assert one_wins(at_once(console, f"{SERVER}/jobs/fileShareCopyJobs", bodies))


@pytest.mark.parametrize(
    "paths",
    [["/new"] * TRIES, ["/new", "/new/a", "/new/b", "/new/a/b"], ["/a/b/c", "/a/b", "/a"]],
    ids=["the same", "inside", "around"],
)
def test_of_folders_that_overlap_one_becomes_a_repository(console: Console, paths: list[str]) -> None:
    console.agent_of(ACMES)
    bodies = [{"name": f"repository {number}", "path": path} for number, path in enumerate(paths)]
    responses = at_once(console, f"{SERVER}/repositories", bodies)
    made = [row for row in console.data(f"{SERVER}/repositories", BOB) if row["name"].startswith("repository")]
    assert len(made) == len([response for response in responses if response.status_code == 200])
    if len(set(paths)) == 1 or "/a" in paths:
        assert one_wins(responses)
    shown = [row["path"] for row in rows_of(console.database)["backup_repositories"] if row["path"] in set(paths)]
    assert not [(one, other) for one in shown for other in shown if other.startswith(f"{one}/")]


def test_one_share_of_a_name_is_made(console: Console) -> None:
    console.agent_of(ACMES)
    bodies = [{"name": "new share", "path": f"/srv/{number}"} for number in range(TRIES)]
    assert one_wins(at_once(console, f"{SERVER}/fileShares", bodies))


def test_one_run_is_ordered_however_many_ask_for_it(console: Console) -> None:
    agent = console.agent_of(ACMES)
    assert one_wins(at_once(console, f"{JOBS}/{ACMES.job}/start", [None] * TRIES))
    assert len(agent.hear().commands) == 1


def test_one_user_of_a_name_and_one_company_of_a_name_are_made(console: Console) -> None:
    credentials = {"userName": "new", "password": PASSWORD}
    user: dict[str, object] = {"organizationUid": ACMES.organization_uid, "role": "CompanyTenant", "profile": {}}
    assert one_wins(at_once(console, "/users", [{**user, "credentials": credentials}] * TRIES))
    bodies = [
        {"organizationInput": {"name": "New"}, "ownerCredentials": {"userName": f"owner {n}", "password": PASSWORD}}
        for n in range(TRIES)
    ]
    assert one_wins(at_once(console, "/organizations/companies", bodies, ALICE))
    assert len([row for row in console.data("/users", ALICE) if row["userName"].startswith("owner ")]) == 1


def test_a_token_is_refreshed_once(console: Console) -> None:
    given = console.ask_for_token(grant_type="password", username="bob", password=PASSWORD).json()
    barrier = Barrier(TRIES)

    def refresh(_number: int) -> int:
        barrier.wait()
        refreshed = console.ask_for_token(grant_type="refresh_token", refresh_token=given["refresh_token"])
        return refreshed.status_code

    with ThreadPoolExecutor(TRIES) as pool:
        statuses = sorted(pool.map(refresh, range(TRIES)))
    assert statuses == [200] + [400] * (TRIES - 1)


def together(send: Callable[[int], httpx.Response]) -> list[int]:
    """Do something several times at once; gives the statuses, in order of size."""
    barrier = Barrier(TRIES)

    def do(number: int) -> int:
        barrier.wait()
        return send(number).status_code

    with ThreadPoolExecutor(TRIES) as pool:
        return sorted(pool.map(do, range(TRIES)))


def test_a_code_of_a_second_factor_signs_in_once(console: Console) -> None:
    secret = console.data("/authentication/keys/totp-secret", BOB)
    code = code_of(secret["secret"], console.clock.now)
    parameters = {"secretUrl": secret["secretUrl"], "code": code, "description": "x", "scopes": "rest"}
    console.does("POST", f"/users/{BOB.uid}/logins/totp?{urlencode(parameters)}", BOB)
    console.clock.forward(minutes=1)
    sign_in = {"grant_type": "password", "username": "bob", "password": PASSWORD}
    tokens = [console.ask_for_token(**sign_in).json()["mfa_token"] for _ in range(TRIES)]
    code = code_of(secret["secret"], console.clock.now)
    fields = {"grant_type": "mfa", "mfa_code": code}
    statuses = together(lambda number: console.ask_for_token(mfa_token=tokens[number], **fields))
    assert statuses == [200] + [400] * (TRIES - 1)


def test_many_guesses_at_once_get_no_further_than_one_after_the_other(console: Console) -> None:
    wrong = {"grant_type": "password", "username": "bob", "password": "wrong password"}
    for _ in range(FREE_FAILURES_OF_USER - 1):
        assert console.ask_for_token(**wrong).status_code == 400
    assert together(lambda _number: console.ask_for_token(**wrong)) == [400] + [429] * (TRIES - 1)


def test_a_reset_code_sets_one_password(console: Console) -> None:
    with console.database.writing() as connection:
        connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(email="bob@example.com"))
    path = "/api/v3/users/resetpassword"
    console.request("POST", path, json={"email": "bob@example.com", "userName": "bob"})
    code = held_codes(console.database, SEAL, console.clock.now)[0].code
    statuses = together(
        lambda number: console.request("PUT", path, json={"code": code, "newPassword": f"new password {number}"})
    )
    assert statuses == [200] + [400] * (TRIES - 1)


def test_those_who_work_on_one_server_never_wait_for_each_other_in_a_circle(console: Console) -> None:
    agent = console.agent_of(ACMES)
    agent.report(session("run"))
    job, barrier = f"{JOBS}/{ACMES.job}", Barrier(5)

    def patch(turn: int) -> httpx.Response:
        return console.call("PATCH", job, BOB, json=[{"op": "replace", "path": "isEnabled", "value": turn % 2 == 0}])

    def report(turn: int) -> httpx.Response:
        return agent.exchange(NumberedReport(turn + 2, session("run", messages=[f"{turn}"])))

    def create(turn: int) -> httpx.Response:
        return console.call("POST", f"{SERVER}/jobs/fileShareJobs", BOB, json={"name": f"job {turn}", **SHARE_JOB})

    def stop(_turn: int) -> httpx.Response:
        return console.call("POST", f"{job}/stop", BOB)

    def delete(_turn: int) -> httpx.Response:
        return console.call("DELETE", f"{JOBS}/{ACMES.copy_job}", BOB)

    def repeat(what: Callable[[int], httpx.Response]) -> set[int]:
        barrier.wait()
        return {what(turn).status_code for turn in range(12)}

    with ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(repeat, [patch, report, create, stop, delete]))
    assert [each for each in statuses if not each <= {200, 404, 409}] == []


def test_a_copy_job_is_not_made_of_a_job_that_is_being_deleted(console: Console) -> None:
    console.does("DELETE", f"{JOBS}/{ACMES.copy_job}", BOB)
    barrier = Barrier(2)
    body = {"name": "new", "sourceFileShareJobUid": ACMES.job, "targetRepositoryUid": ACMES.second}

    def make() -> int:
        barrier.wait()
        return console.call("POST", f"{SERVER}/jobs/fileShareCopyJobs", BOB, json=body).status_code

    def delete() -> int:
        barrier.wait()
        return console.call("DELETE", f"{JOBS}/{ACMES.job}", BOB).status_code

    with ThreadPoolExecutor(2) as pool:
        made, deleted = pool.submit(make), pool.submit(delete)
        assert (made.result(), deleted.result()) in {(200, 409), (400, 200), (409, 200)}
    jobs = {row["instanceUid"] for row in console.data(JOBS, BOB)}
    copies = console.data(f"{JOBS}/fileShareCopyJobs", BOB)
    assert not [row for row in copies if row["sourceFileShareJobUid"] not in jobs]
    assert uid("nothing") not in jobs
