"""Too many requests are refused before anything is done for them, and the others are served as ever."""

from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from tandem.api.http.addresses import client_address
from tandem.api.http.throttling import REMEMBERED_MAX, Limit, Limits, Throttle
from tandem.domain.errors import Throttled
from tandem.protocol.messages import CHALLENGE_PATH
from tests.conftest import Inhabited
from tests.consoles import COPY_JOBS, Console, error_in, rows_of
from tests.gates import gated_console
from tests.people import ACMES, ALICE, BOB, CHARLIE, Person
from tests.running import until

pytestmark = pytest.mark.embedded_only

TOKENS = "/infrastructure/backupServers/enrolmentTokens"


def limited(quiet_console: Console, **limits: Limit) -> Console:
    return Console(quiet_console.database, limits=Limits(**limits))


def get(console: Console, who: Person = BOB, address: str = "192.0.2.1") -> httpx.Response:
    headers = {"Authorization": f"Bearer {console.services.checker.sign(who.uid)}"}
    return console.request("GET", f"/api/v3{COPY_JOBS}", headers=headers, address=address)


def seconds_to_wait(response: httpx.Response) -> int:
    """Give what a refusal says of when to come again, after a look at its shape."""
    error = error_in(response)
    assert (response.status_code, error["type"], error["code"]) == (429, "transport", 429)
    assert response.headers["Retry-After"] == str(error["retryAfter"])
    return error["retryAfter"]


def test_a_user_who_asks_too_often_waits_and_the_others_do_not(quiet_console: Console) -> None:
    console = limited(quiet_console, user=Limit(per_minute=3))
    assert [get(console).status_code for _ in range(3)] == [200, 200, 200]
    assert seconds_to_wait(get(console)) == 20
    assert get(console, address="192.0.2.9").status_code == 429, "wherever he comes from"
    assert get(console, CHARLIE).status_code == 200
    console.clock.forward(seconds=19)
    assert seconds_to_wait(get(console)) == 1
    console.clock.forward(seconds=1)
    assert [get(console).status_code for _ in range(2)] == [200, 429]


def test_an_address_is_counted_before_anybody_is_known(quiet_console: Console) -> None:
    console = limited(quiet_console, address=Limit(per_minute=2))
    nobody = [console.request("GET", f"/api/v3{COPY_JOBS}").status_code for _ in range(3)]
    assert nobody == [401, 401, 429]
    assert seconds_to_wait(get(console)) == 30
    assert get(console, address="192.0.2.9").status_code == 200


def test_all_together_are_limited_too(quiet_console: Console) -> None:
    console = limited(quiet_console, everybody=Limit(per_minute=2))
    assert [get(console, who, who.user_name).status_code for who in (ALICE, BOB, CHARLIE)] == [200, 200, 429]
    console.clock.forward(minutes=2)
    assert get(console).status_code == 200


def test_agents_and_who_watches_over_the_console_are_never_refused(quiet_console: Console) -> None:
    few = Limit(per_minute=1, parallel=1)
    console = limited(quiet_console, everybody=few, address=few, user=few)
    assert get(console).status_code == 200
    assert get(console).status_code == 429
    for path in ("/health/live", "/health/ready", "/metrics"):
        assert {console.request("GET", path).status_code for _ in range(3)} == {200}
    assert {console.request("POST", CHALLENGE_PATH, json={}).status_code for _ in range(3)} == {200}


def test_a_refused_change_is_not_made(console: Console) -> None:
    few = Console(console.database, limits=Limits(user=Limit(per_minute=1)))
    answers = [few.call("POST", TOKENS, BOB, json={"name": "new"}).status_code for _ in range(3)]
    assert answers == [200, 429, 429]
    assert len(rows_of(console.database)["enrolment_tokens"]) == 1


def test_requests_at_a_time_are_limited_until_one_is_answered(inhabited: Inhabited) -> None:
    with (
        gated_console(inhabited, limits=Limits(user=Limit(parallel=2))) as console,
        ThreadPoolExecutor(2) as pool,
    ):
        running = [pool.submit(console.make_repository, BOB, ACMES, name) for name in ("new", "newer")]
        until(lambda: len(console.names_of_repositories(ALICE) & {"new", "newer"}) == 2)
        assert seconds_to_wait(get(console)) == 1
        assert get(console, CHARLIE).status_code == 200
        console.gate.set()
        assert [each.result().status_code for each in running] == [200, 200]
        assert get(console).status_code == 200


def test_a_request_that_fails_leaves_too(quiet_console: Console) -> None:
    console = limited(quiet_console, user=Limit(parallel=1), address=Limit(parallel=1))
    for path in (f"/api/v3{COPY_JOBS}?limit=0", f"/api/v3{COPY_JOBS}/nothing", "/api/v3/about"):
        assert console.call("GET", path.removeprefix("/api/v3"), BOB).is_error
    assert get(console).status_code == 200


def test_without_limits_nothing_is_refused(quiet_console: Console) -> None:
    console = limited(quiet_console)
    assert {get(console).status_code for _ in range(50)} == {200}


def test_what_is_remembered_of_addresses_has_a_bound() -> None:
    now = 0.0
    throttle = Throttle(Limits(address=Limit(per_minute=1)), lambda: now)
    for number in range(REMEMBERED_MAX + 10):
        throttle.enter(str(number)).leave()
    inside: Any = throttle
    assert len(inside._address._due) <= REMEMBERED_MAX
    with pytest.raises(Throttled):
        throttle.enter(str(REMEMBERED_MAX + 9))
    now = 61.0
    throttle.enter(str(REMEMBERED_MAX + 9))


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("10.0.0.5", "203.0.113.7", "203.0.113.7"),
        ("::ffff:10.0.0.5", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.5", "203.0.113.7, 10.0.0.9", "203.0.113.7"),
        ("10.0.0.5", "198.51.100.1, 203.0.113.7", "203.0.113.7"),  # the first was written by the client
        ("10.0.0.5", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.5", "", "10.0.0.5"),
        ("192.0.2.1", "203.0.113.7", "192.0.2.1"),  # anybody can send the header
        ("", "203.0.113.7", ""),
    ],
)
def test_who_comes_through_a_load_balancer_is_counted_by_his_own_address(
    peer: str, forwarded: str, expected: str
) -> None:
    assert client_address(peer, forwarded, [ip_network("10.0.0.0/24")]) == expected
    assert client_address(peer, forwarded, []) == peer


def test_clients_of_one_load_balancer_do_not_use_up_each_others_requests(quiet_console: Console) -> None:
    limits = Limits(address=Limit(per_minute=1))
    console = Console(quiet_console.database, limits=limits, balancers=(ip_network("192.0.2.1"),))
    answers = [
        console.request("GET", "/api/v3/about", headers={"X-Forwarded-For": address}).status_code
        for address in ("203.0.113.1", "203.0.113.2", "203.0.113.2")
    ]
    assert answers == [401, 401, 429]
