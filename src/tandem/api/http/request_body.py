"""The body of a request, read in bounds; also one that nobody wants, so that its sender hears the answer."""

from __future__ import annotations

import anyio
from starlette.types import Receive

from tandem.api.http.errors import TransportError
from tandem.domain.errors import Unauthorized

DRAINED_BYTES_MAX = 16 * 1024 * 1024
DRAINING_SECONDS_MAX = 5
LENGTH_DIGITS_MAX = 15
UNSUPPORTED, TOO_LARGE = 415, 413


class RequestBody:
    """What a client sends after its headers."""

    def __init__(self, receive: Receive, headers: dict[str, str]) -> None:
        """Begin with nothing read; `headers` are by names in lower case."""
        self._receive = receive
        self._headers = headers
        self._is_over = False

    async def read(self, limit: int) -> bytes:
        """Read all of it.

        Raises:
            TransportError: if it is larger than `limit` bytes, or packed: what is small then may be huge unpacked.
            Unauthorized: if the client goes away in the middle.
        """
        if self._headers.get("content-encoding", "identity").strip().lower() not in {"identity", ""}:
            text = "The body is encoded; send it as it is."
            raise TransportError(UNSUPPORTED, text, {"Accept-Encoding": "identity"})
        declared = self._headers.get("content-length", "").lstrip("0")
        too_large = TransportError(TOO_LARGE, f"The body is larger than {limit} bytes.")
        if declared.isascii() and declared.isdigit() and (len(declared) > LENGTH_DIGITS_MAX or int(declared) > limit):
            raise too_large
        chunks: list[bytes] = []
        size = 0
        while not self._is_over:
            chunks.append(await self._next())
            size += len(chunks[-1])
            if size > limit:
                raise too_large
        return b"".join(chunks)

    async def drain(self) -> None:
        """Take in, within bounds, what is left of it, unless its sender waits to be asked for it.

        Who still sends when the answer comes and the connection or stream is closed may never see the answer.
        """
        if "expect" in self._headers:
            return
        size = 0
        try:
            with anyio.move_on_after(DRAINING_SECONDS_MAX):
                while not self._is_over and size <= DRAINED_BYTES_MAX:
                    size += len(await self._next())
        except Unauthorized:
            pass  # Nobody is left to answer.

    async def _next(self) -> bytes:
        message = await self._receive()
        self._is_over = not message.get("more_body")
        if message["type"] == "http.disconnect":
            raise Unauthorized("The client went away.")
        return message.get("body", b"")
