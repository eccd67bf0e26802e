"""Reads of counted lists: where an offset falls, with what was cut kept at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TypeVar

from sqlalchemy import Integer, SmallInteger, bindparam, cast, literal, select, union_all

from tandem.domain.identity import Scope, ScopeKind
from tandem.store.database import Connection
from tandem.store.listing.counts import Change, Counts, Place
from tandem.store.prepared import Prepared
from tandem.store.schema.count_tables import list_blocks, list_changes, list_counts

Value = TypeVar("Value")

# Every list of everybody has the empty text for an organization.
OF_EVERYBODY = ""
# Until they are taken in, more changes than these cost a page more than counting does.
CHANGES_MAX = 2_000
# In each process; a list has at most 256 starts of blocks in a stretch, so that this is some megabytes.
KEPT_MAX = 2_000

_VERSION = -1
_list = bindparam("list_name", type_=list_counts.c.list_name.type)
_organization = bindparam("organization", type_=list_counts.c.organization_uid.type)
_version = select(
    list_counts.c.version.label("position"),
    cast(literal(_VERSION), SmallInteger).label("part"),
    cast(literal(0), SmallInteger).label("difference"),
).where(list_counts.c.list_name == _list, list_counts.c.organization_uid == _organization)
_changes = (
    select(list_changes.c.row_position, list_changes.c.part, list_changes.c.difference)
    .where(list_changes.c.list_name == _list, list_changes.c.organization_uid == _organization)
    .limit(bindparam("changes_max", CHANGES_MAX + 1, type_=Integer))
    .subquery()
)
_NEWS = Prepared(union_all(_version, select(_changes)), width=3)


class CountedList:
    """A table's list, counted for everybody and for each company."""

    def __init__(self, name: str) -> None:
        """Take the table's name."""
        self._name = name
        self._counts: dict[int, Counts] = {}
        self._starts: dict[int, Sequence[int]] = {}

    def find(self, connection: Connection, scope: Scope, offset: int) -> Place | None:
        """Find where an offset falls in what a caller sees; None if that is not counted, or not well enough for now.

        Args:
            connection: of `reading()`: changes, counts and rows are of one state of the data.
            scope: the caller's.
            offset: how many rows to leave out.
        """
        if scope.kind is ScopeKind.EVERYTHING:
            organization = OF_EVERYBODY
        elif scope.kind is ScopeKind.COMPANY:
            organization = scope.organization_uid
        else:
            return None
        news = _NEWS.rows(connection, Change, list_name=self._name, organization=organization)
        if len(news) > CHANGES_MAX:
            return None
        version = sum(each.position for each in news if each.part == _VERSION)
        changes = [each for each in news if each.part != _VERSION]
        counts = self._counts.get(version)
        if counts is None:
            counts = self._read_counts(connection, organization, version)
        return counts.find(offset, changes, partial(self._starts_of, connection))

    def _read_counts(self, connection: Connection, organization: str, version: int) -> Counts:
        statement = select(list_counts.c.stretches).where(
            list_counts.c.list_name == self._name, list_counts.c.organization_uid == organization
        )
        counts = Counts((connection.scalar(statement) or ()) if version else ())
        _keep(self._counts, version, counts)
        return counts

    def _starts_of(self, connection: Connection, stretch_uid: int) -> Sequence[int]:
        starts = self._starts.get(stretch_uid)
        if starts is None:
            statement = select(list_blocks.c.starts).where(list_blocks.c.stretch_uid == stretch_uid)
            starts = connection.scalars(statement).one()
            _keep(self._starts, stretch_uid, starts)
        return starts


def _keep(kept: dict[int, Value], key: int, value: Value) -> None:
    # What a version says never changes, so it matters only how many are kept.
    if len(kept) >= KEPT_MAX:
        kept.clear()
    kept[key] = value
