"""Restore drills: when one is due, and which files of a point it restores."""

from __future__ import annotations

import hashlib
import heapq
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

EVERY_DEFAULT_DAYS = 30
EVERY_MIN_DAYS = 1
EVERY_MAX_DAYS = 365
FILES_DEFAULT = 20
FILES_MAX = 1_000
BYTES_MAX = 256 * 1024 * 1024
CANDIDATES_FOR_EACH = 10


class DrillResult(StrEnum):
    """What a restore drill showed."""

    SAME = "Same"
    DIFFERENT = "Different"
    FAILED = "Failed"


class SampleFile(NamedTuple):
    """A file of a point: its path within the share, and its size in bytes."""

    path: str
    size: int


def is_drill_due(last: datetime | None, since: datetime, every: timedelta, now: datetime) -> bool:
    """Say whether a copy is to be restored again.

    Args:
        last: when the last drill began; None if there was none.
        since: when the job was made: the first drill is due a period after that.
        every: the period.
        now: the present; aware.
    """
    return now - (last or since) >= every


class Sample:
    """Chooses files by chance, the same for the same seed whatever their order, without keeping them all."""

    def __init__(self, seed: str, count: int, bytes_max: int = BYTES_MAX) -> None:
        """Choose at most `count` files, of at most `bytes_max` together."""
        self._seed = seed
        self._count = count
        self._bytes_max = bytes_max
        self._candidates: list[tuple[int, SampleFile]] = []

    def offer(self, file: SampleFile) -> None:
        """Take a file into account; one that alone is too large is never chosen."""
        if file.size > self._bytes_max:
            return
        digest = hashlib.sha256(f"{self._seed}\0{file.path}".encode(errors="surrogateescape")).digest()
        candidate = (-int.from_bytes(digest[:8]), file)
        if len(self._candidates) < self._count * CANDIDATES_FOR_EACH:
            heapq.heappush(self._candidates, candidate)
        else:
            heapq.heappushpop(self._candidates, candidate)

    def chosen(self) -> list[SampleFile]:
        """Give the choice, by path."""
        files: list[SampleFile] = []
        left = self._bytes_max
        for _chance, file in sorted(self._candidates, reverse=True):
            if len(files) < self._count and file.size <= left:
                files.append(file)
                left -= file.size
        return sorted(files)
