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
from sqlalchemy import ColumnElement, FromClause, Integer, Select, Table, bindparam, func, select, union_all

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.store.conditions import Columns, condition_of, order_of
from tandem.store.database import Connection
from tandem.store.prepared import Prepared, Statement
from tandem.store.query import visible, visible_parts

Row = TypeVar("Row")
Record = TypeVar("Record")
Parts = list[list[ColumnElement[bool]]]
# No column is named so: a condition on an organization is another than the scope's.
OF_ORGANIZATION, OF_USER = "scope_organization_uid", "scope_user_uid"
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


class _Statements(msgspec.Struct, frozen=True):
    count: Prepared
    forward: Prepared
    backward: Prepared


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
        """
        self.columns: dict[str, ColumnElement[Any]] = {column.name: column for column in table.c} | dict(columns or {})
        self._table = table
        self._shape = shape_of(record)
        self._source = table if source is None else source
        self._where = list(where)
        self._order = order or [(table.c.position, False)]
        self._uid = self.columns[uid]
        self._named = Columns(self.columns, folded or {})
        self._made: dict[tuple[tuple[str, ...], ScopeKind, *tuple[str, ...]], _Statements] = {}

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
        key = (shape.columns, scope.kind, *given)
        statements = self._made.get(key) or self._make(key)
        given |= {OF_ORGANIZATION: scope.organization_uid, OF_USER: scope.user_uid, **(values or {})}
        window = query.window
        total = statements.count.rows(connection, int, **given)[0]
        count = min(window.limit, total - window.offset)
        behind = total - window.offset - count
        if count <= 0:
            rows: list[Row] = []
        elif behind < window.offset:
            # A database steps over rows one by one, so it starts from the end that is nearer.
            rows = statements.backward.rows(connection, shape.make, limit=count, offset=behind, **given)[::-1]
        else:
            rows = statements.forward.rows(connection, shape.make, limit=count, offset=window.offset, **given)
        return Page(rows=rows, total=total, offset=window.offset)

    def statement(
        self, scope: Scope, query: Query, shape: Shape[Any], conditions: Sequence[ColumnElement[bool]] = ()
    ) -> Select[*tuple[Any, ...]]:
        """Give the select of a filtered, sorted list, without its window."""
        columns = self._named.with_constants(query.constants)
        asked = [condition_of(columns, condition) for condition in query.conditions]
        if query.sort:
            order = order_of(columns, query.sort, self._uid)
        else:
            order = [column.desc() if is_descending else column.asc() for column, is_descending in self._order]
        selected = select(*(self.columns[name] for name in shape.columns)).select_from(self._source)
        return selected.where(visible(self._table, scope), *self._where, *conditions, *asked).order_by(*order)

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
        statement = self.statement(scope, query, shape, conditions)
        window = query.window
        found = connection.execute(statement.limit(window.limit).offset(window.offset), dict(values))
        rows = [shape.make(*row) for row in found]
        if len(rows) < window.limit and (rows or not window.offset):
            return Page(rows=rows, total=window.offset + len(rows), offset=window.offset)
        count = statement.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
        return Page(rows=rows, total=connection.scalar(count, dict(values)) or 0, offset=window.offset)

    def _equal(self, equal: Mapping[str, str | None]) -> list[ColumnElement[bool]]:
        return [self.columns[name] == value for name, value in equal.items() if value is not None]

    def _make(self, key: tuple[tuple[str, ...], ScopeKind, *tuple[str, ...]]) -> _Statements:
        names, kind, *equal = key
        scope = Scope(kind, cast("str", bindparam(OF_ORGANIZATION)), cast("str", bindparam(OF_USER)))
        held = [*self._where, *(self.columns[name] == bindparam(name) for name in equal)]
        parts = [[*part, *held] for part in visible_parts(self._table, scope)]
        counts = [select(func.count()).select_from(self._source).where(*part).scalar_subquery() for part in parts]
        made = _Statements(
            count=Prepared(select(functools.reduce(cast("Any", operator.add), counts)), width=1),
            forward=Prepared(self._window(names, parts, is_backward=False), width=len(names)),
            backward=Prepared(self._window(names, parts, is_backward=True), width=len(names)),
        )
        self._made[key] = made
        return made

    def _window(self, names: tuple[str, ...], parts: Parts, *, is_backward: bool) -> Statement:
        columns, order = [self.columns[name] for name in names], [column for column, _ in self._order]
        whole: Statement = select(*columns).select_from(self._source).where(*parts[0])
        if len(parts) > 1:
            # What a merge is ordered by, it has to have: it comes last, beyond the width.
            keys = [column.label(f"order_{number}") for number, column in enumerate(order)]
            whole = union_all(*(select(*columns, *keys).select_from(self._source).where(*part) for part in parts))
            order = [whole.selected_columns[key.name] for key in keys]
        directed = [
            column.desc() if is_descending is not is_backward else column.asc()
            for column, (_, is_descending) in zip(order, self._order, strict=True)
        ]
        limit, offset = bindparam("limit", type_=Integer), bindparam("offset", type_=Integer)
        return whole.order_by(*directed).limit(limit).offset(offset)
