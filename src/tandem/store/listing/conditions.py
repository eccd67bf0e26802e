"""Filters and sorts as SQL. Each condition is true or false for every row, never null, so that NOT is what it says."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    Text,
    and_,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    true,
    type_coerce,
)

from tandem.domain.listing import Collation, Combination, Comparison, Condition, FilterOperation, SortKey, collated
from tandem.store.schema.columns import Word, Words
from tandem.store.texts import FUNCTIONS, holds_text, ordinal

_ORDERINGS: dict[FilterOperation, Callable[[Any, Any], Any]] = {
    FilterOperation.LESS_THAN: operator.lt,
    FilterOperation.LESS_THAN_OR_EQUAL: operator.le,
    FilterOperation.GREATER_THAN: operator.gt,
    FilterOperation.GREATER_THAN_OR_EQUAL: operator.ge,
}


class Columns:
    """The columns of a collection by property, and the ready forms of texts that are compared whatever their case."""

    def __init__(self, columns: Mapping[str, ColumnElement[Any]], folded: Mapping[str, ColumnElement[Any]]) -> None:
        """Take columns, and for some of them another that holds their text as `Collation.IGNORECASE` compares it."""
        self._columns = columns
        self._folded = folded

    def with_constants(self, constants: Mapping[str, Any]) -> Columns:
        """Add properties that have one value for all rows."""
        if not constants:
            return self
        added = {name: null() if value is None else literal(value) for name, value in constants.items()}
        return Columns({**added, **self._columns}, self._folded)

    def plain(self, name: str) -> ColumnElement[Any]:
        """Give a column as it is."""
        return self._columns[name]

    def collated(self, name: str, collation: Collation) -> ColumnElement[Any]:
        """Give what `domain.listing.collated` gives, of a column; null stays null."""
        column = self._columns[name]
        if collation is Collation.ORDINAL or not is_text(column):
            return column
        if collation is Collation.IGNORECASE and name in self._folded:
            return self._folded[name]
        return getattr(func, FUNCTIONS[collation])(column, type_=String())


def is_text(column: ColumnElement[Any]) -> bool:
    """Say whether a column holds a text."""
    return isinstance(column.type, String | Word)


def condition_of(columns: Columns, condition: Condition) -> ColumnElement[bool]:
    """Give a filter's condition."""
    if isinstance(condition, Comparison):
        if isinstance(columns.plain(condition.property).type, Words):
            return _compare_set(columns.plain(condition.property), condition)
        return _compare(columns, condition)
    items = [condition_of(columns, item) for item in condition.items]
    return _combine(condition, items)


class OrderKey(msgspec.Struct, frozen=True):
    """What rows are ordered by: a column, or what is made of one; null, where it can be, comes before everything."""

    key: ColumnElement[Any]
    is_descending: bool = False
    is_nullable: bool = False

    def directed(self, other: ColumnElement[Any] | None = None, *, is_backward: bool = False) -> ColumnElement[Any]:
        """Give it as ORDER BY takes it: either way, and by another column that holds the same, if one is given."""
        key = self.key if other is None else other
        is_descending = self.is_descending is not is_backward
        if not self.is_nullable:
            return key.desc() if is_descending else key.asc()
        return key.desc().nulls_last() if is_descending else key.asc().nulls_first()


def order_of(columns: Columns, keys: Sequence[SortKey], uid: ColumnElement[Any]) -> list[OrderKey]:
    """Give the order for sort keys, made total by a uid that goes the way of the first key."""
    return [*(_order_key(columns, key) for key in keys), OrderKey(uid, keys[0].is_descending)]


def _order_key(columns: Columns, key: SortKey) -> OrderKey:
    column = columns.collated(key.property, key.collation)
    return OrderKey(ordinal(column) if is_text(column) else column, key.is_descending, _is_nullable(column))


def _is_nullable(column: ColumnElement[Any]) -> bool:
    return bool(getattr(column, "nullable", True))


