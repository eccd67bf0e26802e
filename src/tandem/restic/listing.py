"""What a local repository holds, read from its folders without starting restic."""

import hashlib
import os
from pathlib import Path

from tandem.restic import ids
from tandem.restic.errors import RepositoryMissing

# The schemes of restic 0.14 to 0.19; a path with a colon in it is otherwise local (restic, internal/backend/location).
_REMOTE_SCHEMES = frozenset({"azure", "b2", "gs", "rclone", "rest", "s3", "sftp", "swift"})


def local_path(location: str) -> Path | None:
    """Return the folder of a local repository, or None for a remote one.

    Args:
        location: what restic takes as its repository; "local:" before a path is allowed.
    """
    scheme, colon, rest = location.partition(":")
    if colon and scheme == "local":
        return Path(rest)
    return None if colon and scheme in _REMOTE_SCHEMES else Path(location)


def snapshot_ids(repository: Path) -> list[str]:
    """Return the ids of all points, sorted.

    Raises:
        RepositoryMissing: the folder holds no repository, for instance because its disk is not mounted.
    """
    return _ids(repository, "snapshots")


def lock_ids(repository: Path) -> list[str]:
    """Return the ids of all locks, sorted.

    Raises:
        RepositoryMissing: the folder holds no repository, for instance because its disk is not mounted.
    """
    return _ids(repository, "locks")


def fingerprint(repository: Path) -> str:
    """Return the SHA-256 of the repository's config file, in hexadecimal.

    The file never changes, except when the repository's format is upgraded, so a different fingerprint is a different
    repository. It can be told without the password.

    Raises:
        RepositoryMissing: the folder holds no repository, for instance because its disk is not mounted.
    """
    try:
        return hashlib.sha256((repository / "config").read_bytes()).hexdigest()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _missing(repository) from error


def bytes_used(repository: Path) -> int:
    """Return the sum of the sizes of all files, in bytes.

    Raises:
        RepositoryMissing: the folder holds no repository, for instance because its disk is not mounted.
    """
    _require(repository)
    total = 0
    folders = [os.fspath(repository)]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except FileNotFoundError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(entry.path)
            else:
                total += _size(entry)
    return total


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:  # a lock or a temporary file went away meanwhile
        return 0


def _ids(repository: Path, folder: str) -> list[str]:
    _require(repository)
    try:
        names = [entry.name for entry in os.scandir(repository / folder)]
    except FileNotFoundError as error:
        raise _missing(repository) from error
    return sorted(name for name in names if ids.is_full(name))


def _require(repository: Path) -> None:
    if not (repository / "config").is_file():
        raise _missing(repository)


def _missing(repository: Path) -> RepositoryMissing:
    return RepositoryMissing(f"{repository} holds no repository. Check that its disk is mounted.")
