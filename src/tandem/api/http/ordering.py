"""The order of lists that take `orderColumn` and `orderAsc` in place of `sort`."""

from __future__ import annotations

from tandem.domain.listing import Collation, Query, SortKey
from tandem.domain.paging import Window


def ordered_by(window: Window, column: str | None, *, is_ascending: bool) -> Query:
    """Ask for a list by a column, texts whatever their case; rows that are equal in it stand as they were made."""
    as_made = SortKey(property="position", is_descending=column is None and not is_ascending)
    if column is None:
        return Query(window=window, sort=(as_made,))
    key = SortKey(property=column, is_descending=not is_ascending, collation=Collation.IGNORECASE)
    return Query(window=window, sort=(key, as_made))
