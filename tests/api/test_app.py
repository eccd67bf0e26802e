"""What servers and connections do to the application, beside asking: start it, end it, and go away."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message

from tests.consoles import JOBS, Console
from tests.people import ACMES, ALICE


def converse(console: Console, scope: dict[str, Any], *messages: Message) -> list[Message]:
    """Say something to the application; gives what it says, until it has no more to say."""
    said = list(messages)
    heard: list[Message] = []

    async def receive() -> Message:
        return said.pop(0)

    async def send(message: Message) -> None:
        heard.append(message)

    asyncio.run(console.application(scope, receive, send))
    return heard


def request(console: Console, method: str, path: str) -> dict[str, Any]:
    token = f"Bearer {console.services.checker.sign(ALICE.uid)}"
    headers = [(b"authorization", token.encode()), (b"content-type", b"application/json")]
    return {"type": "http", "method": method, "path": path, "query_string": b"", "headers": headers}


def test_a_server_may_announce_its_start_and_its_end(quiet_console: Console) -> None:
    heard = converse(quiet_console, {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"})
    assert [message["type"] for message in heard] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_connection_of_another_kind_is_left_alone(quiet_console: Console) -> None:
    assert converse(quiet_console, {"type": "websocket", "path": "/", "headers": []}) == []


@pytest.mark.parametrize("begun", [b"", b'[{"op": "replace", "path": "/isEnabled", '])
def test_a_client_that_goes_away_in_the_middle_changes_nothing(console: Console, begun: bytes) -> None:
    path = f"/api/v3{JOBS}/{ACMES.job}"
    begin = {"type": "http.request", "body": begun, "more_body": True}
    converse(console, request(console, "PATCH", path), begin, {"type": "http.disconnect"})
    assert console.data(f"{JOBS}/{ACMES.job}", ALICE)["isEnabled"] is True


def test_an_address_that_a_server_does_not_tell_is_no_fault(quiet_console: Console) -> None:
    heard = converse(quiet_console, {**request(quiet_console, "GET", "/api/v3/users/me"), "client": None})
    assert heard[0]["status"] == 200
