"""Ids of points and locks: restic names each by the SHA-256 of its file, and prints the first eight digits."""

import re
from collections.abc import Iterable

from tandem.restic.errors import ResticError

_FULL_ID = re.compile(r"[0-9a-f]{64}")


def is_full(text: str) -> bool:
    """Return whether `text` is a whole id: 64 hexadecimal digits in lower case."""
    return _FULL_ID.fullmatch(text) is not None


def require_full(ids: Iterable[str]) -> list[str]:
    """Return `ids` as a list, in their order.

    Raises:
        ValueError: one is not a whole id. "latest", a prefix or a policy must never reach a command that deletes.
    """
    listed = list(ids)
    for each in listed:
        if not is_full(each):
            raise ValueError(f"{each!r} is not a whole id of 64 hexadecimal digits.")
    return listed


def resolve(prefix: str, ids: Iterable[str]) -> str:
    """Return the one id that begins with `prefix`.

    Raises:
        ResticError: there is none, or more than one.
    """
    matching = [each for each in ids if each.startswith(prefix)]
    if len(matching) != 1:
        raise ResticError(f"{len(matching)} points of the repository begin with {prefix!r}. List the repository again.")
    return matching[0]
