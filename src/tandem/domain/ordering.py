"""In which order a list is asked for."""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

Column = TypeVar("Column", bound=StrEnum)


class Order(msgspec.Struct, Generic[Column], frozen=True, kw_only=True):
    """By a column, or, without one, as things were made; rows that are equal in it stay in that order too."""

    column: Column | None = None
    is_ascending: bool = True
