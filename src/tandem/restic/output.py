"""What restic writes: lines, JSON messages, and the one sentence that says why it failed."""

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec

from tandem.decoding import decode

LINE_BYTES_MAX = 1024 * 1024

Message = TypeVar("Message", bound=msgspec.Struct)

_LINE_ENDS = re.compile(rb"[\r\n]")
_RETRIED = re.compile(r"returned error, retrying after|retrying after [0-9.]+|^Load\(.*retrying")
_RETRY = re.compile(r"^Load\(.*(failed|retrying)")


class LineSplitter:
    """Cuts a stream of bytes into lines; progress text ends its lines with a carriage return."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        """Call `on_line` for each line that is not empty, without its end."""
        self._on_line = on_line
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes. A line longer than `LINE_BYTES_MAX` is handed on in pieces."""
        *lines, self._rest = _LINE_ENDS.split(self._rest + chunk)
        if len(self._rest) > LINE_BYTES_MAX:
            lines.append(self._rest)
            self._rest = b""
        for line in lines:
            self._deliver(line)

    def close(self) -> None:
        """Hand on what came after the last line end."""
        self._deliver(self._rest)
        self._rest = b""

    def _deliver(self, line: bytes) -> None:
        if line:
            self._on_line(line.decode("utf-8", errors="replace"))


class Tail:
    """Keeps the last bytes of a stream."""

    def __init__(self, bytes_max: int) -> None:
        """Keep at most `bytes_max` bytes."""
        self._bytes_max = bytes_max
        self._kept = bytearray()

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes and let go of the oldest ones."""
        self._kept += chunk
        if len(self._kept) > 2 * self._bytes_max:
            del self._kept[: -self._bytes_max]

    def text(self) -> str:
        """Return what was kept, with a mark for each byte that is not UTF-8."""
        return self._kept[-self._bytes_max :].decode("utf-8", errors="replace")


class ExitError(msgspec.Struct, frozen=True, tag_field="message_type", tag="exit_error"):
    """The last message of a command that failed with `--json` (restic 0.17)."""

    message: str


def message(line: str, kind: type[Message]) -> Message | None:
    """Read one JSON line.

    Args:
        line: a line of output, JSON or not.
        kind: the struct, tagged by `message_type`, that is looked for.

    Returns:
        The message, or None if the line is something else.
    """
    if not line.startswith("{"):
        return None
    try:
        return decode(line, kind)
    except msgspec.DecodeError:
        return None


def causes(stderr: str) -> list[str]:
    """Return the lines of `stderr` that may say why restic failed: all but those of a try that was made again."""
    lines = (line.strip() for line in stderr.splitlines())
    return [line for line in lines if line and not _RETRIED.search(line)]


def reason(stderr: str) -> str:
    """Return the sentence of `stderr` that says why restic failed, or "" if there is none.

    Newer versions end with a JSON message, or with "Fatal: ..."; 0.14 often prints the cause above a stack trace.
    """
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    for line in reversed(lines):
        failure = message(line, ExitError)
        if failure is not None:
            return failure.message.removeprefix("Fatal: ").strip()
    for line in lines:
        if line.startswith("Fatal: "):
            return line.removeprefix("Fatal: ").removeprefix("Fatal: ")
    causes = [line for line in lines if not _RETRY.match(line)]
    return causes[0] if causes else ""
