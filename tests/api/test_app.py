"""What servers and connections do to the application, beside asking: start it, end it, and go away."""

import asyncio
from typing import Any

import pytest
from starlette.types import Message

from tandem.api.http.request_body import DRAINED_BYTES_MAX
from tests.consoles import JOBS, Console
from tests.people import ACMES, ALICE

pytestmark = pytest.mark.embedded_only


def converse(
    console: Console, scope: dict[str, Any], *messages: Message, taken: list[Message] | None = None
) -> list[Message]:
    """Say something to the application; gives what it says, until it has no more to say, and notes what it took."""
    said = list(messages)
    heard: list[Message] = []

    async def receive() -> Message:
        message = said.pop(0)
        if taken is not None:
            taken.append(message)
        return message

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


@pytest.mark.parametrize(
    ("path", "status"), [("/api/v3/nothing", 404), (f"/api/v3{JOBS}", 405), ("/api/v3/token", 413)]
)
def test_who_still_sends_when_he_is_refused_is_heard_out_so_that_he_sees_the_answer(
    quiet_console: Console, path: str, status: int
) -> None:
    chunk = b"x" * 600_000
    sent = [{"type": "http.request", "body": chunk, "more_body": number < 9} for number in range(10)]
    taken: list[Message] = []
    heard = converse(quiet_console, request(quiet_console, "POST", path), *sent, taken=taken)
    assert heard[0]["status"] == status
    assert len(taken) == len(sent)


def test_who_sends_without_end_is_not_heard_out(quiet_console: Console) -> None:
    chunk = {"type": "http.request", "body": b"x" * 1_000_000, "more_body": True}
    said = [chunk] * (DRAINED_BYTES_MAX // 1_000_000 + 3)
    taken: list[Message] = []
    heard = converse(quiet_console, request(quiet_console, "POST", "/api/v3/nothing"), *said, taken=taken)
    assert heard[0]["status"] == 404
    assert len(taken) < len(said)


def test_an_address_that_a_server_does_not_tell_is_no_fault(quiet_console: Console) -> None:
    heard = converse(quiet_console, {**request(quiet_console, "GET", "/api/v3/users/me"), "client": None})
    assert heard[0]["status"] == 200
