"""Listings whose statements are made once: for each shape, kind of scope and set of conditions."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

import msgspec
from sqlalchemy import ColumnElement, Integer, Table, bindparam, func, select, union_all

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.paging import Page, Window
from tandem.store.database import Connection
from tandem.store.prepared import Prepared, Statement
from tandem.store.query import visible_parts

Row = TypeVar("Row")
Parts = list[list[ColumnElement[bool]]]


class Shape(msgspec.Struct, Generic[Row], frozen=True):
    """Which columns are read, and what is made of them, given in order."""

    columns: tuple[str, ...]
    make: Callable[..., Row]


def shape_of(record: type[Row]) -> Shape[Row]:
    """Give the shape of a record whose positional fields are columns."""
    return Shape(cast("Any", record).__struct_fields__, record)


class _Statements(msgspec.Struct, frozen=True):
    count: Prepared
    forward: Prepared
    backward: Prepared


class Listing:
    """A table in the order of its `position`, scoped and paged."""

    def __init__(self, table: Table) -> None:
        """List a table."""
        self._table = table
        self._made: dict[tuple[tuple[str, ...], ScopeKind, *tuple[str, ...]], _Statements] = {}

    def page(
        self, connection: Connection, scope: Scope, window: Window, shape: Shape[Row], **equal: str | None
    ) -> Page[Row]:
        """Give the rows that the caller sees in a window, and how many there are in all.

        Args:
            connection: of `reading()`: both reads see one state of the data.
            scope: the caller's.
            window: which rows.
            shape: what of each row.
            equal: columns that must have a value; None is no condition.
        """
        values: dict[str, str | int] = {name: value for name, value in equal.items() if value is not None}
        key = (shape.columns, scope.kind, *values)
        statements = self._made.get(key) or self._make(key)
        values |= {"organization_uid": scope.organization_uid, "user_uid": scope.user_uid}
        total = statements.count.rows(connection, int, **values)[0]
        count = min(window.limit, total - window.offset)
        behind = total - window.offset - count
        if count <= 0:
            rows: list[Row] = []
        elif behind < window.offset:
            # A database steps over rows one by one, so it starts from the end that is nearer.
            rows = statements.backward.rows(connection, shape.make, limit=count, offset=behind, **values)[::-1]
        else:
            rows = statements.forward.rows(connection, shape.make, limit=count, offset=window.offset, **values)
        return Page(rows=rows, total=total, offset=window.offset)

    def _make(self, key: tuple[tuple[str, ...], ScopeKind, *tuple[str, ...]]) -> _Statements:
        columns, kind, *names = key
        scope = Scope(kind, cast("str", bindparam("organization_uid")), cast("str", bindparam("user_uid")))
        equal = [self._table.c[name] == bindparam(name) for name in names]
        parts = [[*part, *equal] for part in visible_parts(self._table, scope)]
        counts = [select(func.count()).select_from(self._table).where(*part).scalar_subquery() for part in parts]
        made = _Statements(
            count=Prepared(select(functools.reduce(cast("Any", operator.add), counts)), width=1),
            forward=Prepared(self._window(columns, parts, is_backward=False), width=len(columns)),
            backward=Prepared(self._window(columns, parts, is_backward=True), width=len(columns)),
        )
        self._made[key] = made
        return made

    def _window(self, names: tuple[str, ...], parts: Parts, *, is_backward: bool) -> Statement:
        columns, position = [self._table.c[name] for name in names], self._table.c.position
        whole: Statement = select(*columns).where(*parts[0])
        if len(parts) > 1:
            # What a merge is ordered by, it has to have: it comes last, beyond the width.
            whole = union_all(*(select(*columns, position).where(*part) for part in parts))
            position = whole.selected_columns.position
        limit, offset = bindparam("limit", type_=Integer), bindparam("offset", type_=Integer)
        return whole.order_by(position.desc() if is_backward else position).limit(limit).offset(offset)
