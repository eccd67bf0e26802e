"""SFTP, as far as a repository's files need it: what folders hold, the content of a small file, deleting exactly one.

Its version 3 (draft-ietf-secsh-filexfer-02), which every server speaks. Many questions are on their way at once: all
folders of a repository take a few times the delay of the line, not a thousand times.
"""

import itertools
import stat
import struct
from collections import deque
from collections.abc import Callable, Generator, Iterator

import msgspec

from tandem.restic.errors import ResticError

_VERSION_SPOKEN = 3
# Of each packet: how long it is from here on, and its kind.
_HEAD = struct.Struct(">IB")
_INIT, _OPEN, _CLOSE, _READ, _OPENDIR, _READDIR, _REMOVE = 1, 3, 4, 5, 11, 12, 13
_VERSION, _STATUS = 2, 101
_OK, _END, _NOTHING_THERE = 0, 1, 2
_TO_READ = 1
_HAS_SIZE, _HAS_OWNER, _HAS_MODE, _HAS_TIMES, _HAS_MORE = 0x1, 0x2, 0x4, 0x8, 0x80000000
_READ_BYTES = 32 * 1024
# Servers send no longer ones; what a login script prints reads as a length of a thousand million.
_PACKET_BYTES_MAX = 1024 * 1024
_SHOWN_BYTES = 60
# Together they stay below what a pipe takes in, so that asking never waits for answers to be read.
_ON_THE_WAY_MAX = 64

_Question = tuple[int, bytes]
_Answer = tuple[int, bytes]
# Yields one question after another, and is sent the answer to each.
_Inquiry = Generator[_Question, _Answer, None]


class Entry(msgspec.Struct, frozen=True):
    """What is in a folder; a link is none."""

    name: str
    size: int
    is_folder: bool


class Conversation:
    """What is said to a server over one connection; it is over when all that was asked is answered."""

    def __init__(self) -> None:
        """Begin without a question."""
        self.is_over = False
        self._waiting: deque[_Inquiry] = deque()
        self._on_the_way: dict[int, _Inquiry] = {}
        self._numbers = itertools.count()
        self._received = bytearray()
        self._is_begun = False
        self._is_greeted = False

    def list(self, folder: str, take: Callable[[Entry], None]) -> None:
        """Ask what is in a folder, and have `take` called with each entry; one that is not there has none."""
        self._waiting.append(_list(folder, take))

    def read(self, path: str, take: Callable[[bytes], None]) -> None:
        """Ask for the content of a file, and have `take` called with its pieces; one that is not there has none."""
        self._waiting.append(_read(path, take))

    def delete(self, path: str) -> None:
        """Ask for a file to be deleted; one that is not there is no error."""
        self._waiting.append(_delete(path))

    def take(self, chunk: bytes) -> bytes | None:
        """Take some bytes from the server, at first none; gives those to be sent, or None when all is said.

        Raises:
            ResticError: the server refuses something, or does not speak SFTP.
        """
        self._received += chunk
        sent = b"" if self._is_begun else _packet(_INIT, _number(_VERSION_SPOKEN))
        self._is_begun = True
        try:
            for kind, content in self._packets():
                if kind == _VERSION:
                    self._is_greeted = True
                    continue
                (number,) = struct.unpack_from(">I", content)
                sent += self._go_on(self._on_the_way.pop(number), (kind, content[4:]))
        except (struct.error, KeyError) as error:
            raise ResticError("The server answers otherwise than SFTP says.") from error
        while self._is_greeted and self._waiting and len(self._on_the_way) < _ON_THE_WAY_MAX:
            sent += self._go_on(self._waiting.popleft(), None)
        self.is_over = self._is_greeted and not self._on_the_way
        return None if self.is_over else sent

    def _packets(self) -> Iterator[tuple[int, bytes]]:
        """Take the whole packets from what has come: the kind of each, and its content."""
        while len(self._received) > _HEAD.size:
            length, kind = _HEAD.unpack_from(self._received)
            if not 0 < length <= _PACKET_BYTES_MAX:
                text = bytes(self._received[:_SHOWN_BYTES]).decode(errors="replace")
                raise ResticError(f"The server does not speak SFTP; it says {text!r}.")
            end = 4 + length
            if len(self._received) < end:
                return
            content = bytes(self._received[_HEAD.size : end])
            del self._received[:end]
            yield kind, content

    def _go_on(self, inquiry: _Inquiry, answer: _Answer | None) -> bytes:
        """Give the next question of an inquiry, for the wire; b"" if it has none."""
        try:
            kind, content = next(inquiry) if answer is None else inquiry.send(answer)
        except StopIteration:
            return b""
        number = next(self._numbers)
        self._on_the_way[number] = inquiry
        return _packet(kind, _number(number) + content)


