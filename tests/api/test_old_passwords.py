"""Whoever knew a password can do nothing with it once it is another, whatever he had begun before."""

from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from tandem.actions import grants
from tandem.actions.passwords import hash_password, is_password_right
from tandem.store import sign_ins, users
from tests.consoles import Console
from tests.people import ACME, ALICE, BOB, PASSWORD
from tests.second_factors import code_of

pytestmark = pytest.mark.embedded_only

NEW = "a password that nobody has seen"


def by_administrator(console: Console) -> None:
    patch = [{"op": "replace", "path": "/credentials/password", "value": NEW}]
    console.does("PATCH", f"/users/{BOB.uid}", ALICE, patch)


def by_company(console: Console) -> None:
    patch = [{"op": "replace", "path": "/ownerCredentials/password", "value": NEW}]
    console.does("PATCH", f"/organizations/companies/{ACME}", ALICE, patch)


CHANGES = pytest.mark.parametrize("change", [by_administrator, by_company])


def test_a_sign_in_that_is_under_way_ends_with_the_old_password(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(password: str, password_hash: str | None) -> bool:
        is_right = is_password_right(password, password_hash)
        with console.database.writing() as connection:
            users.replace_password(connection, BOB.uid, hash_password(NEW, "x"))
            sign_ins.end_sign_ins(connection, BOB.uid)
        return is_right

    monkeypatch.setattr(grants, "is_password_right", slowly)
    answer = console.ask_for_token(grant_type="password", username=BOB.user_name, password=PASSWORD)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@CHANGES
def test_a_second_factor_is_not_proved_after_an_old_password(
    console: Console, change: Callable[[Console], None]
) -> None:
    secret = console.data("/authentication/keys/totp-secret", BOB)
    code = code_of(secret["secret"], console.clock.now)
    parameters = {"secretUrl": secret["secretUrl"], "code": code, "description": "x", "scopes": "rest"}
    console.does("POST", f"/users/{BOB.uid}/logins/totp?{urlencode(parameters)}", BOB)
    console.clock.forward(minutes=1)
    fields = {"grant_type": "password", "username": BOB.user_name, "password": PASSWORD}
    mfa_token = console.ask_for_token(**fields).json()["mfa_token"]
    change(console)
    code = code_of(secret["secret"], console.clock.now)
    answer = console.ask_for_token(grant_type="mfa", mfa_token=mfa_token, mfa_code=code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
