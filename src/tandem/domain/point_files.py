"""The files within a restore point: what they are called, and which of them may be named."""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from enum import StrEnum

import msgspec

from tandem.domain.errors import Invalid

PATH_BYTES_MAX = 4096
PATTERN_LENGTH_MAX = 255
# What restic takes (Go's path/filepath.Match): classes are closed, and a backslash has something behind it.
_LETTER = r"(?:[^\\\-\]]|\\.)"
_PATTERN = re.compile(rf"(?:[^\[\\]|\\.|\[\^?+(?:{_LETTER}(?:-{_LETTER})?)+\])*", re.DOTALL)
PATHS_MAX = 1000


class FileType(StrEnum):
    """What an entry of a folder is."""

    FILE = "File"
    FOLDER = "Folder"
    LINK = "Link"
    OTHER = "Other"


class ArchiveForm(StrEnum):
    """In which form a folder is downloaded."""

    ZIP = "zip"
    TAR = "tar"


class OverwriteRule(StrEnum):
    """What a restore does with a file that is there already.

    `EmptyOnly` takes an empty folder only, so that there is none.
    """

    EMPTY_ONLY = "EmptyOnly"
    NEVER = "Never"
    IF_DIFFERENT = "IfDifferent"
    IF_NEWER = "IfNewer"
    ALWAYS = "Always"


class PointFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder within a point.

    Attributes:
        path: within the share, as the bytes that the file system knows it by.
        type: what it is.
        size: in bytes; 0 of all but files.
        modified_at: aware; None where the point does not say so.
        is_exact: whether `path` is really its path: a search shows bytes that are no UTF-8 as a mark.
    """

    path: bytes
    type: FileType
    size: int = 0
    modified_at: datetime | None = None
    is_exact: bool = True


class FoundFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file or folder that a search has found, and the snapshot that holds it."""

    snapshot_id: str
    file: PointFile


def check_inner_path(
    path: str | None,
    raw_path: str | None,
    *,
    field: str = "path",
    raw_field: str = "rawPath",
    is_of_body: bool = False,
) -> bytes:
    """Give a path within a share as bytes, from its text or from its bytes in base64; empty is the share itself.

    Args:
        path: its text.
        raw_path: its bytes in base64, instead.
        field: what the text is called.
        raw_field: what the base64 is called.
        is_of_body: whether these are properties of a body, not parameters.

    Raises:
        Invalid: naming the parameter or property, if it leads out of the share or is no path, or if both are given.
    """

    def refuse(name: str, text: str) -> Invalid:
        return Invalid(f"{name}: {text}", field=name) if is_of_body else Invalid(f"{name}: {text}", parameter=name)

    given = (path or "").encode(errors="surrogatepass")
    if raw_path:
        if path:
            raise refuse(raw_field, f"give either {field} or {raw_field}.")
        try:
            given = base64.b64decode(raw_path, validate=True)
        except (binascii.Error, ValueError) as error:
            raise refuse(raw_field, f'"{raw_path[:60]}" is not base64.') from error
    parts = [part for part in given.split(b"/") if part]
    if len(given) > PATH_BYTES_MAX or b"\0" in given or any(part in {b".", b".."} for part in parts):
        shown = given[:100].decode(errors="replace").replace("\0", "\\0")
        text = f'"{shown}" is no path within the share; write it as folder/file, without "." and "..".'
        raise refuse(raw_field if raw_path else field, text)
    return b"/".join(parts)


def check_pattern(pattern: str) -> str:
    """Give a pattern of names; raises Invalid if it is none."""
    is_of_names = bool(pattern.strip()) and "/" not in pattern and "\0" not in pattern
    if not is_of_names or len(pattern) > PATTERN_LENGTH_MAX or not _PATTERN.fullmatch(pattern):
        shown = pattern[:60].replace("\0", "\\0")
        known = r"write a name, with * and ? for what is not known, [a-z] for one of several letters, \[ for a bracket"
        text = f'pattern: "{shown}" is no pattern of names; {known}.'
        raise Invalid(text, parameter="pattern")
    return pattern


def shown_path(path: bytes) -> str:
    """Give a path as text, with a mark in place of each byte that is no UTF-8."""
    return path.decode(errors="replace")


def raw_path_of(path: bytes) -> str | None:
    """Give a path's bytes in base64 if its text does not tell them, else None."""
    try:
        path.decode()
    except UnicodeDecodeError:
        return base64.b64encode(path).decode()
    return None


def name_of(path: bytes) -> str:
    """Give the last part of a path, as text."""
    return shown_path(path.rpartition(b"/")[2])
