"""The agents' own endpoints; what is said there is in `tandem.protocol.messages`."""

from __future__ import annotations

from functools import partial
from typing import TypeVar

import anyio
import msgspec
from starlette.responses import Response

from tandem.actions import enrol_agent, exchange
from tandem.actions.exchange import Said
from tandem.api.http.call import Call
from tandem.api.http.envelope import plain
from tandem.decoding import decode
from tandem.domain.errors import Conflict, Invalid
from tandem.protocol.messages import (
    PROTOCOL_VERSION,
    WAIT_SECONDS_MAX,
    EnrolRequest,
    ExchangeRequest,
    SessionRequest,
)

Message = TypeVar("Message")


def enrol(call: Call) -> Response:
    """Let an agent in."""
    request = _read(call, EnrolRequest)
    _check_protocol(request.protocol)
    return plain(enrol_agent.enrol(call.context, request))


async def challenge(call: Call) -> Response:
    """Give a nonce to sign, unless there are too many already who have one and wait."""
    call.services.opening.arrivals.refuse_if_full()
    return plain(call.services.door.challenge())


async def open_session(call: Call) -> Response:
    """Open an agent's session."""
    request = _read(call, SessionRequest)
    _check_protocol(request.protocol)
    return plain(await call.services.opening.ask(call.services.door.open_sessions, request))


async def take_exchange(call: Call) -> Response:
    """Take an agent's reports and answer; wait a while for something to tell it if there is nothing yet."""
    services = call.services
    try:
        request = _read(call, ExchangeRequest)
    except Invalid:
        # To a stranger it says nothing of what it makes of his message.
        await anyio.to_thread.run_sync(services.door.agent_of, call.token)
        raise
    said = Said(call.token, request)
    wait_until = anyio.current_time() + min(request.wait_seconds, WAIT_SECONDS_MAX)
    with services.agent_listeners.listening(call.context, services.stopping, said.server_uid) as listener:
        take_in = partial(exchange.take_in, call.context)
        heard = await services.intake.ask(take_in, said)
        while not heard.has_news(request.revision) and await listener.wait(wait_until):
            # Looked at anew, it may also have been shut out.
            heard = await services.intake.ask(take_in, said.without_news)
    if heard.has_news(request.revision):
        answer = partial(exchange.answer, call.context, heard, request.revision)
        return plain(await anyio.to_thread.run_sync(answer, limiter=services.telling))
    return plain(exchange.answer(call.context, heard, request.revision))


def _read(call: Call, kind: type[Message]) -> Message:
    try:
        return decode(call.body, kind)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise Invalid(f"The message cannot be read: {error}.") from error


def _check_protocol(version: int) -> None:
    if version != PROTOCOL_VERSION:
        text = f"The agent speaks protocol {version}, this console {PROTOCOL_VERSION}; bring both to one release."
        raise Conflict(text)
