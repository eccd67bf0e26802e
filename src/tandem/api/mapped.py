"""The query parameters of lists whose records may be mapped to a company: their order, and whose they are."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from tandem.api.call import Call
from tandem.domain.errors import Invalid
from tandem.domain.ordering import Order

Column = TypeVar("Column", bound=StrEnum)

_TRUTHS = {"true": True, "false": False}
SHOWN_LENGTH_MAX = 60


def read_order(call: Call, columns: type[Column]) -> Order[Column]:
    """Read `orderColumn` and `orderAsc`; raises Invalid, naming the parameter, its value and what is allowed."""
    return Order(
        column=_choice(call, "orderColumn", {str(column).casefold(): column for column in columns}),
        is_ascending=_choice(call, "orderAsc", _TRUTHS) is not False,
    )


def read_uid(call: Call, name: str) -> str | None:
    """Read a query parameter that is an id; raises Invalid if it is none."""
    text = call.parameter(name)
    try:
        return str(UUID(text)) if text else None
    except ValueError as error:
        raise Invalid(f'{name}: "{_shown(text)}" is not an id.', parameter=name) from error


Value = TypeVar("Value")


def _choice(call: Call, name: str, allowed: dict[str, Value]) -> Value | None:
    text = call.parameter(name)
    if not text:
        return None
    if text.casefold() not in allowed:
        words = ", ".join(map(str, allowed.values())) if allowed is not _TRUTHS else "true, false"
        raise Invalid(f'{name}: "{_shown(text)}" is not known here; allowed are {words}.', parameter=name)
    return allowed[text.casefold()]


def _shown(text: str | None) -> str:
    return (text or "")[:SHOWN_LENGTH_MAX].replace("\0", "\\0")
