"""What is kept for a user is not given to less than the user himself: to a read-only token, to one who acts as him."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from tandem.store.tables import users
from tests.conftest import Inhabited
from tests.consoles import BASE, Console, rows_of
from tests.gates import ACTIONS, action_in, gated_console
from tests.people import ALICE, BOB, PASSWORD, Person, uid
from tests.running import until

ASYNC = {"Prefer": "respond-async"}
KEYS = f"/users/{BOB.uid}/logins/apikey?description=mine&scopes=rest"
TOKENS = "/infrastructure/backupServers/enrolmentTokens"
TOTP = "/authentication/keys/totp-secret"


def signed_in(console: Console, who: Person, **more: str) -> Any:
    return console.ask_for_token(grant_type="password", username=who.user_name, password=PASSWORD, **more).json()


def acting_as_bob(console: Console) -> str:
    refresh_token = signed_in(console, ALICE)["refresh_token"]
    return console.ask_for_token(grant_type="as", refresh_token=refresh_token, userUid=BOB.uid).json()["access_token"]


def by(console: Console, token: str, method: str, path: str, **headers: str) -> httpx.Response:
    return console.request(method, BASE + path, headers={"Authorization": f"Bearer {token}", **headers})


@pytest.mark.parametrize(
    ("method", "path", "status_for_actor"), [("POST", KEYS, 403), ("GET", TOTP, 403), ("POST", TOKENS, 200)]
)
def test_secrets_that_an_action_made_are_not_for_lesser_rights(
    inhabited: Inhabited, method: str, path: str, status_for_actor: int
) -> None:
    with gated_console(inhabited) as console:
        json = {"name": "new"} if path == TOKENS else None
        action = action_in(console.call(method, path, BOB, json=json, headers=ASYNC))
        assert until(lambda: console.action(action, BOB)["status"] == "succeed")
        result = f"{ACTIONS}/{action}/result"
        reading = signed_in(console, BOB, readOnly="true")["access_token"]
        assert by(console, reading, "GET", result).status_code == 403
        assert by(console, acting_as_bob(console), "GET", result).status_code == status_for_actor
        assert console.call("GET", result, BOB).status_code == 200


def test_who_acts_as_another_is_not_given_the_answer_to_the_others_request(console: Console) -> None:
    headers = {"X-Request-id": uid("request")}
    assert "tandem_key_" in console.call("POST", KEYS, BOB, headers=headers).text
    repeated = by(console, acting_as_bob(console), "POST", KEYS, **headers)
    assert repeated.status_code == 403
    assert "tandem_key_" not in repeated.text


@pytest.mark.parametrize("seconds", [2, 3600])
def test_who_is_disabled_while_his_body_comes_slowly_does_nothing_more(console: Console, seconds: int) -> None:
    token = signed_in(console, BOB)["access_token"]

    async def body() -> AsyncGenerator[bytes]:
        yield b'{"name": '
        with console.database.writing() as connection:
            connection.execute(update(users).where(users.c.instance_uid == BOB.uid).values(status="Disabled"))
        console.clock.forward(seconds=seconds)
        yield b'"new"}'

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    assert console.request("POST", BASE + TOKENS, content=body(), headers=headers).status_code == 401
    assert not [row for row in rows_of(console.database)["enrolment_tokens"] if row["name"] == "new"]
