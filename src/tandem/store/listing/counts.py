"""How long a list is, and where in it an offset falls, from counts of its parts.

A list's rows stand in the order of their positions. It is cut into stretches, and these into blocks of `BLOCK_ROWS`
rows; what came and went since it was cut is given along, and counts as if it had been there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import msgspec

from tandem.store.schema.count_tables import Stretch

BLOCK_ROWS = 128
STRETCH_ROWS = 256 * BLOCK_ROWS


class Change(msgspec.Struct, frozen=True):
    """A row that came into a part of a list (`difference` 1) or left it (-1)."""

    position: int
    part: int
    difference: int


class Place(msgspec.Struct, frozen=True):
    """Where an offset falls: `rest` rows after the first row whose position is `start` or more.

    `total` is how many rows the list has; `parts` says which of the two parts may have any.
    """

    total: int
    start: int
    rest: int
    parts: tuple[bool, bool]


class Counts:
    """A list as it was cut."""

    def __init__(self, stretches: Sequence[Stretch]) -> None:
        """Take the stretches, in order; the first begins before every row."""
        self._stretches = stretches or (Stretch(0, 0, 0, 0),)
        self._starts = [stretch.start for stretch in self._stretches]
        self._rows = [stretch.own + stretch.assigned for stretch in self._stretches]
        self._ends = list(accumulate(self._rows))
        self._parts = any(each.own for each in self._stretches), any(each.assigned for each in self._stretches)

    def find(self, offset: int, changes: Sequence[Change], starts_of: Callable[[int], Sequence[int]]) -> Place:
        """Find where an offset falls; at or behind the end, only `total` has a meaning.

        Args:
            offset: how many rows to leave out.
            changes: since the list was cut, in any order.
            starts_of: gives the positions at which the blocks of a stretch begin, by its uid.
        """
        ends = self._ends
        if changes:
            rows = list(self._rows)
            for change in changes:
                rows[self.stretch_of(change.position)] += change.difference
            ends = list(accumulate(rows))
        parts = tuple(had or any(change.part == part for change in changes) for part, had in enumerate(self._parts))
        number = bisect_right(ends, offset)
        if number == len(ends):
            return Place(ends[-1], 0, 0, (parts[0], parts[1]))
        rest = offset - (ends[number - 1] if number else 0)
        stretch = self._stretches[number]
        starts = starts_of(stretch.uid) if stretch.uid else (stretch.start,)
        inside = [change for change in changes if self.stretch_of(change.position) == number]
        block, rest = self._block_of(starts, rest, inside)
        # The first block begins where its stretch does: rows may have come before the first of then.
        start = starts[block] if block else stretch.start
        return Place(ends[-1], start, rest, (parts[0], parts[1]))

    def stretch_of(self, position: int) -> int:
        """Say in which stretch, counted from 0, a row of this position is or would be."""
        return max(bisect_right(self._starts, position) - 1, 0)

    def _block_of(self, starts: Sequence[int], rest: int, changes: Sequence[Change]) -> tuple[int, int]:
        if not changes:
            block = min(rest // BLOCK_ROWS, len(starts) - 1)
            return block, rest - block * BLOCK_ROWS
        # The last block takes whatever is left: what it has is not asked.
        rows = [BLOCK_ROWS] * len(starts)
        for change in changes:
            rows[max(bisect_right(starts, change.position) - 1, 0)] += change.difference
        block = 0
        while block < len(starts) - 1 and rest >= rows[block]:
            rest -= rows[block]
            block += 1
        return block, rest


def cut(own: Sequence[int], assigned: Sequence[int], start: int) -> Iterator[tuple[Stretch, tuple[int, ...]]]:
    """Cut rows into stretches; gives each, without a uid, and the positions at which its blocks begin.

    Args:
        own: the positions of the rows of the first part, ascending.
        assigned: those of the second.
        start: where the first stretch is to begin, at the first row or before.
    """
    every = sorted([*own, *assigned])
    for first in range(0, len(every) or 1, STRETCH_ROWS):
        rows = every[first : first + STRETCH_ROWS]
        begin, end = (rows[0] if first else start), (rows[-1] if rows else start)
        owned, given = (bisect_right(part, end) - bisect_left(part, begin) for part in (own, assigned))
        yield Stretch(begin, owned, given, 0), tuple(rows[::BLOCK_ROWS])
