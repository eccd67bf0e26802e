"""What the console tells of itself: to its operator, to what watches over it, and to nobody what is a tenant's."""

import re
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from tandem.server.logs import configure_logs
from tandem.store.database import Database, open_database
from tests.consoles import COPY_JOBS, FORM, JOBS, Console, error_in
from tests.people import ACME, ACMES, ALICE, BOB, CHARLIE, ESTATES, INSTALLATION, PASSWORD, PEOPLE, uid


def test_an_operator_learns_what_is_installed(console: Console) -> None:
    about = console.data("/about", ALICE)
    assert about["installationId"] == INSTALLATION
    assert about["installationDate"] == "2026-03-02T12:00:00.0000000+00:00"
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*", about["serverVersion"])


def test_a_user_learns_who_he_is(console: Console) -> None:
    for person in (*PEOPLE.values(), CHARLIE):
        me = console.data("/users/me", person)
        assert (me["instanceUid"], me["role"], me["userName"]) == (person.uid, person.role, person.user_name)


def test_a_console_whose_database_answers_is_ready(console: Console) -> None:
    for path, status in (("/health/live", "live"), ("/health/ready", "ready")):
        response = console.request("GET", path)
        assert (response.status_code, response.json()) == (200, {"status": status})


@pytest.fixture
def away(tmp_path: Path, console: Console) -> Iterator[Console]:
    """A console whose database has gone away."""
    database = open_database(f"postgresql://nobody@/tandem?host={tmp_path}&connect_timeout=1")
    yield _with_database(console, database)
    database.close()


def _with_database(console: Console, database: Database) -> Console:
    """Give a console that started with one database and finds another."""
    console.lose_database(database)
    return console


def test_a_console_whose_database_is_away_lives_but_is_not_ready(away: Console) -> None:
    assert away.request("GET", "/health/live").status_code == 200
    response = away.request("GET", "/health/ready")
    assert (response.status_code, response.json()) == (503, {"status": "not ready"})


def test_a_database_that_is_away_is_told_as_something_to_try_again(away: Console) -> None:
    # Every error of the server is a 520, as the contract has it.
    for method, path in (("GET", COPY_JOBS), ("POST", f"{JOBS}/{ACMES.job}/start")):
        with capture_logs() as logs:
            response = away.call(method, path, BOB)
        assert response.status_code == 520
        assert [line["path"] for line in logs if line["log_level"] == "error"] == [f"/api/v3{path}"]
        error = error_in(response)
        assert error["type"] == "retryableLogical"
        assert "database" in error["message"]
        assert "host" not in error["message"]


@pytest.fixture
def broken(console: Console) -> Console:
    """A console whose database holds something that it cannot read."""
    with console.database.writing() as connection:
        connection.exec_driver_sql("update file_share_copy_jobs set retention_unit = 'Fortnights'")
    return console


def test_a_fault_of_ours_is_told_by_an_id_that_the_log_has_too_and_nothing_else(broken: Console) -> None:
    with capture_logs() as logs:
        response = broken.call("GET", f"{COPY_JOBS}/{ACMES.copy_job}?limit=7", BOB)
    assert response.status_code == 520
    error = error_in(response)
    assert (error["type"], error["code"]) == ("unspecified", 520)
    (line,) = [line for line in logs if line["log_level"] == "error"]
    assert line["error_id"] in error["message"]
    assert (line["method"], line["path"]) == ("GET", f"/api/v3{COPY_JOBS}/{ACMES.copy_job}")
    assert line["exc_info"] is not None
    for word in ("Traceback", "Fortnights", "ValueError", "sqlalchemy", ".py"):
        assert word not in response.text
    # And the console goes on.
    assert broken.call("GET", "/users/me", BOB).status_code == 200


@pytest.fixture
def real_logs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """Log as a console does that was started in earnest; gives what was logged."""
    before, logged = structlog.get_config(), StringIO()
    monkeypatch.setattr(sys, "stderr", logged)
    configure_logs(request.param)
    yield logged
    structlog.configure(**before)


@pytest.mark.parametrize("real_logs", ["console", "json"], indirect=True)
def test_no_log_holds_a_password_or_a_token(console: Console, real_logs: StringIO) -> None:
    token = console.services.checker.sign(ALICE.uid)
    with console.database.writing() as connection:
        connection.exec_driver_sql("update organizations set type = 'Empire'")
    credentials = {"userName": "new", "password": PASSWORD}
    body = {"organizationUid": ACME, "role": "CompanyTenant", "profile": {}, "credentials": credentials}
    headers = {"Authorization": f"Bearer {token}"}
    assert console.request("POST", "/api/v3/users", json=body, headers=headers).status_code == 520
    logged = real_logs.getvalue()
    assert "request failed" in logged
    assert "get_organization" in logged, "a trace that helps is in the log"
    assert PASSWORD not in logged
    assert token not in logged
    assert token.rpartition(".")[2] not in logged


def test_metrics_count_requests_and_hold_nothing_of_any_tenant(console: Console) -> None:
    for who in (ALICE, BOB, CHARLIE):
        console.call("GET", f"{JOBS}/{ACMES.job}", who)
        console.call("GET", f"{COPY_JOBS}?limit=Acme", who)
    console.request("POST", "/api/v3/token", content=b"grant_type=password", headers={"Content-Type": FORM})
    console.call("GET", "/Acme's/" + uid("nothing"), ALICE)
    response = console.request("GET", "/metrics")
    assert response.headers["Content-Type"].startswith("text/plain")
    text = response.text
    counted = re.search(r'tandem_requests_total\{operation="GetBackupServerJob",status="200"\} (\d+)', text)
    assert counted
    assert int(counted[1]) >= 2
    assert 'tandem_requests_total{operation="unknown",status="404"}' in text
    uids = {each for estate in ESTATES for each in estate.all_uids()} | {uid("nothing")}
    names = {person.user_name for person in PEOPLE.values()} | {"Acme", "Beta", "Gamma", "North", "example"}
    for each in uids | names:
        assert each not in text, each


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api"), ("GET", "/api/v3"), ("GET", "/api/v2/about"), ("GET", "//"), ("POST", "/x" * 2000)],
)
def test_where_there_is_nothing_it_is_said_in_the_contracts_form(
    quiet_console: Console, method: str, path: str
) -> None:
    response = quiet_console.request(method, path)
    assert response.status_code == 404
    assert len(error_in(response)["message"]) < 300


@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST", "PATCH", "TRACE", "FROBNICATE"])
def test_a_method_that_is_not_served_is_told_with_those_that_are(quiet_console: Console, method: str) -> None:
    response = quiet_console.call(method, COPY_JOBS, ALICE)
    assert response.status_code == 405
    assert "use GET" in error_in(response)["message"]
    assert response.headers["Allow"] == "GET, HEAD"


def test_a_query_of_endless_parameters_is_refused(quiet_console: Console) -> None:
    query = "&".join(f"a{number}=1" for number in range(201))
    error = quiet_console.refuses(400, "GET", f"{COPY_JOBS}?{query}", ALICE)
    assert "200" in error["message"]


@pytest.mark.parametrize("query", ["%", "%zz", "%ff", "=", "&&&", "a;b", "limit", "\xff"])
def test_a_strange_query_is_no_fault_of_the_server(quiet_console: Console, query: str) -> None:
    response: Any = quiet_console.call("GET", f"{COPY_JOBS}?{query}", ALICE)
    assert response.status_code in {200, 400}
