"""Column types that mean the same on both databases."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import BigInteger, Dialect, Integer, String, Text
from sqlalchemy.types import TypeDecorator

from tandem.decoding import decode

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

Value = TypeVar("Value")


def microseconds(instant: datetime) -> int:
    """Give an aware instant as it is kept: microseconds since 1970 UTC."""
    return (instant - EPOCH) // MICROSECOND


# A 64-bit key that both databases number by themselves; SQLite does so for INTEGER only.
Serial = BigInteger().with_variant(Integer, "sqlite")
Uid = String(36)


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as microseconds since 1970 UTC: sorts, and neither database can reinterpret it."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn an aware datetime into microseconds."""
        del dialect
        return None if value is None else microseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Turn microseconds into an aware UTC datetime."""
        del dialect
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Document(TypeDecorator[Any]):
    """A msgspec type kept as JSON text."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        """Make a column of a type that msgspec can decode."""
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """Encode."""
        del dialect
        return None if value is None else msgspec.json.encode(value).decode()

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Any:
        """Decode."""
        del dialect
        return None if value is None else decode(value, self.kind)


class Word(TypeDecorator[Any]):
    """An enumeration kept as its text."""

    impl = String(40)
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        """Make a column of a StrEnum."""
        super().__init__(40)
        self.kind = kind
        self._members: dict[str | None, Any] = {None: None} | {str(member): member for member in kind}

    def process_bind_param(self, value: Any | None, dialect: Dialect) -> str | None:
        """Give the text."""
        del dialect
        return None if value is None else str(value)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        """Give the member: a look-up without a line of Python, as lists have many."""
        del dialect, coltype
        return self._members.__getitem__


class Words(TypeDecorator[tuple[str, ...]]):
    """A set of words without commas, kept as one text in which each stands between commas: `,rest,ui,`."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Iterable[str] | None, dialect: Dialect) -> str | None:
        """Give the text."""
        del dialect
        return None if value is None else "," + "".join(f"{word}," for word in sorted(set(value)))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> tuple[str, ...] | None:
        """Give the words, in order."""
        del dialect
        return None if value is None else tuple(word for word in value.split(",") if word)
