"""Which part of a collection a request asks for, and what a page of it is."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

LIMIT_DEFAULT = 100
LIMIT_MAX = 500
OFFSET_MAX = 2_147_483_647

Row = TypeVar("Row")


class Window(msgspec.Struct, frozen=True):
    """The slice of a collection to return: `limit` rows after the first `offset`."""

    limit: int = LIMIT_DEFAULT
    offset: int = 0


class WrittenPage(msgspec.Struct, frozen=True):
    """A slice of a collection as it is answered: the JSON of so many rows, with commas between, of the whole."""

    text: str
    count: int
    total: int
    offset: int


class Page(msgspec.Struct, Generic[Row], frozen=True):
    """A slice of a collection, and how many rows the whole has."""

    rows: list[Row]
    total: int
    offset: int
