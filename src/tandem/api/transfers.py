"""What agents send for those who wait: taken in parts, and handed on as an answer or as a download."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import TypeVar
from urllib.parse import quote

import anyio
import msgspec
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from tandem.actions import transfers
from tandem.api.http.call import Call
from tandem.api.http.envelope import plain
from tandem.decoding import decode
from tandem.domain.errors import Conflict, ConsoleError, Invalid, NotFound, Unavailable
from tandem.protocol.transfers import BEAT_SECONDS, PART_BYTES_MAX, ROOM_SECONDS_MAX, TransferAnswer, TransferPart

# An agent is heard at least every BEAT_SECONDS, as long as there is room for what it says.
SILENCE_SECONDS_MAX = 4 * BEAT_SECONDS
NOTE_EVERY_SECONDS = 5.0
# A client that takes nothing for so long is given up: his backup server has others to serve.
STALLED_SECONDS_MAX = 120.0
ANSWER_BYTES_MAX = 16 * 1024 * 1024
PAUSE_SECONDS_MIN, PAUSE_SECONDS_MAX = 0.01, 0.25
NAME_LENGTH_MAX = 200

Message = TypeVar("Message")

log = structlog.get_logger()


class Broken(Exception):
    """A download cannot go on; its body must not look whole."""


async def take_part(call: Call) -> Response:
    """Take the next part of a transfer from an agent; wait a while for room."""
    context, door = call.context, call.services.door
    agent = await anyio.to_thread.run_sync(door.agent_of, call.token)
    try:
        part = msgspec.msgpack.decode(call.body, type=TransferPart)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError) as error:
        raise Invalid(f"The part cannot be read: {error}.") from error
    if len(part.data) > PART_BYTES_MAX or part.number < 0:
        raise Invalid(f"A part has a number and at most {PART_BYTES_MAX} bytes.")
    wait_until = call.services.ticks() + ROOM_SECONDS_MAX
    pause = PAUSE_SECONDS_MIN
    while True:
        answer = await anyio.to_thread.run_sync(transfers.take_part, context, agent, part)
        if answer is not None:
            return plain(answer)
        if call.services.ticks() >= wait_until or call.services.stopping.is_set():
            return plain(TransferAnswer(part.number))
        await call.services.sleep(pause)
        pause = min(2 * pause, PAUSE_SECONDS_MAX)


class Incoming:
    """What arrives of one transfer."""

    def __init__(self, call: Call, uid: str) -> None:
        """Begin with nothing."""
        self._call = call
        self._uid = uid
        self._seen_number = 0
        self.size: int | None = None

    async def data(self) -> AsyncGenerator[bytes]:
        """Give the data as it arrives; the end of it says that it was all.

        Raises:
            NotFound: if there is no such file.
            Conflict: if the agent cannot send it, or not all of it.
            Unavailable: if the agent falls silent, or the console is told to end.
        """
        services = self._call.services
        heard_at = noted_at = services.ticks()
        pause = PAUSE_SECONDS_MIN
        while True:
            take = partial(transfers.take_data, self._call.context, self._uid, seen_number=self._seen_number)
            taken = await anyio.to_thread.run_sync(take)
            if taken is None:
                raise Unavailable("The transfer was given up; try again.")
            transfer = taken.transfer
            self.size = transfer.size
            if transfer.next_number > self._seen_number:
                self._seen_number = transfer.next_number
                for data in taken.data:
                    yield data
                # Counted from now on: whoever took the data may have been slow, and the agent had to wait.
                heard_at, pause = services.ticks(), PAUSE_SECONDS_MIN
            if transfer.error:
                raise (NotFound if transfer.is_missing else Conflict)(transfer.error)
            if transfer.is_ended:
                return
            now = services.ticks()
            if now - heard_at > SILENCE_SECONDS_MAX or services.stopping.is_set():
                raise Unavailable("The backup server's agent does not answer any more; try again.")
            if now - noted_at > NOTE_EVERY_SECONDS:
                await self.note_waiting()
                noted_at = now
            await services.sleep(pause)
            pause = min(2 * pause, PAUSE_SECONDS_MAX)

    async def note_waiting(self) -> None:
        """Say that somebody still waits."""
        await anyio.to_thread.run_sync(transfers.note_waiting, self._call.context, self._uid)

    async def close(self) -> None:
        """End the transfer, also when the request is cancelled."""
        with anyio.CancelScope(shield=True):
            try:
                await anyio.to_thread.run_sync(transfers.end_transfer, self._call.context, self._uid)
            except ConsoleError as error:  # whoever sends it gives up by himself before long
                log.warning("transfer not ended", transfer=self._uid, reason=error.message)


async def whole(call: Call, uid: str, kind: type[Message]) -> Message:
    """Wait for an answer that is not large; raises what `Incoming.data` does."""
    incoming = Incoming(call, uid)
    text = bytearray()
    try:
        async for data in incoming.data():
            text.extend(data)
            if len(text) > ANSWER_BYTES_MAX:
                raise Conflict("The answer is too large; ask for less, with `limit`.")
    finally:
        await incoming.close()
    try:
        return decode(bytes(text), kind)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise Conflict(
            f"The agent's answer cannot be read ({error}); bring agent and console to one release."
        ) from error


async def begin_download(call: Call, uid: str, name: str) -> Response:
    """Wait for the first bytes of a file, and give the answer that hands them on; raises what `Incoming.data` does."""
    incoming = Incoming(call, uid)
    data = incoming.data()
    try:
        first = await anext(data, None)
    except BaseException:
        await incoming.close()
        raise
    return Download(incoming, first, data, name)


class Download(Response):
    """A file on its way to a client: no faster than he takes it, and cut short if it does not arrive whole."""

    def __init__(self, incoming: Incoming, first: bytes | None, rest: AsyncGenerator[bytes], name: str) -> None:
        """Begin; nothing is sent yet.

        Args:
            incoming: the transfer.
            first: its first data, None if there is none at all.
            rest: its further data.
            name: of the file, as it is shown.
        """
        headers = {
            # Never shown in the browser as a page of ours, whatever the file says.
            "Content-Type": "application/octet-stream",
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": content_disposition(name),
            "Cache-Control": "no-store",
        }
        super().__init__(headers=headers)
        del self.headers["Content-Length"]
        if incoming.size is not None:
            self.headers["Content-Length"] = str(incoming.size)
        self._incoming, self._first, self._rest = incoming, first, rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it; whatever goes wrong, the transfer is ended."""
        del scope
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async with _until_gone(receive, self._incoming):
                if self._first is not None:
                    await _send_piece(send, self._first)
                    async for data in self._rest:
                        await _send_piece(send, data)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (ConsoleError, TimeoutError) as error:
            log.warning("download broken off", reason=str(error) or "The client takes nothing any more.")
            raise Broken from error
        finally:
            await self._incoming.close()


