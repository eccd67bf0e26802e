"""The listing engine: scope, filter, sort, page, the same for every collection.

Plain pages, which are polled, run statements that are made once for each shape, kind of scope and set of conditions.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from typing import Any, Generic, TypeVar, cast

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Integer,
    ScalarSelect,
    Select,
    Table,
    bindparam,
    func,
    select,
    union_all,
)

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.listing import Query
from tandem.domain.paging import Page, Window
from tandem.store.conditions import Columns, OrderKey, condition_of, order_of
from tandem.store.counted_lists import CountedList
from tandem.store.counts import Place
from tandem.store.database import Connection
from tandem.store.prepared import Prepared
from tandem.store.query import visible_parts

Row = TypeVar("Row")
Record = TypeVar("Record")
Parts = list[list[ColumnElement[bool]]]
# No column is named so: a condition on an organization is another than the scope's.
OF_ORGANIZATION, OF_USER = "scope_organization_uid", "scope_user_uid"
FROM_POSITION = "from_position"
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


class Windowed(msgspec.Struct, frozen=True):
    """A list from its beginning and from its end."""

    forward: Prepared
    backward: Prepared


class Statements(msgspec.Struct, frozen=True):
    """The counts of the parts that a scope has, a window of each part alone, and one of all."""

    counts: Prepared
    alone: tuple[Windowed, ...]
    merged: Windowed


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
            is_counted: whether the table's rows are counted as they come and go, so that no page has to.
        """
        self.columns: dict[str, ColumnElement[Any]] = {column.name: column for column in table.c} | dict(columns or {})
        self._table = table
        self._shape = shape_of(record)
        self._source = table if source is None else source
        self._where = list(where)
        self._order = [OrderKey(column, is_descending) for column, is_descending in order] or [
            OrderKey(table.c.position)
        ]
        self._uid = self.columns[uid]
        # Rows that are told apart by no column, but by something made of several, are not found by keys.
        self._has_keys = isinstance(self._uid, Column)
        self._key = self._uid if order else table.c.position
        self._named = Columns(self.columns, folded or {})
        self._made: dict[tuple[tuple[str, ...], ScopeKind, *tuple[str, ...]], Statements] = {}
        self._probes: dict[ScopeKind, Prepared] = {}
        self._counted = CountedList(table.name) if is_counted else None
        self._made_from: dict[tuple[tuple[str, ...], ScopeKind, tuple[bool, bool]], Prepared] = {}

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
        if query.conditions or query.sort:
            held = self._equal(equal)
            return self._search(connection, scope, query, shape, conditions=held, values=values or {})
        given: dict[str, str | int] = {name: value for name, value in equal.items() if value is not None}
        if self._counted is not None and not given:
            place = self._counted.find(connection, scope, query.window.offset)
            if place is not None:
                return self._page_from(connection, scope, place, query.window, shape)
        statements = self.prepared(shape.columns, scope.kind, *given)
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

    def _page_from(
        self, connection: Connection, scope: Scope, place: Place, window: Window, shape: Shape[Row]
    ) -> Page[Row]:
        count = min(window.limit, place.total - window.offset)
        if count <= 0:
            return Page(rows=[], total=place.total, offset=window.offset)
        key = shape.columns, scope.kind, place.parts
        prepared = self._made_from.get(key)
        if prepared is None:
            prepared = self._made_from[key] = self.from_position(*key)
        rows = prepared.rows(
            connection,
            shape.make,
            limit=count,
            offset=place.rest,
            **{OF_ORGANIZATION: scope.organization_uid, FROM_POSITION: place.start},
        )
        return Page(rows=rows, total=place.total, offset=window.offset)

    def from_position(self, names: tuple[str, ...], kind: ScopeKind, has_rows: tuple[bool, bool]) -> Prepared:
        """Make the statement of pages that begin at a position; parts without rows are left out."""
        seen = visible_parts(self._table, _scope_to_come(kind))
        start = self._table.c.position >= bindparam(FROM_POSITION, type_=BigInteger)
        parts = [[*part, *self._where, start] for part, has in zip(seen, has_rows, strict=False) if has]
        return self._windowed(names, parts, has_keys=kind is not ScopeKind.EVERYTHING).forward

    def prepared(self, names: tuple[str, ...], kind: ScopeKind, *equal: str) -> Statements:
        """Give the statements of plain pages, made once.

        Args:
            names: of the columns that are read.
            kind: of the caller's scope.
            equal: names of columns that must have a value.
        """
        key = (names, kind, *equal)
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = self._make(names, kind, equal)
        return made

    def statement(
        self, parts: Parts, query: Query, shape: Shape[Any], conditions: Sequence[ColumnElement[bool]] = ()
    ) -> Select[*tuple[Any, ...]]:
        """Give the select of one page of a filtered, sorted list.

        Args:
            parts: what the caller sees, as `visible_parts` gives it.
            query: what is asked for.
            shape: which columns are read.
            conditions: more that must hold.
        """
        columns = self._named.with_constants(query.constants)
        order = order_of(columns, query.sort, self._uid) if query.sort else self._order
        window = query.window.limit, query.window.offset
        return self._window(shape.columns, self._held(parts, query, conditions), order, window=window)

    def count_statement(
        self, parts: Parts, query: Query, conditions: Sequence[ColumnElement[bool]] = ()
    ) -> Select[int]:
        """Give the select of how many rows a filtered list has; parameters are those of `statement`."""
        counts = self._counts(self._held(parts, query, conditions))
        total: ColumnElement[int] = functools.reduce(cast("Any", operator.add), counts)
        return select(total)

    def occupied_parts(self, connection: Connection, scope: Scope) -> Parts:
        """Give what the caller sees in parts, those without any row left out: there is seldom more than one left."""
        parts = visible_parts(self._table, scope)
        if len(parts) == 1:
            return parts
        probe = self._probes.get(scope.kind)
        if probe is None:
            asked = visible_parts(self._table, _scope_to_come(scope.kind))
            exists = [select(self._table.c.position).where(*part).exists() for part in asked]
            probe = self._probes[scope.kind] = Prepared(select(*exists), width=len(asked))
        given = {OF_ORGANIZATION: scope.organization_uid, OF_USER: scope.user_uid}
        found = probe.rows(connection, _together, **given)[0]
        return [part for part, is_occupied in zip(parts, found, strict=True) if is_occupied] or parts[:1]

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
        found = connection.execute(self.statement(parts, query, shape, conditions), dict(values))
        rows = [shape.make(*row) for row in found]
        if len(rows) < window.limit and (rows or not window.offset):
            return Page(rows=rows, total=window.offset + len(rows), offset=window.offset)
        total = connection.scalar(self.count_statement(parts, query, conditions), dict(values))
        return Page(rows=rows, total=total or 0, offset=window.offset)

    def _held(self, parts: Parts, query: Query, conditions: Sequence[ColumnElement[bool]]) -> Parts:
        columns = self._named.with_constants(query.constants)
        asked = [condition_of(columns, condition) for condition in query.conditions]
        return [[*part, *self._where, *conditions, *asked] for part in parts]

    def _equal(self, equal: Mapping[str, str | None]) -> list[ColumnElement[bool]]:
        return [self.columns[name] == value for name, value in equal.items() if value is not None]

    def _make(self, names: tuple[str, ...], kind: ScopeKind, equal: Sequence[str]) -> Statements:
        held = [*self._where, *(self.columns[name] == bindparam(name) for name in equal)]
        parts = [[*part, *held] for part in visible_parts(self._table, _scope_to_come(kind))]
        counts = Prepared(select(*self._counts(parts)), width=len(parts))
        if len(parts) == 1:
            whole = self._windowed(names, parts, has_keys=False)
            return Statements(counts=counts, alone=(whole,), merged=whole)
        # By keys also a part that is alone: otherwise PostgreSQL may walk through everybody's rows in order, in the
        # hope that the part's come soon.
        alone = tuple(self._windowed(names, [part], has_keys=True) for part in parts)
        return Statements(counts=counts, alone=alone, merged=self._windowed(names, parts, has_keys=True))

    def _counts(self, parts: Parts) -> list[ScalarSelect[int]]:
        return [select(func.count()).select_from(self._source).where(*part).scalar_subquery() for part in parts]

    def _windowed(self, names: tuple[str, ...], parts: Parts, *, has_keys: bool) -> Windowed:
        window = bindparam("limit", type_=Integer), bindparam("offset", type_=Integer)
        forward, backward = (
            self._window(names, parts, self._order, window=window, is_backward=is_backward, has_keys=has_keys)
            for is_backward in (False, True)
        )
        return Windowed(forward=Prepared(forward, width=len(names)), backward=Prepared(backward, width=len(names)))

    def _window(
        self,
        names: tuple[str, ...],
        parts: Parts,
        order: Sequence[OrderKey],
        *,
        window: tuple[Any, Any],
        is_backward: bool = False,
        has_keys: bool = True,
    ) -> Select[*tuple[Any, ...]]:
        """Read a page's rows; with keys, find them by what an index holds, then read those rows only."""
        directed = [each.directed(is_backward=is_backward) for each in order]
        page = select(*(self.columns[name] for name in names)).select_from(self._source).order_by(*directed)
        limit, offset = window
        if len(parts) == 1 and not (has_keys and self._has_keys):
            return page.where(*parts[0]).limit(limit).offset(offset)
        key = self._key if order is self._order else self._uid
        if len(parts) == 1:
            found = select(key).select_from(self._source).where(*parts[0]).order_by(*directed)
        else:
            labels = [each.key.label(f"order_{number}") for number, each in enumerate(order)]
            keyed = select(key.label("key"), *labels).select_from(self._source).order_by(*directed)
            # Each part gives no more than the page may need of it, in the order of its index.
            firsts = [keyed.where(*part).limit(limit + offset).subquery() for part in parts]
            whole = union_all(*map(select, firsts)).subquery()
            ordered = zip(order, labels, strict=True)
            merged = [each.directed(whole.c[label.name], is_backward=is_backward) for each, label in ordered]
            found = select(whole.c.key).order_by(*merged)
        return page.where(key.in_(found.limit(limit).offset(offset).correlate(None)))


def _together(*values: Any) -> tuple[Any, ...]:
    return values


def _scope_to_come(kind: ScopeKind) -> Scope:
    """Give a scope whose organization and user are parameters, to make statements of once."""
    return Scope(kind, cast("str", bindparam(OF_ORGANIZATION)), cast("str", bindparam(OF_USER)))
