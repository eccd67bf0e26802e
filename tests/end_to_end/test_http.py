"""HTTP as it goes over the wire: the real server, with TLS, spoken to in both of its languages."""

import gzip
import json
import ssl
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from tandem.client import Client
from tandem.client.errors import ApiError
from tests import http2
from tests.running import PASSWORD, SERVERS, Agent, Console, until

BASE = "/api/v3"
COPY_JOBS = f"{BASE}/infrastructure/backupServers/jobs/fileShareCopyJobs"
METRICS = "/metrics"
# More than the server holds unless told.
CONNECTED_AT_ONCE = 200


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Generator[Console]:
    made = Console(tmp_path_factory.mktemp("http"))
    made.start()
    yield made
    made.end()


@pytest.fixture(scope="module")
def token(console: Console) -> str:
    with connected(console) as connection:
        return sign_in(connection)


def sign_in(connection: HTTPSConnection) -> str:
    form = f"grant_type=password&username=admin&password={PASSWORD}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    _status, _headers, body = ask(connection, "POST", f"{BASE}/token", form.encode(), headers)
    return json.loads(body)["access_token"]


@contextmanager
def connected(console: Console) -> Generator[HTTPSConnection]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = HTTPSConnection("localhost", console.port, timeout=30, context=context)
    try:
        yield connection
    finally:
        connection.close()


@pytest.fixture
def connection(console: Console) -> Generator[HTTPSConnection]:
    with connected(console) as made:
        yield made


def ask(
    connection: HTTPSConnection, method: str, path: str, body: bytes | None = None, headers: Any = None
) -> tuple[int, dict[str, str], bytes]:
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def test_a_client_that_speaks_http_2_is_answered_in_it(console: Console, token: str) -> None:
    address = ("localhost", console.port)
    answer = http2.get(address, COPY_JOBS, {"authorization": f"Bearer {token}"})
    assert answer.is_ok
    assert json.loads(answer.body) == {"meta": {"pagingInfo": {"total": 0, "count": 0, "offset": 0}}, "data": []}
    refused = http2.get(address, COPY_JOBS, {})
    assert not refused.is_ok
    assert json.loads(refused.body)["errors"][0]["code"] == 401


def test_one_connection_serves_whatever_is_asked_in_a_row(connection: HTTPSConnection, token: str) -> None:
    # An answer whose length is told wrongly would garble the next one.
    signed = {"Authorization": f"Bearer {token}"}
    status, headers, body = ask(connection, "GET", COPY_JOBS, headers=signed)
    assert (status, int(headers["content-length"])) == (200, len(body))
    head = ask(connection, "HEAD", COPY_JOBS, headers=signed)
    assert (head[0], head[1]["content-length"], head[2]) == (200, headers["content-length"], b"")
    known = ask(connection, "GET", COPY_JOBS, headers={**signed, "If-None-Match": headers["etag"]})
    assert (known[0], known[2]) == (304, b"")
    packed = ask(connection, "GET", COPY_JOBS, headers={**signed, "Accept-Encoding": "gzip, identity;q=0"})
    assert (packed[1]["content-encoding"], gzip.decompress(packed[2])) == ("gzip", body)
    for path in ("/nothing", f"{BASE}/about", METRICS, "/health/live", f"{COPY_JOBS}/"):
        _status, headers, body = ask(connection, "GET", path)
        assert int(headers["content-length"]) == len(body) > 0
    assert ask(connection, "GET", COPY_JOBS, headers=signed)[0] == 200


def test_an_action_is_found_where_the_answer_says(console: Console, connection: HTTPSConnection, token: str) -> None:
    signed = {"Authorization": f"Bearer {token}"}
    status, headers, body = ask(connection, "GET", COPY_JOBS, headers={**signed, "Prefer": "respond-async"})
    assert (status, json.loads(body)) == (202, {"errors": [], "data": {}, "meta": None})
    where = f"{console.url}{BASE}/asyncActions/"
    assert headers["location"].startswith(where)
    path = headers["location"].removeprefix(console.url)
    assert ask(connection, "GET", path, headers=signed)[0] == 200


def test_our_own_client_waits_for_what_goes_on_by_itself(console: Console, token: str) -> None:
    with Client(console.url, console.client.certificate_pem, access_token=token) as client:
        inside: Any = client
        inside._http.headers["Prefer"] = "respond-async"
        assert client.get("/users/me")["userName"] == "admin"
        with pytest.raises(ApiError, match="No backup server") as refused:
            client.post(f"{SERVERS}/{'0' * 32}/fileShares", {"name": "new", "path": "/new"})
        assert refused.value.status == 404


def test_a_console_ends_in_time_although_somebody_waits_for_an_agent_that_is_away(tmp_path: Path) -> None:
    console = Console(tmp_path)
    agent = Agent(tmp_path, console)
    console.start()
    try:
        agent.enrol()
        agent.start()
        (server,) = until(lambda: [row for row in console.client.pages(SERVERS) if row["status"] == "Healthy"])
        agent.kill()
        repositories = f"{BASE}{SERVERS}/{server['instanceUid']}/repositories"
        with ThreadPoolExecutor(1) as pool, connected(console) as connection, connected(console) as other:
            signed = {"Authorization": f"Bearer {sign_in(connection)}", "Content-Type": "application/json"}
            waiting = pool.submit(ask, other, "POST", repositories, b'{"name": "a", "path": "/a"}', signed)
            headers = {**signed, "Prefer": "respond-async"}
            body = b'{"name": "b", "path": "/b"}'
            _status, answered, _body = ask(connection, "POST", repositories, body, headers)
            action = answered["location"].rpartition("/")[2]
            until(lambda: len(list(console.client.pages(f"{SERVERS}/repositories"))) == 2)
            assert console.stop() == 0
            assert waiting.result()[0] == 200
        console.start()
        assert console.client.get(f"/asyncActions/{action}")["status"] in {"failed", "succeed"}
    finally:
        agent.end()
        console.end()


def test_hundreds_of_agents_stay_connected_and_the_next_one_is_still_served(console: Console) -> None:
    with ExitStack() as present:
        for number in range(CONNECTED_AT_ONCE):
            connection = present.enter_context(connected(console))
            status, _headers, _body = ask(connection, "GET", "/health/live")
            assert status == 200, f"connection {number}"
