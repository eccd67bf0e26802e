"""What a handler answers with; the application makes the contract's envelope of it."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from tandem.domain.paging import Page, WrittenPage

View = TypeVar("View")


class One(msgspec.Struct, Generic[View], frozen=True):
    """One resource; a secret one is kept by nobody on its way."""

    data: View
    is_secret: bool = False


class Many(msgspec.Struct, Generic[View], frozen=True):
    """A page of a collection: `rows` are the page's rows as the API shows them, unless it is written already."""

    page: Page[Any] | WrittenPage
    rows: list[View] = []


class Done(msgspec.Struct, frozen=True):
    """Nothing but success."""
