"""Answers for clients of older releases.

Words that came into an enumeration later are Unknown to them, and members that are null are left out: the descriptions
that clients of 3.5.1 and 3.6 were made from do not say of any member that it may be null.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, cast

import msgspec

Version = tuple[int, int, int]

# By the enumeration's name in the contract and the word: the release that brought it. A client breaks on a word that
# it does not know; members that it does not know it passes over, so those stay.
WORDS_SINCE: dict[tuple[str, str], Version] = {
    ("UserRole", "CompanyTenant"): (3, 6, 0),
    ("UserLoginStatus", "disabledDueToTenant"): (3, 6, 0),
}
NEWEST: Version = (3, 6, 1)
UNKNOWN = "Unknown"


def as_of(view: Any, version: Version) -> Any:
    """Give a view as a client of a version expects it."""
    if view is None:
        return msgspec.UNSET
    if isinstance(view, list):
        return [as_of(item, version) for item in cast("list[Any]", view)]
    if isinstance(view, Enum):
        since = WORDS_SINCE.get((type(view).__name__, str(view.value)), version)
        return type(view)(UNKNOWN) if since > version else view
    if not isinstance(view, msgspec.Struct):
        return view
    members = {name: getattr(view, name) for name in view.__struct_fields__}
    changed = {name: new for name, value in members.items() if (new := as_of(value, version)) is not value}
    return msgspec.structs.replace(view, **changed) if changed else view
