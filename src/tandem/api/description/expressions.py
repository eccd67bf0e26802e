"""The schemas of `filter`, `sort` and `select`: for each resource, which properties it has and what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tandem.api.http.properties import Kind, Property, properties_of
from tandem.api.http.values import TEXT_LENGTH_MAX
from tandem.domain.listing import COMBINING, OF_SETS, ORDERING, Collation, FilterOperation

Schema = dict[str, Any]

_TEXTS = {Kind.TEXT, Kind.UID, Kind.WORD, Kind.DATE}
_EQUALITY = {FilterOperation.EQUALS, FilterOperation.NOT_EQUALS}
# Databases differ in whether they keep a NUL character: none holds one.
_BOUNDED: Schema = {"maxLength": TEXT_LENGTH_MAX, "pattern": r"^[^\x00]*$"}
_VALUES: dict[Kind, list[Schema]] = {
    Kind.TEXT: [{"type": ["string", "number", "boolean"], **_BOUNDED}],
    Kind.UID: [{"type": "string", "format": "uuid"}],
    Kind.INTEGER: [{"type": "integer", "format": "int64"}],
    Kind.NUMBER: [{"type": "number"}],
    Kind.BOOLEAN: [{"type": "boolean"}],
    Kind.INSTANT: [{"type": "string", "format": "date-time"}],
    Kind.DATE: [{"type": "string", "format": "date"}],
}


def filter_schema(properties: Mapping[str, Property], reference: str) -> Schema:
    """Describe a resource's filters; `reference` is where the result will stand."""
    combined: Schema = {
        "type": "object",
        "properties": {
            "operation": {"type": "string", "enum": sorted(COMBINING)},
            "items": {"$ref": reference, "minItems": 1},
        },
        "required": ["operation", "items"],
    }
    alone = [combined, *_comparisons(properties.values())]
    return {"title": "Filter", "type": "array", "items": {"anyOf": alone}, "maxItems": 20}


def sort_schema(properties: Mapping[str, Property]) -> Schema:
    """Describe a resource's sorts."""
    members: Schema = {
        "property": {"type": "string", "enum": _paths(properties.values())},
        "direction": {"type": "string", "enum": ["ascending", "descending"]},
        "collation": _COLLATION,
    }
    item = {"type": "object", "properties": members, "required": ["property"]}
    return {"title": "Sort", "type": "array", "items": item, "maxItems": 10}


def select_schema(views: Iterable[Any]) -> Schema:
    """Describe what can be selected of an answer."""
    paths = sorted({found.path for view in views for found in properties_of(view).values()})
    members: Schema = {"propertyPath": {"type": "string", "enum": paths} if paths else {"type": "string"}}
    item = {"type": "object", "properties": members, "required": ["propertyPath"]}
    return {"title": "Select", "type": "array", "items": item, "maxItems": 500}


_COLLATION: Schema = {"type": "string", "enum": [collation.value for collation in Collation]}


def _comparisons(properties: Iterable[Property]) -> list[Schema]:
    groups: dict[tuple[Any, ...], list[Property]] = {}
    for found in properties:
        groups.setdefault((found.kind, found.words, found.is_set), []).append(found)
    return [schema for members in groups.values() for schema in _of_kind(members)]


def _of_kind(members: list[Property]) -> list[Schema]:
    first = members[0]
    assert first.kind is not None  # noqa: S101  (told to the type checker)
    single: list[Schema] = (
        [{"type": "string", "enum": [str(word.value) for word in first.words]}]
        if first.words is not None
        else _VALUES[first.kind]
    )
    many: Schema = {"type": "array", "items": {"anyOf": [*single, {"type": "null"}]}, "maxItems": 100}
    if first.is_set:
        return [
            _comparison(members, {FilterOperation.CONTAINS}, {"anyOf": single}),
            _comparison(members, _EQUALITY | OF_SETS, {"type": "array", "items": {"anyOf": single}}),
        ]
    schemas = [
        _comparison(members, _EQUALITY, {"anyOf": [*single, {"type": "null"}]}),
        _comparison(members, OF_SETS, many),
    ]
    if first.kind is not Kind.BOOLEAN:
        schemas.append(_comparison(members, ORDERING, {"anyOf": single}))
    if first.kind in _TEXTS:
        schemas.append(_comparison(members, {FilterOperation.CONTAINS}, {"type": "string", **_BOUNDED}))
    return schemas


def _comparison(members: list[Property], operations: Iterable[FilterOperation], value: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {
            "operation": {"type": "string", "enum": sorted(operations)},
            "property": {"type": "string", "enum": _paths(members)},
            "value": value,
            "collation": _COLLATION,
        },
        "required": ["operation", "property", "value"],
    }


def _paths(members: Iterable[Property]) -> list[str]:
    return sorted(found.path for found in members)