def content_disposition(name: str) -> str:
    """Give the header that names a download (RFC 6266), for a name that may be anything."""
    shown = "".join(character if character.isprintable() and character not in "/\\" else "_" for character in name)
    shown = shown.lstrip(".")[:NAME_LENGTH_MAX] or "download"
    plain_name = "".join(each if each.isascii() and each not in '"%;' else "_" for each in shown)
    return f"attachment; filename=\"{plain_name}\"; filename*=UTF-8''{quote(shown, safe='')}"


async def _send_piece(send: Send, data: bytes) -> None:
    with anyio.fail_after(STALLED_SECONDS_MAX):
        await send({"type": "http.response.body", "body": data, "more_body": True})


@asynccontextmanager
async def _until_gone(receive: Receive, incoming: Incoming) -> AsyncGenerator[None]:
    """Go on as long as the client is there; says meanwhile that somebody waits, however slow he is."""
    is_gone = False

    async def watch(scope: anyio.CancelScope) -> None:
        nonlocal is_gone
        while (await receive())["type"] != "http.disconnect":
            pass
        is_gone = True
        scope.cancel()

    async def note() -> None:
        while True:
            await anyio.sleep(NOTE_EVERY_SECONDS)
            await incoming.note_waiting()

    failure: Exception | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(watch, tasks.cancel_scope)
        tasks.start_soon(note)
        try:
            yield
        except (ConsoleError, TimeoutError) as error:
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
    if is_gone:
        raise Broken("The client went away.")
