"""What a filter, a sort and a page mean, as plainly as Python can say it."""

import functools
import operator
from collections.abc import Callable
from typing import Any, cast

from tandem.domain.listing import Combination, Comparison, Condition, FilterOperation, Query, SortKey, collated

Row = dict[str, Any]


def answer(rows: list[Row], query: Query, uid: str) -> tuple[list[Row], int]:
    """Give the page of rows that a query asks for, and how many rows it finds in all."""
    found = [row for row in rows if all(holds(row, condition) for condition in query.conditions)]
    if query.sort:
        found.sort(key=lambda row: row[uid], reverse=query.sort[0].is_descending)
        for key in reversed(query.sort):
            found.sort(key=functools.partial(sort_value, key=key), reverse=key.is_descending)
    start = query.window.offset
    return found[start : start + query.window.limit], len(found)


def holds(row: Row, condition: Condition) -> bool:
    """Say whether a condition holds for a row."""
    if isinstance(condition, Combination):
        held = [holds(row, item) for item in condition.items]
        ways: dict[FilterOperation, Callable[[list[bool]], bool]] = {
            FilterOperation.AND: all,
            FilterOperation.OR: any,
            FilterOperation.NOT: lambda items: not all(items),
            FilterOperation.EXCLUSIVE_OR: lambda items: sum(items) % 2 == 1,
        }
        return ways[condition.operation](held)
    return compares(row[condition.property], condition)


COMPARES: dict[FilterOperation, Callable[[Any, Any], bool]] = {
    FilterOperation.EQUALS: operator.eq,
    FilterOperation.NOT_EQUALS: operator.ne,
    FilterOperation.IN: lambda own, given: own in given,
    FilterOperation.SUBSET: lambda own, given: own is None or own in given,
    FilterOperation.SUPERSET: lambda own, given: all(own == each for each in given),
    FilterOperation.CONTAINS: lambda own, value: own is not None and value in own,
    FilterOperation.LESS_THAN: lambda own, value: own is not None and own < value,
    FilterOperation.LESS_THAN_OR_EQUAL: lambda own, value: own is not None and own <= value,
    FilterOperation.GREATER_THAN: lambda own, value: own is not None and own > value,
    FilterOperation.GREATER_THAN_OR_EQUAL: lambda own, value: own is not None and own >= value,
}


def compares(own: Any, condition: Comparison) -> bool:
    """Say whether a property's value compares as asked."""
    value: Any = condition.value
    if isinstance(value, tuple):
        value = [comparable(each, condition) for each in cast("tuple[Any, ...]", value)]
    else:
        value = comparable(value, condition)
    return COMPARES[condition.operation](comparable(own, condition), value)


def comparable(value: Any, condition: Comparison | SortKey) -> Any:
    """Give what is compared of a value."""
    return collated(value, condition.collation) if isinstance(value, str) else value


def sort_value(row: Row, key: SortKey) -> tuple[bool, Any]:
    """Give what a row is sorted by: nothing comes before everything."""
    value = comparable(row[key.property], key)
    return (value is not None, value if value is not None else 0)
