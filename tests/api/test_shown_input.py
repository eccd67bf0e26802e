"""What a client sent wrongly is shown to it again, unless it is secret or too deep to be shown."""

import json
from typing import Any

import httpx
import pytest

from tests.consoles import BASE, Console
from tests.people import ALICE, BOB

CANARY = "canary that nobody else has seen"
USER = f"/users/{BOB.uid}"


def send(console: Console, method: str, path: str, body: bytes, **headers: str) -> httpx.Response:
    token = console.services.checker.sign(ALICE.uid)
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **headers}
    return console.request(method, BASE + path, content=body, headers=sent)


@pytest.mark.parametrize("op", ["add", "replace", "test", "remove", "move", "unheard of"])
@pytest.mark.parametrize("path", ["", "/profile/none", "/credentials/none"])
@pytest.mark.parametrize("value", [{"password": CANARY}, {"credentials": {"password": CANARY}}])
def test_a_password_in_a_patch_that_fails_is_not_shown(quiet_console: Console, op: str, path: str, value: Any) -> None:
    body = json.dumps([{"op": op, "path": path, "value": value, "from": "/profile"}]).encode()
    response = send(quiet_console, "PATCH", USER, body)
    assert response.status_code == 400
    assert CANARY not in response.text


@pytest.mark.parametrize("value", [CANARY, [CANARY], {"password": [CANARY]}, {"userName": 5, "password": CANARY}])
def test_credentials_of_a_wrong_shape_are_not_shown(quiet_console: Console, value: Any) -> None:
    for path in ("/users", "/organizations/companies"):
        body = json.dumps({"credentials": value, "ownerCredentials": value}).encode()
        response = send(quiet_console, "POST", path, body)
        assert response.status_code == 400
        assert CANARY not in response.text


@pytest.mark.parametrize("depth", range(960, 1000))
def test_what_is_nested_deeply_is_refused(quiet_console: Console, depth: int) -> None:
    nested = f"{'[' * depth}{']' * depth}"
    unknown = f'[{{"op": "replace", "path": "/nothing", "value": {nested}}}]'
    assert send(quiet_console, "PATCH", USER, unknown.encode()).status_code == 400
    assert send(quiet_console, "POST", "/users", f'{{"organizationUid": {nested}}}'.encode()).status_code == 400


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 30])
def test_a_length_without_measure_is_too_large(quiet_console: Console, length: str) -> None:
    assert send(quiet_console, "POST", "/users", b"{}", **{"Content-Length": length}).status_code == 413


def test_a_length_that_is_no_number_is_not_counted_with(quiet_console: Console) -> None:
    assert send(quiet_console, "POST", "/users", b"{}", **{"Content-Length": "\xb2"}).status_code == 400
