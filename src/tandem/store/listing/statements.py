"""The SELECTs of a collection: of a window, forward and backward, of what is searched, and of how many rows there are.

Those of plain pages, which are polled, are made once for each shape, kind of scope and set of conditions.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from typing import Any, cast

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
from tandem.store.listing.conditions import Columns, OrderKey, condition_of, order_of
from tandem.store.listing.documents import Documents, join_documents
from tandem.store.prepared import Prepared
from tandem.store.query import visible_parts

Parts = list[list[ColumnElement[bool]]]
# No column is named so: a condition on an organization is another than the scope's.
OF_ORGANIZATION, OF_USER = "scope_organization_uid", "scope_user_uid"
FROM_POSITION = "from_position"
_WINDOW = bindparam("limit", type_=Integer), bindparam("offset", type_=Integer)


class Windowed(msgspec.Struct, frozen=True):
    """A list from its beginning and from its end."""

    forward: Prepared
    backward: Prepared


class Statements(msgspec.Struct, frozen=True):
    """The counts of the parts that a scope has, a window of each part alone, and one of all."""

    counts: Prepared
    alone: tuple[Windowed, ...]
    merged: Windowed


class ListStatements:
    """The statements of one kind of rows."""

    def __init__(
        self,
        table: Table,
        columns: Columns,
        *,
        source: FromClause,
        where: Sequence[ColumnElement[bool]],
        order: Sequence[OrderKey],
        uid: str,
        documents: Documents | None,
    ) -> None:
        """Take what a collection declares.

        Args:
            table: whose rows are listed; its `info` says whose they are.
            columns: what can be read and asked for, by name.
            source: what is read.
            where: what holds for every row.
            order: of lists that are not sorted; without any, that in which rows were made.
            uid: the column that tells every two rows apart.
            documents: ready ones of the rows.
        """
        self._table = table
        self._columns = columns
        self._source = source
        self._where = list(where)
        self._order = list(order) or [OrderKey(table.c.position)]
        self._uid = columns.plain(uid)
        self._documents = documents
        # Rows that are told apart by no column, but by something made of several, are not found by keys.
        self._has_keys = isinstance(self._uid, Column)
        self._key = self._uid if order else table.c.position
        self._made: dict[tuple[tuple[str, ...], ScopeKind, *tuple[str, ...]], Statements] = {}
        self._made_from: dict[tuple[tuple[str, ...], ScopeKind, tuple[bool, bool]], Prepared] = {}
        self._probes: dict[ScopeKind, Prepared] = {}

    def plain(self, names: tuple[str, ...], kind: ScopeKind, *equal: str) -> Statements:
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

    def from_position(self, names: tuple[str, ...], kind: ScopeKind, has_rows: tuple[bool, bool]) -> Prepared:
        """Give the statement of pages that begin at a position, made once; parts without rows are left out."""
        key = (names, kind, has_rows)
        made = self._made_from.get(key)
        if made is None:
            made = self._made_from[key] = self._make_from(*key)
        return made

    def occupied(self, kind: ScopeKind) -> Prepared:
        """Give the statement that says which of the parts that a scope sees have any row, made once."""
        made = self._probes.get(kind)
        if made is None:
            parts = visible_parts(self._table, _scope_to_come(kind))
            exists = [select(self._table.c.position).where(*part).exists() for part in parts]
            made = self._probes[kind] = Prepared(select(*exists), width=len(parts))
        return made

    def searched(
        self, parts: Parts, query: Query, names: tuple[str, ...], conditions: Sequence[ColumnElement[bool]] = ()
    ) -> Select[*tuple[Any, ...]]:
        """Give the select of one page of a filtered, sorted list.

        Args:
            parts: what the caller sees, as `visible_parts` gives it.
            query: what is asked for.
            names: of the columns that are read.
            conditions: more that must hold.
        """
        columns = self._columns.with_constants(query.constants)
        order = order_of(columns, query.sort, self._uid) if query.sort else self._order
        window = query.window.limit, query.window.offset
        return self._window(names, self._held(parts, query, conditions), order, window=window)

    def counted(self, parts: Parts, query: Query, conditions: Sequence[ColumnElement[bool]] = ()) -> Select[int]:
        """Give the select of how many rows a filtered list has; parameters are those of `searched`."""
        counts = self._counts(self._held(parts, query, conditions))
        total: ColumnElement[int] = functools.reduce(cast("Any", operator.add), counts)
        return select(total)

    def _held(self, parts: Parts, query: Query, conditions: Sequence[ColumnElement[bool]]) -> Parts:
        columns = self._columns.with_constants(query.constants)
        asked = [condition_of(columns, condition) for condition in query.conditions]
        return [[*part, *self._where, *conditions, *asked] for part in parts]

    def _make(self, names: tuple[str, ...], kind: ScopeKind, equal: Sequence[str]) -> Statements:
        held = [*self._where, *(self._columns.plain(name) == bindparam(name) for name in equal)]
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
        if self._documents is not None and self._documents.has(names):
            forward, backward = (
                join_documents(
                    self._window_of_documents(names[0], parts, is_backward=is_backward), is_backward=is_backward
                )
                for is_backward in (False, True)
            )
            return Windowed(forward=Prepared(forward, width=2), backward=Prepared(backward, width=2))
        forward, backward = (
            self._window(names, parts, self._order, window=_WINDOW, is_backward=is_backward, has_keys=has_keys)
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
        page = select(*(self._columns.plain(name) for name in names)).select_from(self._source).order_by(*directed)
        limit, offset = window
        if len(parts) == 1 and not (has_keys and self._has_keys):
            return page.where(*parts[0]).limit(limit).offset(offset)
        key = self._key if order is self._order else self._uid
        return page.where(key.in_(self._keys(key, parts, order, window=window, is_backward=is_backward)))

    def _keys(
        self,
        key: ColumnElement[Any],
        parts: Parts,
        order: Sequence[OrderKey],
        *,
        window: tuple[Any, Any],
        is_backward: bool,
    ) -> Select[*tuple[Any, ...]]:
        directed = [each.directed(is_backward=is_backward) for each in order]
        limit, offset = window
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
        return found.limit(limit).offset(offset).correlate(None)

    def _window_of_documents(self, form: str, parts: Parts, *, is_backward: bool) -> Select[*tuple[Any, ...]]:
        documents, position = cast("Documents", self._documents), self._table.c.position
        if len(parts) == 1:
            limit, offset = _WINDOW
            window = documents.window(form, self._source, position, parts[0], is_backward=is_backward)
            return window.limit(limit).offset(offset)
        keys = self._keys(position, parts, self._order, window=_WINDOW, is_backward=is_backward)
        return documents.by_keys(form, keys)

    def _make_from(self, names: tuple[str, ...], kind: ScopeKind, has_rows: tuple[bool, bool]) -> Prepared:
        seen = visible_parts(self._table, _scope_to_come(kind))
        start = self._table.c.position >= bindparam(FROM_POSITION, type_=BigInteger)
        parts = [[*part, *self._where, start] for part, has in zip(seen, has_rows, strict=False) if has]
        return self._windowed(names, parts, has_keys=kind is not ScopeKind.EVERYTHING).forward


def _scope_to_come(kind: ScopeKind) -> Scope:
    """Give a scope whose organization and user are parameters, to make statements of once."""
    return Scope(kind, cast("str", bindparam(OF_ORGANIZATION)), cast("str", bindparam(OF_USER)))
