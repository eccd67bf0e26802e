"""What a folder holds, so that two can be compared to the last byte."""

import hashlib
import os
import stat
from pathlib import Path


def describe(folder: Path, *, but: frozenset[str] = frozenset()) -> dict[bytes, tuple[object, ...]]:
    """Return path → kind, mode, time and content of all that is below `folder`, except in folders named in `but`."""
    found: dict[bytes, tuple[object, ...]] = {}
    for parent, folders, files in os.walk(os.fsencode(folder)):
        folders[:] = [name for name in folders if os.fsdecode(name) not in but]
        for name in [*folders, *files]:
            path = os.path.join(parent, name)  # noqa: PTH118 - names may be any bytes
            found[os.path.relpath(path, os.fsencode(folder))] = _entry(path)
    return found


def _entry(path: bytes) -> tuple[object, ...]:
    status = os.lstat(path)
    shared = (stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_mtime_ns, status.st_uid)
    if stat.S_ISLNK(status.st_mode):
        return (*shared, Path(os.fsdecode(path)).readlink())
    if stat.S_ISREG(status.st_mode):
        return (*shared, hashlib.sha256(Path(os.fsdecode(path)).read_bytes()).hexdigest())
    return shared
