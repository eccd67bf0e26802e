"""Pages of ready documents: the JSON of their rows, put together by the database itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import ColumnClause, ColumnElement, FromClause, Select, Table, Text, func, literal_column, select
from sqlalchemy.sql import visitors

# Objects of an array stand between commas.
_COMMA = cast("str", literal_column("','", Text()))


class Joined(msgspec.Struct, frozen=True):
    """So many documents, in one text."""

    count: int
    text: str


class Documents(msgspec.Struct, frozen=True):
    """The documents of a collection: a table that has one, by the position of each row, in a column for each form."""

    table: Table

    def has(self, names: Sequence[str]) -> bool:
        """Say whether these are not columns of rows, but a form of documents."""
        return len(names) == 1 and names[0] in self.table.c

    def window(
        self,
        form: str,
        source: FromClause,
        position: ColumnElement[int],
        conditions: Sequence[ColumnElement[bool]],
        *,
        is_backward: bool,
    ) -> Select[*tuple[Any, ...]]:
        """Select documents and positions, by what holds for their rows.

        Args:
            form: the column of the documents.
            source: where the rows are read.
            position: the rows' column.
            conditions: what holds for them; if only for their positions, rows themselves are not read.
            is_backward: whether from the end.
        """
        mine = self.table.c.position
        document = self.table.c[form].label("document")
        if all(_reads_only(position, condition) for condition in conditions):
            moved = [_moved(condition, position, mine) for condition in conditions]
            return select(document, mine).where(*moved).order_by(mine.desc() if is_backward else mine)
        # Rows that are found by an index alone, in its order, and then the document of each.
        found = select(document, position).select_from(source.join(self.table, mine == position)).where(*conditions)
        return found.order_by(position.desc() if is_backward else position)

    def by_keys(self, form: str, found: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
        """Select the documents of positions that a statement finds."""
        mine = self.table.c.position
        document = self.table.c[form].label("document")
        return select(document, mine).where(mine.in_(found.correlate(None))).order_by(mine)


def join_documents(window: Select[*tuple[Any, ...]], *, is_backward: bool) -> Select[*tuple[Any, ...]]:
    """Select how many documents a window of them has, and all of them in the order of their positions.

    Both databases take them into the text in the order of the select below.
    """
    ordered = window.subquery()
    if is_backward:
        ordered = select(ordered.c.document).order_by(ordered.c.position).subquery()
    return select(func.count(), func.aggregate_strings(ordered.c.document, _COMMA))


def _reads_only(column: ColumnElement[int], condition: ColumnElement[bool]) -> bool:
    return all(found is column for found in visitors.iterate(condition) if isinstance(found, ColumnClause))


def _moved(condition: ColumnElement[bool], column: ColumnElement[int], other: ColumnElement[int]) -> Any:
    """Give a condition on a column as one on another."""

    def replace(found: Any, **_options: Any) -> Any:
        return other if found is column else None

    return cast("Any", visitors).replacement_traverse(condition, {}, replace)
