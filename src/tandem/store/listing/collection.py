"""A list of rows of one kind: how a page of it is read, filtered, sorted or plain."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any, Generic, TypeVar, cast

import msgspec
from sqlalchemy import ColumnElement, FromClause, Table

from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page, Window, WrittenPage
from tandem.store.database import Connection
from tandem.store.listing.conditions import Columns, OrderKey
from tandem.store.listing.counted_lists import CountedList
from tandem.store.listing.counts import Place
from tandem.store.listing.documents import Documents, Joined
from tandem.store.listing.statements import FROM_POSITION, OF_ORGANIZATION, OF_USER, ListStatements, Parts
from tandem.store.query import visible_parts

Row = TypeVar("Row")
Record = TypeVar("Record")
Order = Sequence[tuple[ColumnElement[Any], bool]]


class Shape(msgspec.Struct, Generic[Row], frozen=True):
    """Which columns are read, and what is made of them, given in order."""

    columns: tuple[str, ...]
    make: Callable[..., Row]


def shape_of(record: type[Row]) -> Shape[Row]:
    """Give the shape of a record whose fields are columns."""
    names: tuple[str, ...] = cast("Any", record).__struct_fields__
    if all(parameter.kind is not Parameter.KEYWORD_ONLY for parameter in signature(record).parameters.values()):
        return Shape(names, record)
    return Shape(names, lambda *values: record(**dict(zip(names, values, strict=True))))


class Collection(Generic[Record]):
    """Rows of one kind, as a list shows them: whose they are, what can be asked of them, in which order they stand."""

    def __init__(
        self,
        table: Table,
        record: type[Record],
        *,
        source: FromClause | None = None,
        columns: Mapping[str, ColumnElement[Any]] | None = None,
        folded: Mapping[str, ColumnElement[Any]] | None = None,
        where: Sequence[ColumnElement[bool]] = (),
        order: Order = (),
        uid: str = "instance_uid",
        documents: Documents | None = None,
        is_counted: bool = False,
    ) -> None:
        """Declare a collection.

        Args:
            table: whose rows are listed; its `info` says whose they are.
            record: what a row becomes, unless a page is asked for in another shape.
            source: what is read, if the table is joined with others.
            columns: what is not a column of the table, or another than the table's, by name.
            folded: columns that hold others as they are compared whatever their case, by the names of those.
            where: what holds for every row of the collection.
            order: columns, and whether each descends; by default the order in which rows were made.
            uid: the column that tells every two rows apart.
            documents: ready ones of its rows; the rows are in the order in which they were made then.
            is_counted: whether the table's rows are counted as they come and go, so that no page has to.
        """
        self.columns: dict[str, ColumnElement[Any]] = {column.name: column for column in table.c} | dict(columns or {})
        self.statements = ListStatements(
            table,
            Columns(self.columns, folded or {}),
            source=table if source is None else source,
            where=where,
            order=[OrderKey(column, is_descending) for column, is_descending in order],
            uid=uid,
            documents=documents,
        )
        self._table = table
        self._shape = shape_of(record)
        self._counted = CountedList(table.name) if is_counted else None

    def page(
        self,
        connection: Connection,
        scope: Scope,
        query: Query,
        *conditions: ColumnElement[bool],
        values: Mapping[str, int | str] | None = None,
        **equal: str | None,
    ) -> Page[Record]:
        """Give the rows that the caller sees and asks for, and how many there are in all.

        Args:
            connection: of `reading()`: both reads see one state of the data.
            scope: the caller's.
            query: what is asked for.
            conditions: more that must hold.
            values: of parameters that the collection's columns have.
            equal: columns that must have a value; None is no condition.
        """
        if conditions:
            held = [*conditions, *self._equal(equal)]
            return self._search(connection, scope, query, self._shape, conditions=held, values=values or {})
        return self.page_as(self._shape, connection, scope, query, values=values, **equal)

    def page_as(
        self,
        shape: Shape[Row],
        connection: Connection,
        scope: Scope,
        query: Query,
        *,
        values: Mapping[str, int | str] | None = None,
        **equal: str | None,
    ) -> Page[Row]:
        """Give a page as `page` does, in another shape."""
        if not query.is_plain:
            held = self._equal(equal)
            return self._search(connection, scope, query, shape, conditions=held, values=values or {})
        given: dict[str, str | int] = {name: value for name, value in equal.items() if value is not None}
        if self._counted is not None and not given:
            place = self._counted.find(connection, scope, query.window.offset)
            if place is not None:
                return self._page_from(connection, scope, place, query.window, shape)
        statements = self.statements.plain(shape.columns, scope.kind, *given)
        given |= {OF_ORGANIZATION: scope.organization_uid, OF_USER: scope.user_uid, **(values or {})}
        window = query.window
        counts = statements.counts.rows(connection, _together, **given)[0]
        total = sum(counts)
        count = min(window.limit, total - window.offset)
        if count <= 0:
            return Page(rows=[], total=total, offset=window.offset)
        # A part that is alone is read in the order of its index, without a merge.
        statement = statements.alone[counts.index(total)] if total in counts else statements.merged
        behind = total - window.offset - count
        if behind < window.offset:
            # A database steps over rows one by one, so it starts from the end that is nearer.
            rows = statement.backward.rows(connection, shape.make, limit=count, offset=behind, **given)[::-1]
        else:
            rows = statement.forward.rows(connection, shape.make, limit=count, offset=window.offset, **given)
        return Page(rows=rows, total=total, offset=window.offset)

    def written_page(
        self, form: str, connection: Connection, scope: Scope, query: Query, **equal: str | None
    ) -> WrittenPage:
        """Give a page as `page` does, of ready documents in one of their forms; without filters and sorts."""
        page = self.page_as(_joined(form), connection, scope, query, values=None, **equal)
        joined = page.rows[0] if page.rows else Joined(0, "")
        return WrittenPage(text=joined.text, count=joined.count, total=page.total, offset=page.offset)

    def occupied_parts(self, connection: Connection, scope: Scope) -> Parts:
        """Give what the caller sees in parts, those without any row left out: there is seldom more than one left."""
        parts = visible_parts(self._table, scope)
        if len(parts) == 1:
            return parts
        given = {OF_ORGANIZATION: scope.organization_uid, OF_USER: scope.user_uid}
        found = self.statements.occupied(scope.kind).rows(connection, _together, **given)[0]
        return [part for part, is_occupied in zip(parts, found, strict=True) if is_occupied] or parts[:1]

    def _page_from(
        self, connection: Connection, scope: Scope, place: Place, window: Window, shape: Shape[Row]
    ) -> Page[Row]:
        count = min(window.limit, place.total - window.offset)
        if count <= 0:
            return Page(rows=[], total=place.total, offset=window.offset)
        rows = self.statements.from_position(shape.columns, scope.kind, place.parts).rows(
            connection,
            shape.make,
            limit=count,
            offset=place.rest,
            **{OF_ORGANIZATION: scope.organization_uid, FROM_POSITION: place.start},
        )
        return Page(rows=rows, total=place.total, offset=window.offset)

    def _search(
        self,
        connection: Connection,
        scope: Scope,
        query: Query,
        shape: Shape[Row],
        *,
        conditions: Sequence[ColumnElement[bool]],
        values: Mapping[str, int | str],
    ) -> Page[Row]:
        parts, window = self.occupied_parts(connection, scope), query.window
        found = connection.execute(self.statements.searched(parts, query, shape.columns, conditions), dict(values))
        rows = [shape.make(*row) for row in found]
        if len(rows) < window.limit and (rows or not window.offset):
            return Page(rows=rows, total=window.offset + len(rows), offset=window.offset)
        total = connection.scalar(self.statements.counted(parts, query, conditions), dict(values))
        return Page(rows=rows, total=total or 0, offset=window.offset)

    def _equal(self, equal: Mapping[str, str | None]) -> list[ColumnElement[bool]]:
        return [self.columns[name] == value for name, value in equal.items() if value is not None]


@functools.cache
def _joined(form: str) -> Shape[Joined]:
    return Shape((form,), Joined)


def _together(*values: Any) -> tuple[Any, ...]:
    return values
