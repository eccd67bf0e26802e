"""The agents' own endpoints; what is said there is in `tandem.protocol.messages`."""

from __future__ import annotations

from typing import TypeVar

import anyio
import msgspec
from starlette.responses import Response

from tandem.actions import enrol_agent, exchange
from tandem.api.call import Call
from tandem.api.envelope import plain
from tandem.domain.errors import Conflict, Invalid
from tandem.protocol.messages import (
    PROTOCOL_VERSION,
    WAIT_SECONDS_MAX,
    EnrolRequest,
    ExchangeRequest,
    SessionRequest,
)

LOOK_EVERY_SECONDS = 0.25

Message = TypeVar("Message")


def enrol(call: Call) -> Response:
    """Let an agent in."""
    request = _read(call, EnrolRequest)
    _check_protocol(request.protocol)
    return plain(enrol_agent.enrol(call.context, request))


def challenge(call: Call) -> Response:
    """Give a nonce to sign."""
    return plain(call.services.door.challenge())


def open_session(call: Call) -> Response:
    """Open an agent's session."""
    request = _read(call, SessionRequest)
    _check_protocol(request.protocol)
    return plain(call.services.door.open_session(request))


async def take_exchange(call: Call) -> Response:
    """Take an agent's reports and answer; wait a while for something to tell it if there is nothing yet."""
    context, door = call.context, call.services.door
    agent = await anyio.to_thread.run_sync(door.agent_of, call.token)
    request = _read(call, ExchangeRequest)
    last_report = await anyio.to_thread.run_sync(exchange.take_in, context, agent, request)
    wait_until = anyio.current_time() + min(request.wait_seconds, WAIT_SECONDS_MAX)
    while anyio.current_time() < wait_until and not call.services.stopping.is_set():
        if await anyio.to_thread.run_sync(exchange.has_news, context, agent, request.revision):
            break
        await anyio.sleep(LOOK_EVERY_SECONDS)
    agent = await anyio.to_thread.run_sync(door.agent_of, call.token)
    return plain(await anyio.to_thread.run_sync(exchange.answer, context, agent, request.revision, last_report))


def _read(call: Call, kind: type[Message]) -> Message:
    try:
        return msgspec.json.decode(call.body, type=kind)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise Invalid(f"The message cannot be read: {error}.") from error


def _check_protocol(version: int) -> None:
    if version != PROTOCOL_VERSION:
        text = f"The agent speaks protocol {version}, this console {PROTOCOL_VERSION}; bring both to one release."
        raise Conflict(text)
