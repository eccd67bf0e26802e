"""What is kept for a user is not given to less than the user himself: to a read-only token, to one who acts as him."""

from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from tandem.domain.identity import Role, User
from tandem.store import users as users_store
from tandem.store.schema.tables import users
from tests.conftest import Inhabited
from tests.consoles import BASE, Console, rows_of
from tests.gates import ACTIONS, action_in, gated_console
from tests.people import ALICE, BOB, GAMMA, NORA, PASSWORD, PEOPLE, Person, uid
from tests.running import until

pytestmark = pytest.mark.embedded_only

ASYNC = {"Prefer": "respond-async"}
KEYS = f"/users/{BOB.uid}/logins/apikey?description=mine&scopes=rest"
TOKENS = "/infrastructure/backupServers/enrolmentTokens"
TOTP = "/authentication/keys/totp-secret"


def signed_in(console: Console, who: Person, **more: str) -> Any:
    return console.ask_for_token(grant_type="password", username=who.user_name, password=PASSWORD, **more).json()


def acting_as(console: Console, actor: Person, whom: Person) -> str:
    refresh_token = signed_in(console, actor)["refresh_token"]
    return console.ask_for_token(grant_type="as", refresh_token=refresh_token, userUid=whom.uid).json()["access_token"]


def acting_as_bob(console: Console) -> str:
    return acting_as(console, ALICE, BOB)


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


ACTED = PEOPLE[Role.RESELLER_ADMINISTRATOR]
PATCHES = [
    (f"/users/{ACTED.uid}", "/credentials/password", "a password that nobody knows"),
    (f"/users/{ACTED.uid}", "/mfaPolicyStatus", "Enabled"),
    (f"/users/{PEOPLE[Role.RESELLER_OPERATOR].uid}", "/mfaPolicyStatus", "Enabled"),
    (f"/organizations/companies/{GAMMA}", "/ownerCredentials/password", "a password that nobody knows"),
]


@pytest.mark.parametrize(("path", "place", "value"), PATCHES)
def test_who_acts_as_another_changes_nothing_of_how_people_sign_in(
    console: Console, path: str, place: str, value: str
) -> None:
    with console.database.writing() as connection:
        owned = User(
            instance_uid=uid("owner of gamma"),
            organization_uid=GAMMA,
            role=Role.COMPANY_OWNER,
            user_name="greta",
            status="Enabled",
        )
        users_store.insert_user(connection, owned, password_hash="", created_at=console.clock.now)
    body = f'[{{"op": "replace", "path": "{place}", "value": "{value}"}}]'.encode()

    def send(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        return console.request("PATCH", BASE + path, content=body, headers=headers).status_code

    before = rows_of(console.database)["users"]
    assert send(acting_as(console, NORA, ACTED)) == 403
    assert rows_of(console.database)["users"] == before
    assert send(signed_in(console, NORA)["access_token"]) == 200
