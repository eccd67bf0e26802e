"""The properties of a resource, read from the struct that shows it: name, type and place, each declared once."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from enum import Enum, StrEnum
from typing import Any, cast

import msgspec
from msgspec import inspect


class Kind(StrEnum):
    """What a property is compared as."""

    TEXT = "text"
    UID = "uid"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    INSTANT = "date-time"
    DATE = "date"
    WORD = "word"


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """One property.

    Attributes:
        path: its name, dotted where it is nested: `profile.firstName`.
        name: the same in the code's words: `profile_first_name`.
        kind: what it is compared as; None for what has properties of its own, or cannot be compared.
        words: the words of an enumeration.
        is_set: whether it holds many.
        is_nullable: whether it may be null.
        default: its value where nothing sets it; UNSET where something always does.
    """

    path: str
    name: str
    kind: Kind | None
    words: type[Enum] | None = None
    is_set: bool = False
    is_nullable: bool = False
    default: Any = msgspec.UNSET


@functools.cache
def properties_of(view: type[Any]) -> dict[str, Property]:
    """Give all properties of a view, nested ones too, by path in lower case: clients differ in the case they write."""
    return {found.path.casefold(): found for found in _walk(inspect.type_info(view), "", "", set())}


def _walk(info: Any, path: str, name: str, above: set[type]) -> Iterator[Property]:
    if not isinstance(info, inspect.StructType) or info.cls in above:
        return
    for field in info.fields:
        field_path, field_name = path + field.encode_name, name + field.name
        described, inner = _describe(field_path, field_name, field.type, field.default)
        yield described
        for below in _walk(inner, f"{field_path}.", f"{field_name}_", above | {info.cls}):
            # What a resource has many of can be selected, but it is no one value to compare.
            yield msgspec.structs.replace(below, kind=None) if described.is_set else below


def _describe(path: str, name: str, info: Any, default: Any) -> tuple[Property, Any]:
    info, is_nullable, formats = _unwrapped(info)
    is_set = isinstance(info, inspect.ListType)
    inner, _, item_formats = (
        _unwrapped(info.item_type) if isinstance(info, inspect.ListType) else (info, False, formats)
    )
    words = inner.cls if isinstance(inner, inspect.EnumType) else None
    kind = _kind(inner, item_formats)
    if default is msgspec.NODEFAULT:
        default = msgspec.UNSET
    found = Property(
        path=path, name=name, kind=kind, words=words, is_set=is_set, is_nullable=is_nullable, default=default
    )
    return found, inner


def _unwrapped(info: Any) -> tuple[Any, bool, set[str]]:
    formats: set[str] = set()
    is_nullable = False
    while isinstance(info, inspect.Metadata | inspect.UnionType):
        if isinstance(info, inspect.Metadata):
            schema = cast("dict[str, Any]", info.extra_json_schema or {})
            formats.add(str(schema.get("format", "")))
            info = info.type
            continue
        is_nullable = is_nullable or any(isinstance(part, inspect.NoneType) for part in info.types)
        info = next(part for part in info.types if not isinstance(part, inspect.NoneType))
    return info, is_nullable, formats


def _kind(info: Any, formats: set[str]) -> Kind | None:
    match info:
        case inspect.EnumType():
            return Kind.WORD
        case inspect.BoolType():
            return Kind.BOOLEAN
        case inspect.IntType():
            return Kind.INTEGER
        case inspect.FloatType():
            return Kind.NUMBER
        case inspect.StrType():
            named = {"uuid": Kind.UID, "date-time": Kind.INSTANT, "date": Kind.DATE}
            return next((kind for format_, kind in named.items() if format_ in formats), Kind.TEXT)
        case _:
            return None
