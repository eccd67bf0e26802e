"""Values of filters, turned into the type of the property that they are compared with: clients send them as texts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any, cast
from uuid import UUID

import msgspec

from tandem.api.http.instants import parse_instant
from tandem.api.http.properties import Kind, Property
from tandem.decoding import decode
from tandem.domain.errors import Invalid
from tandem.domain.listing import OF_SETS, ORDERING, FilterOperation

VALUES_MAX = 1000
TEXT_LENGTH_MAX = 4096
SHOWN_LENGTH_MAX = 60
INTEGER_LIMIT = 2**63
_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def read_value(found: Property, operation: FilterOperation, value: Any) -> Any:
    """Give a filter's value in the type of its property, a tuple of such for operations of sets.

    Raises:
        Invalid: naming the property, the value, and what is allowed.
    """
    is_about_sets = operation in OF_SETS or (found.is_set and operation is not FilterOperation.CONTAINS)
    if operation in ORDERING and (found.is_set or found.kind is Kind.BOOLEAN or value is None):
        raise _refused(found, value, f"the operation {operation} needs a property and a value that have an order")
    if operation is FilterOperation.CONTAINS:
        return _part(found, value)
    if not is_about_sets:
        return _single(found, value)
    values = _values(value)
    if len(values) > VALUES_MAX:
        raise Invalid(f"filter: {found.path}: at most {VALUES_MAX} values are taken.", parameter="filter")
    return tuple(_single(found, each) for each in values)


def shown(value: Any) -> str:
    """Give a value as an error message shows it: as JSON, cut where it is long."""
    try:
        text = msgspec.json.encode(value).decode()
    except RecursionError:
        return "a value that is nested too deeply"
    return text if len(text) <= SHOWN_LENGTH_MAX else f"{text[:SHOWN_LENGTH_MAX]}…"


def _values(value: Any) -> list[Any]:
    if isinstance(value, str) and value.startswith("["):
        try:
            value = decode(value)
        except (msgspec.DecodeError, RecursionError):
            return [value]
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _part(found: Property, value: Any) -> Any:
    if found.is_set:
        return _single(found, value)
    if found.kind not in {Kind.TEXT, Kind.UID, Kind.WORD, Kind.DATE} or value is None:
        raise _refused(found, value, "contains needs a property that is a text or a list, and a value")
    return _checked(found, Kind.TEXT, value)


def _single(found: Property, value: Any) -> Any:
    if value is None:
        return None
    if found.kind is Kind.WORD:
        return _word(found, value)
    return _checked(found, cast("Kind", found.kind), value)


def _checked(found: Property, kind: Kind, value: Any) -> Any:
    read, what = _READERS[kind]
    try:
        return read(value)
    except (ValueError, TypeError, OverflowError, KeyError, AttributeError) as error:
        raise _refused(found, value, f"it must be {what}") from error


def _word(found: Property, value: Any) -> str:
    words = {str(word.value).casefold(): str(word.value) for word in cast("Any", found.words)}
    word = words.get(value.casefold()) if isinstance(value, str) else None
    if word is None:
        raise _refused(found, value, f"allowed: {', '.join(words.values())}")
    return word


def _refused(found: Property, value: Any, why: str) -> Invalid:
    return Invalid(f"filter: {found.path}: {shown(value)} cannot be compared: {why}.", parameter="filter")


def _text(value: Any) -> str:
    if isinstance(value, dict | list):
        raise TypeError
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if len(text) > TEXT_LENGTH_MAX or "\0" in text:
        raise ValueError(text)
    return text


def _uid(value: Any) -> str:
    return str(UUID(value))


def _integer(value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError(value)
    number = int(value) if isinstance(value, str | int) else int(value) if float(value).is_integer() else None
    if number is None or not -INTEGER_LIMIT <= number < INTEGER_LIMIT:
        raise ValueError(value)
    return number


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    number = float(value)
    if number - number != 0:  # neither an infinity nor not a number
        raise ValueError(value)
    return number


def _truth(value: Any) -> bool:
    if value in {True, False} and not isinstance(value, str):
        return bool(value)
    return _TRUTHS[value.casefold()]


def _date(value: Any) -> str:
    return date.fromisoformat(value).isoformat()


_READERS: dict[Kind, tuple[Callable[[Any], Any], str]] = {
    Kind.TEXT: (_text, f"a text of at most {TEXT_LENGTH_MAX} characters"),
    Kind.UID: (_uid, "a uuid"),
    Kind.INTEGER: (_integer, "an integer"),
    Kind.NUMBER: (_number, "a number"),
    Kind.BOOLEAN: (_truth, "true or false"),
    Kind.INSTANT: (parse_instant, "an instant such as 2026-03-02T12:00:00Z"),
    Kind.DATE: (_date, "a date such as 2026-03-02"),
}
