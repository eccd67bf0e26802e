"""Instants as clients send them in query parameters."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from tandem.domain.errors import Invalid

SHOWN_LENGTH_MAX = 60
# The sign of the offset comes as a space where a client did not encode it.
_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?:[Zz]|(?P<sign>[+\- ])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))?)?"
)


def read_instant(text: str, parameter: str) -> datetime:
    """Read a date and a time, in UTC unless it says otherwise.

    Args:
        text: as it was sent; digits beyond microseconds are dropped.
        parameter: which parameter it is.

    Raises:
        Invalid: naming the parameter.
    """
    try:
        return parse_instant(text)
    except (ValueError, OverflowError) as error:
        allowed = "use a date and a time such as 2026-03-02T12:00:00Z"
        shown = f'"{text[:SHOWN_LENGTH_MAX]}"'
        raise Invalid(f"{parameter}: {shown} is no instant; {allowed}.", parameter=parameter) from error


def parse_instant(text: str) -> datetime:
    """Read a date, or a date and a time, in UTC unless it says otherwise; raises ValueError or OverflowError."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    sign = -1 if found["sign"] == "-" else 1
    offset = sign * timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    microseconds = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    local = datetime.fromisoformat(f"{found['day']}T{found['time'] or '00:00:00'}")
    return local.replace(microsecond=microseconds, tzinfo=timezone(offset)).astimezone(UTC)


def read_instant_or_none(text: str | None, parameter: str) -> datetime | None:
    """Read an instant that may be left out."""
    return None if text is None else read_instant(text, parameter)
