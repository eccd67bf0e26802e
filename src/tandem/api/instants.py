"""Instants as clients send them in query parameters."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

from tandem.domain.errors import Invalid

SHOWN_LENGTH_MAX = 60
# The sign of the offset comes as a space where a client did not encode it.
_INSTANT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ](?P<time>[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?:[Zz]|(?P<sign>[+\- ])(?P<hours>[0-9]{2}):(?P<minutes>[0-9]{2}))?"
)


def read_instant(text: str, parameter: str) -> datetime:
    """Read a date and a time, in UTC unless it says otherwise.

    Args:
        text: as it was sent; digits beyond microseconds are dropped.
        parameter: which parameter it is.

    Raises:
        Invalid: naming the parameter.
    """
    found = _INSTANT.fullmatch(text)
    try:
        if found:
            sign = -1 if found["sign"] == "-" else 1
            offset = sign * timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
            microseconds = int((found["fraction"] or "0")[:6].ljust(6, "0"))
            local = datetime.fromisoformat(f"{found['day']}T{found['time']}")
            return local.replace(microsecond=microseconds, tzinfo=timezone(offset)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # Told below, as for any other text: the day, the time or the offset does not exist.
    allowed = "use a date and a time such as 2026-03-02T12:00:00Z"
    raise Invalid(f'{parameter}: "{text[:SHOWN_LENGTH_MAX]}" is no instant; {allowed}.', parameter=parameter)


def read_instant_or_none(text: str | None, parameter: str) -> datetime | None:
    """Read an instant that may be left out."""
    return None if text is None else read_instant(text, parameter)
