"""Query parameters of single operations, read by type; a wrong one is told by name, value and what is allowed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from tandem.api.call import Call
from tandem.domain.errors import Invalid

Choice = TypeVar("Choice", bound=StrEnum)
Value = TypeVar("Value")

SHOWN_LENGTH_MAX = 60
# The sign of the offset comes as a space where a client did not encode it.
_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?:(?P<utc>[Zz])|(?P<sign>[+\- ])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))?"
)


def read_instant(call: Call, name: str) -> datetime | None:
    """Give a parameter that is a date and a time, in UTC unless it says otherwise; raises Invalid."""
    text = call.parameter(name)
    if text is None:
        return None
    found = _INSTANT.fullmatch(text)
    try:
        if found:
            sign = -1 if found["sign"] == "-" else 1
            offset = timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
            microseconds = int((found["fraction"] or "0")[:6].ljust(6, "0"))
            local = datetime.fromisoformat(f"{found['day']}T{found['time']}").replace(
                microsecond=microseconds, tzinfo=timezone(sign * offset)
            )
            return local.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # Told below, as for any other text: the day, the time or the offset does not exist.
    allowed = "use a date and a time such as 2026-03-02T12:00:00Z"
    raise Invalid(f'{name}: "{text[:SHOWN_LENGTH_MAX]}" is no instant; {allowed}.', parameter=name)


def read_uid(call: Call, name: str) -> str | None:
    """Give a parameter that is an id, in its plain form; raises Invalid."""
    text = call.parameter(name)
    if text is None:
        return None
    try:
        return str(UUID(text))
    except ValueError as error:
        raise Invalid(f'{name}: "{text[:SHOWN_LENGTH_MAX]}" is no id; use a UUID.', parameter=name) from error


def read_choice(call: Call, name: str, choices: type[Choice]) -> Choice | None:
    """Give a parameter that is one of some words, in whatever case; raises Invalid."""
    text = call.parameter(name)
    if text is None:
        return None
    for choice in choices:
        if choice.casefold() == text.casefold():
            return choice
    allowed = " or ".join(choices)
    raise Invalid(f'{name}: "{text[:SHOWN_LENGTH_MAX]}" is not allowed; use {allowed}.', parameter=name)


def required(value: Value | None, name: str) -> Value:
    """Give a parameter that must be there; raises Invalid if it is not."""
    if value is None:
        raise Invalid(f"{name}: this parameter is required.", parameter=name)
    return value
