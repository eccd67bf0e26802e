"""What clients send, brought to the declared types: names and words in any case, numbers as text and text as numbers.

Clients in use differ in all of these. What cannot be brought there stays as it is, and is refused by the conversion
that follows.
"""

from __future__ import annotations

import functools
import re
from typing import Any, cast

import msgspec
from msgspec import inspect

NUMBER_LENGTH_MAX = 25
_INTEGER = re.compile(r"-?[0-9]+\Z")
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z")
_WORDS = {"true": True, "false": False}


@functools.cache
def shape_of_type(kind: Any) -> inspect.Type:
    """Give msgspec's description of a type."""
    return inspect.type_info(kind)


def coerce(value: Any, shape: inspect.Type) -> Any:
    """Bring decoded JSON as near to a type as can be done without guessing."""
    shape = without_null(shape)
    given: object = value
    if isinstance(given, dict) and isinstance(shape, inspect.StructType):
        return _coerce_members(cast("dict[str, Any]", given), shape)
    if isinstance(given, list) and isinstance(shape, inspect.ListType):
        return [coerce(item, shape.item_type) for item in cast("list[Any]", given)]
    if isinstance(given, str):
        return _from_text(given, shape)
    if isinstance(given, int) and not isinstance(given, bool) and isinstance(shape, inspect.StrType):
        return str(given)
    if isinstance(given, float) and isinstance(shape, inspect.IntType) and given.is_integer():
        return int(given)  # JSON has one kind of number: 5.0 is 5.
    return value


def without_null(shape: inspect.Type) -> inspect.Type:
    """Give the one type that a nullable or annotated one is at heart; a choice of several stays."""
    while isinstance(shape, inspect.Metadata | inspect.UnionType):
        if isinstance(shape, inspect.Metadata):
            shape = shape.type
            continue
        others = [each for each in shape.types if not isinstance(each, inspect.NoneType)]
        if len(others) != 1:
            break
        shape = others[0]
    return shape


def is_nullable(shape: inspect.Type) -> bool:
    """Say whether null is a value of a type."""
    if isinstance(shape, inspect.Metadata):
        return is_nullable(shape.type)
    candidates = shape.types if isinstance(shape, inspect.UnionType) else (shape,)
    return any(isinstance(each, inspect.NoneType) for each in candidates)


def allowed_words(shape: inspect.Type | None) -> list[str]:
    """Give the words of an enumeration; none for any other type."""
    shape = without_null(shape) if shape is not None else None
    return [str(word) for word in shape.cls] if isinstance(shape, inspect.EnumType) else []


def member_of(shape: inspect.Type | None, name: str) -> inspect.Field | None:
    """Find a struct's member by its name in any case."""
    shape = without_null(shape) if shape is not None else None
    if not isinstance(shape, inspect.StructType):
        return None
    return _members(shape.cls).get(name.casefold())


@functools.cache
def _members(kind: type[msgspec.Struct]) -> dict[str, inspect.Field]:
    shape = cast("inspect.StructType", shape_of_type(kind))
    return {field.encode_name.casefold(): field for field in shape.fields}


def _coerce_members(value: dict[str, Any], shape: inspect.StructType) -> dict[str, Any]:
    coerced: dict[str, Any] = {}
    for name, each in value.items():
        field = member_of(shape, name)
        if field is None:
            coerced[name] = each
        else:
            coerced[field.encode_name] = coerce(each, field.type)
    return coerced


def _from_text(value: str, shape: inspect.Type) -> Any:
    match shape:
        case inspect.EnumType():
            return {str(word).casefold(): str(word) for word in shape.cls}.get(value.casefold(), value)
        case inspect.BoolType():
            return _WORDS.get(value.lower(), value)
        case inspect.IntType() if len(value) <= NUMBER_LENGTH_MAX and _INTEGER.match(value):
            return int(value)
        case inspect.FloatType() if len(value) <= NUMBER_LENGTH_MAX and _DECIMAL.match(value):
            return float(value)
        case _:
            return value
