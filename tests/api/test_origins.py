"""Whose failures count against whom: nobody escapes by another address of his own, nor slows down somebody else's."""

import pytest

from tandem.actions.throttles import FREE_FAILURES_OF_ADDRESS, FREE_FAILURES_OF_USER, origin
from tandem.api.http.throttling import Limit, Limits
from tests.consoles import COPY_JOBS, Console
from tests.people import BOB, PASSWORD

pytestmark = pytest.mark.embedded_only

VICTIM = "192.0.2.77"


def sign_in(console: Console, address: str, user_name: str = BOB.user_name, password: str = "wrong") -> int:  # noqa: S107  (it is)
    fields = {"grant_type": "password", "username": user_name, "password": password}
    return console.ask_for_token(address=address, **fields).status_code


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1::5", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:ffff::", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_a_network_that_one_has_whole_is_one_origin(address: str, expected: str) -> None:
    assert origin(address) == expected


def test_the_addresses_of_one_network_guess_no_faster_than_one(console: Console) -> None:
    statuses = [sign_in(console, f"2001:db8::{number}") for number in range(1, FREE_FAILURES_OF_USER + 2)]
    assert statuses == [*[400] * FREE_FAILURES_OF_USER, 429]
    assert sign_in(console, "2001:db8:0:1::1") == 400


def test_the_addresses_of_one_network_ask_no_faster_than_one(quiet_console: Console) -> None:
    console = Console(quiet_console.database, limits=Limits(address=Limit(per_minute=1)))
    url = f"/api/v3{COPY_JOBS}"
    statuses = [console.request("GET", url, address=f"2001:db8::{number}").status_code for number in (1, 2)]
    assert statuses == [401, 429]


def test_an_address_given_as_a_user_name_is_none(console: Console) -> None:
    for number in range(FREE_FAILURES_OF_ADDRESS + 1):
        assert sign_in(console, f"198.51.100.{number}", user_name=VICTIM) == 400
    assert sign_in(console, VICTIM, password=PASSWORD) == 200
