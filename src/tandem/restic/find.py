"""`restic find`: which points hold files of a name."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Callable, Iterable
from typing import Any, cast

from tandem.restic import exit_codes, ids, process
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.ls import Node
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

_BEGIN = '{"matches":['
_END = re.compile(r'\],"hits":\d+,"snapshot":"([0-9a-f]{64})"\}')
_END_LENGTH_MAX = 200
_MATCH_LENGTH_MAX = 1024 * 1024


def run(
    engine: Engine,
    repository: RepositoryAccess,
    snapshot_ids: Iterable[str],
    pattern: str,
    *,
    ignore_case: bool,
    on_match: Callable[[Node], None],
    on_snapshot: Callable[[str], None],
    control: Control = BACKGROUND,
) -> None:
    """Look through points for names. Nothing is locked, and nothing is kept: the matches may be more than fit.

    Restic takes what lies below a folder that matches for a match too; that is for the caller to sort out.

    Args:
        engine: the program.
        repository: where the points are.
        snapshot_ids: the points.
        pattern: of names, with `*`, `?` and `[a-z]`.
        ignore_case: whether `A` is found by `a`.
        on_match: called with each match.
        on_snapshot: called with the id of the point that the matches before it are of.
        control: how the run is watched.

    Raises:
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    reader = _Reader(on_match, on_snapshot)
    arguments = flags(snapshot_ids, pattern, ignore_case=ignore_case)
    result = process.run(engine, arguments, repository=repository, on_bytes=reader.feed, control=control)
    exit_codes.check(engine, result)
    reader.close()


def flags(snapshot_ids: Iterable[str], pattern: str, *, ignore_case: bool) -> list[str]:
    """Return the arguments, for instance `["find", "--json", "--no-lock", "--snapshot", id, "--", "*.txt"]`."""
    arguments = ["find", "--json", "--no-lock"]
    if ignore_case:
        arguments.append("--ignore-case")
    for snapshot_id in ids.require_full(snapshot_ids):
        arguments.extend(["--snapshot", snapshot_id])
    return [*arguments, "--", pattern]


class _Reader:
    """Reads restic's one long line of JSON piece by piece."""

    def __init__(self, on_match: Callable[[Node], None], on_snapshot: Callable[[str], None]) -> None:
        self._on_match = on_match
        self._on_snapshot = on_snapshot
        self._text = ""
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self._json = json.JSONDecoder()

    def feed(self, chunk: bytes) -> None:
        self._text += self._bytes.decode(chunk)
        place = 0
        while True:
            after = self._read(place)
            if after == place:
                break
            place = after
        self._text = self._text[place:]
        if len(self._text) > _MATCH_LENGTH_MAX:
            raise self._unreadable()

    def close(self) -> None:
        """Check that nothing was left over: restic writes what it could not read between its matches."""
        if self._text.strip():
            raise self._unreadable()

    def _read(self, place: int) -> int:
        text = self._text
        if text.startswith(_BEGIN, place):
            return place + len(_BEGIN)
        end = _END.match(text, place, place + _END_LENGTH_MAX)
        if end:
            self._on_snapshot(end[1])
            return end.end()
        if text[place : place + 1] in {"[", ",", "\n"} or text[place:].strip() == "]":
            return place + 1
        if not text.startswith("{", place) or len(text) - place < len(_BEGIN):
            return place
        try:
            found, after = self._json.raw_decode(text, place)
        except json.JSONDecodeError:
            return place
        match = cast("dict[str, Any]", found)
        self._on_match(
            Node(
                path=str(match.get("path", "")),
                type=str(match.get("type", "")),
                size=int(match.get("size", 0)),
                mtime=str(match.get("mtime", "")),
            )
        )
        return after

    def _unreadable(self) -> ResticError:
        return ResticError(f"Restic could not search everything: {self._text.strip()[:300]}")