def _combine(condition: Combination, items: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    match condition.operation:
        case FilterOperation.OR:
            return or_(*items)
        case FilterOperation.NOT:
            return not_(and_(*items))
        case FilterOperation.EXCLUSIVE_OR:
            return _odd_of(items)
        case _:
            return and_(*items)


def _odd_of(items: list[ColumnElement[bool]]) -> ColumnElement[bool]:
    # By halves: one after the other, many would be nested deeper than databases take.
    if len(items) == 1:
        return items[0].self_group()
    half = len(items) // 2
    return operator.ne(_odd_of(items[:half]).self_group(), _odd_of(items[half:]).self_group())


def _compare(columns: Columns, condition: Comparison) -> ColumnElement[bool]:
    column = columns.collated(condition.property, condition.collation)

    def comparable(value: Any) -> Any:
        if isinstance(value, str) and is_text(column):
            return collated(value, condition.collation)
        # A number that the column is too narrow for finds nothing; the column's own type would refuse it.
        is_wide = isinstance(value, int) and not isinstance(value, bool)
        return literal(value, BigInteger) if is_wide else value

    def equals(value: Any) -> ColumnElement[bool]:
        return column.is_(None) if value is None else _both(column, column == comparable(value))

    match condition.operation:
        case FilterOperation.EQUALS:
            found = equals(condition.value)
        case FilterOperation.NOT_EQUALS:
            found = not_(equals(condition.value))
        case FilterOperation.IN:
            found = _is_one_of(column, condition.value, comparable)
        case FilterOperation.SUBSET:
            # A property of one value is a set of one, and without a value it is the empty set.
            found = _is_one_of(column, (None, *condition.value), comparable)
        case FilterOperation.SUPERSET:
            found = and_(_are_alike(condition.value, condition.collation), *map(equals, condition.value[:1]))
        case FilterOperation.CONTAINS:
            found = _both(column, holds_text(column, literal(comparable(condition.value))))
        case ordering:
            key = ordinal(column) if is_text(column) else column
            found = _both(column, _ORDERINGS[ordering](key, comparable(condition.value)))
    return found


def _is_one_of(
    column: ColumnElement[Any], values: tuple[Any, ...], comparable: Callable[[Any], Any]
) -> ColumnElement[bool]:
    # One list, not a chain of comparisons: databases bound how deep these are nested.
    listed = [comparable(value) for value in dict.fromkeys(values) if value is not None]
    found = _both(column, column.in_(listed))
    return or_(column.is_(None), found) if None in values else found


def _are_alike(values: Iterable[Any], collation: Collation) -> ColumnElement[bool]:
    alike = {collated(each, collation) if isinstance(each, str) else each for each in values}
    return false() if len(alike) > 1 else true()


def _both(column: ColumnElement[Any], comparison: ColumnElement[bool]) -> ColumnElement[bool]:
    return and_(column.is_not(None), comparison) if _is_nullable(column) else comparison


def _compare_set(column: ColumnElement[Any], condition: Comparison) -> ColumnElement[bool]:
    text = func.coalesce(type_coerce(column, Text), ",")
    value: Any = condition.value
    given = cast("tuple[str, ...]", value if isinstance(value, tuple) else (value,))
    words = tuple(dict.fromkeys(given))
    holds = [holds_text(text, literal(f",{word},")) for word in words]
    rest = functools.reduce(lambda left, word: func.replace(left, f",{word},", ","), words, text)
    match condition.operation:
        case FilterOperation.CONTAINS | FilterOperation.SUPERSET:
            return and_(true(), *holds)
        case FilterOperation.SUBSET:
            return rest == ","
        case FilterOperation.IN:
            return and_(or_(false(), *holds), rest == ",")
        case FilterOperation.NOT_EQUALS:
            return not_(and_(rest == ",", *holds))
        case _:
            return and_(rest == ",", *holds)
