"""What a request asks of a collection: which rows by filter, in which order by sort, and which slice of them."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any

import msgspec

from tandem.domain.paging import Window

_DIGITS = re.compile("[0-9]+")
_LENGTH_DIGITS = 4


class FilterOperation(StrEnum):
    """The fourteen operations of a filter (contract `FilterExpressionOperation`)."""

    IN = "in"
    CONTAINS = "contains"
    SUBSET = "subset"
    SUPERSET = "superset"
    EQUALS = "equals"
    NOT_EQUALS = "notEquals"
    LESS_THAN = "lessThan"
    LESS_THAN_OR_EQUAL = "lessThanOrEqual"
    GREATER_THAN = "greaterThan"
    GREATER_THAN_OR_EQUAL = "greaterThanOrEqual"
    EXCLUSIVE_OR = "exclusiveOr"
    OR = "or"
    AND = "and"
    NOT = "not"


COMBINING = frozenset({FilterOperation.EXCLUSIVE_OR, FilterOperation.OR, FilterOperation.AND, FilterOperation.NOT})
ORDERING = frozenset(
    {
        FilterOperation.LESS_THAN,
        FilterOperation.LESS_THAN_OR_EQUAL,
        FilterOperation.GREATER_THAN,
        FilterOperation.GREATER_THAN_OR_EQUAL,
    }
)
OF_SETS = frozenset({FilterOperation.IN, FilterOperation.SUBSET, FilterOperation.SUPERSET})


class Collation(StrEnum):
    """How texts are compared: by code point, whatever their case, or words as words and numbers as numbers."""

    ORDINAL = "ordinal"
    IGNORECASE = "ignorecase"
    LEXICOGRAPHIC = "lexicographic"


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A property compared with a value: of the property's own type, a tuple of such for operations of sets."""

    property: str
    operation: FilterOperation
    value: Any
    collation: Collation = Collation.ORDINAL


class Combination(msgspec.Struct, frozen=True, kw_only=True):
    """Conditions combined: all, any, an odd number of them, or not all."""

    operation: FilterOperation
    items: tuple[Condition, ...]


Condition = Comparison | Combination


class SortKey(msgspec.Struct, frozen=True, kw_only=True):
    """A property to sort by."""

    property: str
    is_descending: bool = False
    collation: Collation = Collation.ORDINAL


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a collection.

    Attributes:
        window: the slice.
        conditions: all of them hold for a row that is asked for.
        sort: most significant first; what they leave undecided is decided by the resource's uid.
        constants: the value of each property that is the same for all rows.
    """

    window: Window = Window()
    conditions: tuple[Condition, ...] = ()
    sort: tuple[SortKey, ...] = ()
    constants: dict[str, Any] = {}

    @property
    def is_plain(self) -> bool:
        """Whether all rows are asked for, in the order in which they were made."""
        return not self.conditions and not self.sort


def collated(text: str, collation: Collation) -> str:
    """Give the text by which a text is compared under a collation; comparing results by code point does the rest.

    A number among words becomes its length and its digits without leading zeros, so that 10 comes after 9.
    """
    match collation:
        case Collation.ORDINAL:
            return text
        case Collation.IGNORECASE:
            return text.lower()
        case Collation.LEXICOGRAPHIC:
            return _DIGITS.sub(_number_key, text.lower())


def _number_key(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0")
    return f"{len(digits):0{_LENGTH_DIGITS}d}{digits}"