def _list(folder: str, take: Callable[[Entry], None]) -> _Inquiry:
    handle = _content((yield _OPENDIR, _text(folder or ".")), folder)
    if handle is None:
        return
    while (names := _content((yield _READDIR, handle), folder)) is not None:
        for entry in _entries(names):
            take(entry)
    yield _CLOSE, handle


def _read(path: str, take: Callable[[bytes], None]) -> _Inquiry:
    handle = _content((yield _OPEN, _text(path) + _number(_TO_READ) + _number(0)), path)
    if handle is None:
        return
    offset = 0
    while piece := _content((yield _READ, handle + struct.pack(">QI", offset, _READ_BYTES)), path):
        take(piece[4:])
        offset += len(piece) - 4
    yield _CLOSE, handle


def _delete(path: str) -> _Inquiry:
    _content((yield _REMOVE, _text(path)), path)


def _content(answer: _Answer, path: str) -> bytes | None:
    """Give what an answer holds, without its number; None if nothing is there, or nothing more.

    Raises:
        ResticError: the server refuses it.
    """
    kind, content = answer
    if kind != _STATUS:
        return content
    code, length = struct.unpack_from(">II", content.ljust(8, b"\0"))
    if code in {_OK, _END, _NOTHING_THERE}:
        return None
    reason = content[8 : 8 + length].decode(errors="replace") or f"error {code}"
    raise ResticError(f"{path}: {reason}")


def _entries(names: bytes) -> Iterator[Entry]:
    """Read the entries of a folder: of each its name, a line for people, which nobody needs, and its attributes."""
    (count,) = struct.unpack_from(">I", names)
    position = 4
    for _ in range(count):
        name, position = _read_text(names, position)
        _line, position = _read_text(names, position)
        (flags,) = struct.unpack_from(">I", names, position)
        position += 4
        size = mode = 0
        if flags & _HAS_SIZE:
            (size,) = struct.unpack_from(">Q", names, position)
            position += 8
        position += 8 if flags & _HAS_OWNER else 0
        if flags & _HAS_MODE:
            (mode,) = struct.unpack_from(">I", names, position)
            position += 4
        position += 8 if flags & _HAS_TIMES else 0
        if flags & _HAS_MORE:
            (pairs,) = struct.unpack_from(">I", names, position)
            position += 4
            for _ in range(2 * pairs):
                _, position = _read_text(names, position)
        if name not in {b".", b".."} and not stat.S_ISLNK(mode):
            yield Entry(name.decode(errors="replace"), size, stat.S_ISDIR(mode))


def _read_text(content: bytes, position: int) -> tuple[bytes, int]:
    """Give a text and where it ends."""
    (length,) = struct.unpack_from(">I", content, position)
    end = position + 4 + length
    return content[position + 4 : end], end


def _packet(kind: int, content: bytes) -> bytes:
    return _HEAD.pack(1 + len(content), kind) + content


def _number(value: int) -> bytes:
    return struct.pack(">I", value)


def _text(value: str) -> bytes:
    return _number(len(value.encode())) + value.encode()
