"""Restic's cache of a repository: a folder named by the repository's id, below the cache directory."""

import shutil

from tandem.restic import ids
from tandem.restic.process import RepositoryAccess


def drop(repository: RepositoryAccess, restic_id: str) -> None:
    """Remove what is cached of a repository; it is read anew when it is needed.

    Before 0.17 restic caches a damaged file as it is, and then finds the damage there when the file has long been
    healed.

    Args:
        repository: says where the cache is.
        restic_id: the repository's id.

    Raises:
        ValueError: this is no whole id.
    """
    (whole,) = ids.require_full([restic_id])
    shutil.rmtree(repository.cache_directory / whole, ignore_errors=True)
