"""Sending what the console asked for: part after part, no faster than it is taken."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock, Thread

from tandem.domain.errors import ConsoleError, Invalid
from tandem.protocol.transfers import BEAT_SECONDS, PART_BYTES_MAX, TransferAnswer, TransferPart

# A console that restarts, or one process of it that is gone, must not break what another goes on with.
ATTEMPTS_MAX = 5
PAUSE_SECONDS_MAX = 4.0


class Unwanted(Exception):
    """Nobody waits for this transfer any more."""


class Sender:
    """One transfer on its way to the console; says that it is at work while it has nothing to send."""

    def __init__(self, send: Callable[[TransferPart], TransferAnswer], transfer_uid: str, stop: Event) -> None:
        """Begin.

        Args:
            send: sends one part.
            transfer_uid: the transfer.
            stop: set by whoever ends it, and here when nobody wants it any more.
        """
        self._send = send
        self._transfer_uid = transfer_uid
        self._stop = stop
        self._lock = Lock()
        self._number = 0
        self._rest = bytearray()
        self._is_over = Event()
        self._sent_at = time.monotonic()
        self.bytes_written = 0
        Thread(target=self._beat, name=f"beat {transfer_uid}", daemon=True).start()

    def announce(self, size: int) -> None:
        """Say how many bytes all will be, before the first of them."""
        self._give(size=size)

    def write(self, data: bytes) -> None:
        """Take the next bytes; waits until the console has room for them. Raises Unwanted, ConsoleError."""
        self.bytes_written += len(data)
        self._rest += data
        while len(self._rest) >= PART_BYTES_MAX:
            self._give(data=bytes(self._rest[:PART_BYTES_MAX]))
            del self._rest[:PART_BYTES_MAX]

    def finish(self) -> None:
        """Send what is left, and that this was all. Raises Unwanted, ConsoleError."""
        self._is_over.set()
        self._give(data=bytes(self._rest), is_last=True)

    def fail(self, error: str, *, is_missing: bool = False) -> None:
        """Say why there will be no more. Raises Unwanted, ConsoleError."""
        self._is_over.set()
        # Names of files may be no text.
        text = error.encode(errors="replace").decode() or "The agent failed."
        self._give(error=text, is_missing=is_missing)

    def close(self) -> None:
        """Send nothing any more."""
        self._is_over.set()

    def _beat(self) -> None:
        while not self._is_over.wait(1.0):
            if time.monotonic() - self._sent_at < BEAT_SECONDS:
                continue
            try:
                self._give()
            except (Unwanted, ConsoleError):
                self._stop.set()
                return

    def _give(
        self,
        *,
        data: bytes = b"",
        size: int | None = None,
        is_last: bool = False,
        error: str = "",
        is_missing: bool = False,
    ) -> None:
        with self._lock:
            part = TransferPart(
                transfer_uid=self._transfer_uid,
                number=self._number,
                data=data,
                is_last=is_last,
                size=size,
                error=error,
                is_missing=is_missing,
            )
            # As long as it is told to send the same part again, there is no room for it.
            while (answer := self._send_surely(part)).next_number == part.number:
                if not answer.is_wanted or (self._stop.is_set() and not error):
                    break
            if not answer.is_wanted or answer.next_number != part.number + 1:
                self._stop.set()
                raise Unwanted
            self._number += 1
            self._sent_at = time.monotonic()

    def _send_surely(self, part: TransferPart) -> TransferAnswer:
        for attempt in range(ATTEMPTS_MAX):
            try:
                return self._send(part)
            except Invalid:
                raise
            except ConsoleError:
                if attempt == ATTEMPTS_MAX - 1 or self._stop.wait(min(PAUSE_SECONDS_MAX, 0.5 * 2**attempt)):
                    raise
        raise AssertionError
