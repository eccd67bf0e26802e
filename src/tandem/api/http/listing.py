"""What a collection is asked for over HTTP: `limit`, `offset`, `filter` and `sort`, of any resource alike.

The grammar is the contract's (notes: FilterExpression, SortExpression): an array of expressions that all hold, or one
expression alone; names and words in any case; values as texts too.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, cast

import msgspec

from tandem.api.http.call import Call
from tandem.api.http.properties import Property, properties_of
from tandem.api.http.values import read_value, shown
from tandem.decoding import decode
from tandem.domain.errors import Invalid
from tandem.domain.listing import (
    COMBINING,
    Collation,
    Combination,
    Comparison,
    Condition,
    FilterOperation,
    Query,
    SortKey,
)
from tandem.domain.paging import LIMIT_DEFAULT, LIMIT_MAX, OFFSET_MAX, Window
from tandem.store.listing.collection import Collection

View = TypeVar("View")

EXPRESSIONS_MAX = 200
DEPTH_MAX = 10
SORT_KEYS_MAX = 10
_OPERATIONS = {operation.casefold(): operation for operation in FilterOperation}
_COLLATIONS = {collation.casefold(): collation for collation in Collation}
_DIRECTIONS = {"ascending": False, "descending": True}


class Resource(Generic[View]):
    """A kind of resource that is listed: how it is shown and, behind it, what is stored."""

    def __init__(self, view: type[View], collection: Collection[Any] | None = None) -> None:
        """Bind the struct that shows a resource to its collection.

        A property can be asked for if the collection has a column of its name or, where it has none, if the struct
        gives every row the same value. Without a collection, of which there is nothing here, everything can be asked.
        """
        self.view = view
        self.constants: dict[str, Any] = {}
        self.properties: dict[str, Property] = {}
        for path, found in properties_of(view).items():
            if found.kind is None or path.startswith("_embedded."):
                continue
            if collection is not None and found.name not in collection.columns:
                if found.is_set or not isinstance(found.default, str | int | float | None):
                    continue
                self.constants[found.name] = found.default
            self.properties[path] = found

    def read(self, call: Call) -> Query:
        """Read what is asked for; raises Invalid, naming the parameter, the value and what is allowed."""
        filters, sorts = expressions_of(call, "filter"), expressions_of(call, "sort")
        if not filters and not sorts:
            return Query(window=window_of(call))
        reader = _Reader(self.properties)
        conditions = tuple(reader.condition(expression, 1) for expression in filters)
        return Query(
            window=window_of(call),
            conditions=conditions,
            sort=tuple(reader.sort_keys(sorts)),
            constants=self.constants,
        )


def window_of(call: Call) -> Window:
    """Give the part of a collection that is asked for; raises Invalid for `limit` or `offset`."""
    return Window(
        limit=call.integer("limit", default=LIMIT_DEFAULT, low=1, high=LIMIT_MAX),
        offset=call.integer("offset", default=0, low=0, high=OFFSET_MAX),
    )


_FORMS = {
    "filter": '[{"property":"name","operation":"equals","value":"x"}]',
    "sort": '[{"property":"name","direction":"ascending"}]',
    "select": '[{"propertyPath":"name"}]',
}


def expressions_of(call: Call, parameter: str) -> list[dict[str, Any]]:
    """Read a parameter that is an array of expressions, or one alone; gives their members by name in lower case."""
    text = call.parameter(parameter)
    if not text:
        return []
    try:
        decoded = decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        text = f"{parameter}: this is not valid JSON: {error}. Write it as {_FORMS[parameter]}."
        raise Invalid(text, parameter=parameter) from error
    expressions: list[Any] = cast("list[Any]", decoded) if isinstance(decoded, list) else [decoded]
    return [_named(expression, parameter) for expression in expressions]


def _named(expression: Any, parameter: str) -> dict[str, Any]:
    if not isinstance(expression, dict):
        text = f"{parameter}: {shown(expression)} is no expression; write it as {_FORMS[parameter]}."
        raise Invalid(text, parameter=parameter)
    members = cast("dict[str, Any]", expression)
    return {name.casefold(): value for name, value in members.items()}


class _Reader:
    """Reads the expressions of one request; counts them, so that none is asked for too much."""

    def __init__(self, properties: dict[str, Property]) -> None:
        self._properties = properties
        self._count = 0

    def condition(self, expression: dict[str, Any], depth: int) -> Condition:
        self._count += 1
        if self._count > EXPRESSIONS_MAX or depth > DEPTH_MAX:
            text = f"filter: at most {EXPRESSIONS_MAX} expressions are taken, nested at most {DEPTH_MAX} deep."
            raise Invalid(text, parameter="filter")
        operation: FilterOperation = _word("filter", "operation", expression.get("operation"), _OPERATIONS)
        items = expression.get("items")
        if operation in COMBINING:
            return self._combination(operation, items, depth)
        if items:
            text = f'filter: "items" goes with {", ".join(sorted(COMBINING))}, not with {operation}.'
            raise Invalid(text, parameter="filter")
        found = self._property("filter", expression.get("property"))
        return Comparison(
            property=found.name,
            operation=operation,
            value=read_value(found, operation, expression.get("value")),
            collation=_collation("filter", expression),
        )

    def _combination(self, operation: FilterOperation, items: Any, depth: int) -> Combination:
        if not isinstance(items, list) or not items:
            text = f'filter: the operation {operation} needs "items": an array of one expression or more.'
            raise Invalid(text, parameter="filter")
        named = [_named(item, "filter") for item in cast("list[Any]", items)]
        return Combination(operation=operation, items=tuple(self.condition(item, depth + 1) for item in named))

    def sort_keys(self, expressions: list[dict[str, Any]]) -> list[SortKey]:
        if len(expressions) > SORT_KEYS_MAX:
            raise Invalid(f"sort: at most {SORT_KEYS_MAX} properties are taken.", parameter="sort")
        keys: dict[str, SortKey] = {}
        for expression in expressions:
            found = self._property("sort", expression.get("property"))
            direction = expression.get("direction") or "ascending"
            key = SortKey(
                property=found.name,
                is_descending=_word("sort", "direction", direction, _DIRECTIONS),
                collation=_collation("sort", expression),
            )
            keys.setdefault(found.name, key)
        return list(keys.values())

    def _property(self, parameter: str, name: Any) -> Property:
        found = self._properties.get(name.casefold()) if isinstance(name, str) else None
        if found is None:
            allowed = ", ".join(sorted(each.path for each in self._properties.values()))
            text = f"{parameter}: the property {shown(name)} cannot be used here; allowed: {allowed}."
            raise Invalid(text, parameter=parameter)
        return found


def _collation(parameter: str, expression: dict[str, Any]) -> Collation:
    return _word(parameter, "collation", expression.get("collation") or Collation.ORDINAL, _COLLATIONS)


def _word(parameter: str, member: str, value: Any, words: dict[str, Any]) -> Any:
    if not isinstance(value, str) or value.casefold() not in words:
        allowed = ", ".join(sorted(str(word) for word in (words if member == "direction" else words.values())))
        text = f"{parameter}: the {member} {shown(value)} is not known; allowed: {allowed}."
        raise Invalid(text, parameter=parameter)
    return words[value.casefold()]
