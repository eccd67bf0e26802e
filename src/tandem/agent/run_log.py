"""What a run did, line by line: kept in files while it goes on, so that a crash leaves it; bounded; without secrets."""

from __future__ import annotations

import contextlib
import re
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, cast

import msgspec

from tandem.protocol.messages import Configuration

HEAD_BYTES_MAX = 96 * 1024
TAIL_BYTES_MAX = 160 * 1024
LINE_LENGTH_MAX = 2_000
SECRET_LENGTH_MIN = 4
LEFT_OUT = "… the middle of this log was left out …\n"
HIDDEN = "***"
_SECRET_NAMES = ("password", "passphrase", "secret", "token", "key")
_IN_ADDRESS = re.compile(r"(://[^/\s:@]*):[^/\s@]+@")


class RunLog:
    """One run's log: its beginning and its end; used from any thread."""

    def __init__(self, folder: Path, uid: str, clock: Callable[[], datetime], secrets: frozenset[str]) -> None:
        """Go on with the log of a session, or begin it.

        Args:
            folder: where logs are kept.
            uid: of the session.
            clock: gives the present.
            secrets: what no line may show.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._head, self._tail, self._older = (folder / f"{uid}{end}" for end in (".head", ".tail", ".older"))
        self._clock = clock
        # The longest first: one may be part of another.
        self._secrets = sorted(secrets, key=len, reverse=True)
        self._lock = Lock()
        self.has_news = False

    def write(self, text: str) -> None:
        """Add what happened now."""
        stamp = f"{self._clock().astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        lines = "".join(f"{stamp} {self._hide(line)[:LINE_LENGTH_MAX]}\n" for line in text.splitlines())
        data = lines.encode("utf-8", errors="replace")
        with self._lock:
            self.has_news = True
            # A disk that is full is no reason to end a run: then the line is missing.
            with contextlib.suppress(OSError):
                self._append(data)

    def packed(self) -> bytes:
        """Give the log, compressed."""
        with self._lock:
            self.has_news = False
            head, older, tail = (_read(file) for file in (self._head, self._older, self._tail))
        end = (older + tail)[-TAIL_BYTES_MAX:]
        if older:
            end = LEFT_OUT.encode() + end.partition(b"\n")[2]
        return zlib.compress(head + end)

    def remove(self) -> None:
        """Delete the files."""
        for file in (self._head, self._tail, self._older):
            file.unlink(missing_ok=True)

    def _append(self, data: bytes) -> None:
        if not self._tail.exists() and _size(self._head) + len(data) <= HEAD_BYTES_MAX:
            target = self._head
        else:
            target = self._tail
            if _size(target) + len(data) > TAIL_BYTES_MAX:
                target.replace(self._older)
        with target.open("ab") as file:
            file.write(data)

    def _hide(self, line: str) -> str:
        for secret in self._secrets:
            line = line.replace(secret, HIDDEN)
        return _IN_ADDRESS.sub(rf"\1:{HIDDEN}@", line)


def secrets_of(configuration: Configuration) -> frozenset[str]:
    """Give every secret of a configuration: the values of members that are named as such."""
    return frozenset(text for text in _secrets(msgspec.to_builtins(configuration)) if len(text) >= SECRET_LENGTH_MIN)


def remove_logs(folder: Path) -> None:
    """Delete the logs of all sessions: those that had any were told."""
    for file in folder.glob("*"):
        file.unlink(missing_ok=True)


def _secrets(value: Any, *, is_secret: bool = False) -> Iterator[str]:
    if isinstance(value, dict):
        for name, member in cast("dict[str, Any]", value).items():
            yield from _secrets(member, is_secret=is_secret or any(word in name.lower() for word in _SECRET_NAMES))
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _secrets(item, is_secret=is_secret)
    elif is_secret and isinstance(value, str):
        # A log is hidden line by line.
        yield from value.splitlines()


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0
