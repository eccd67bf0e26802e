"""Paths on a backup server, checked as far as the console can; the agent checks again where they really lead."""

from __future__ import annotations

from pathlib import PurePosixPath

from tandem.domain.errors import Conflict, Invalid
from tandem.domain.file_shares import PATH_LENGTH_MAX
from tandem.domain.repository_locations import overlaps


def check_path(path: str, field: str) -> str:
    """Give an absolute path in its plain form; raises Invalid, naming the field, if it is not one."""
    pure = PurePosixPath(path)
    if not pure.is_absolute() or ".." in pure.parts or "\0" in path or not 1 < len(path) <= PATH_LENGTH_MAX:
        shown = path[:100].replace("\0", "\\0")
        text = f'{field}: "{shown}" is not a path that can be used; give an absolute one without "..", below the root.'
        raise Invalid(text, field=field)
    plain = "/" + "/".join(pure.parts[1:])
    if plain == "/":
        raise Invalid(f"{field}: the root folder cannot be used; name a folder below it.", field=field)
    return plain


def refuse_overlap(path: str, other: str, *, field: str, what: str) -> None:
    """Raise Conflict if one path is, holds or lies inside another."""
    if overlaps(path, other):
        raise Conflict(f"{field}: {path} overlaps with {what} ({other}); choose a folder outside it.", field=field)
