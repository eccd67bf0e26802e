"""The first start: one installation, one administrator, however many consoles begin at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tandem.actions.first_start import prepare
from tandem.actions.passwords import is_password_right
from tandem.domain.errors import Invalid
from tandem.domain.identity import Role
from tandem.store.database import Database
from tests.consoles import SEAL, Console, rows_of
from tests.people import START

CONSOLES = 4
PASSWORD = "of the first administrator"


def start(database: Database, password: str = PASSWORD) -> str:
    return prepare(database, SEAL, admin_user="root", admin_password=lambda: password, now=START)


def test_an_empty_database_becomes_an_installation_with_one_administrator(database: Database) -> None:
    uid = start(database)
    rows = rows_of(database)
    assert [row["instance_uid"] for row in rows["installation"]] == [uid]
    (provider,) = rows["organizations"]
    (administrator,) = rows["users"]
    assert (administrator["user_name"], administrator["role"]) == ("root", Role.PORTAL_ADMINISTRATOR)
    assert administrator["organization_uid"] == provider["instance_uid"]
    assert is_password_right(PASSWORD, administrator["password_hash"])
    (key,) = rows["signing_keys"]
    assert len(SEAL.open(key["sealed_key"], key["key_id"])) >= 43


def test_its_administrator_signs_in(database: Database) -> None:
    start(database)
    console = Console(database)
    response = console.ask_for_token(grant_type="password", username="ROOT", password=PASSWORD)
    assert response.status_code == 200
    headers = {"Authorization": f"Bearer {response.json()['access_token']}"}
    assert console.request("GET", "/api/v3/organizations", headers=headers).json()["data"][0]["type"] == "Provider"


def test_a_second_start_keeps_everything_and_asks_for_no_password(database: Database) -> None:
    uid = start(database)
    before = rows_of(database)

    def no_password() -> str:
        raise AssertionError("A password was asked for.")

    assert prepare(database, SEAL, admin_user="another", admin_password=no_password, now=START) == uid
    assert rows_of(database) == before


def test_consoles_that_start_at_once_agree_on_one_installation(database: Database) -> None:
    barrier = Barrier(CONSOLES)

    def begin(number: int) -> str:
        barrier.wait()
        return start(database, f"password of console {number}")

    with ThreadPoolExecutor(CONSOLES) as pool:
        uids = set(pool.map(begin, range(CONSOLES)))
    rows = rows_of(database)
    assert {row["instance_uid"] for row in rows["installation"]} == uids
    assert [len(rows[name]) for name in ("installation", "organizations", "users", "signing_keys")] == [1, 1, 1, 1]


@pytest.mark.parametrize("password", ["", "short", "x" * 1025])
def test_a_bad_password_of_the_administrator_leaves_the_database_empty(database: Database, password: str) -> None:
    with pytest.raises(Invalid, match="admin_password"):
        start(database, password)
    assert not [name for name, rows in rows_of(database).items() if rows]
