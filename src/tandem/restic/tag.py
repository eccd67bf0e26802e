"""`restic tag`: put a mark on points, or take it off. Restic gives a point another id by that, and keeps `original`."""

from collections.abc import Iterable

from tandem.restic import holding, ids
from tandem.restic.engine import Engine
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

# On what is left of a damaged copy: restic skips a point that it has copied before, unless the two differ.
DAMAGED = "tandem-damaged"
# On a copy while the first repository is healed from it, for the same reason, and on what comes there by that.
LENDING = "tandem-lending"


def add(
    engine: Engine,
    repository: RepositoryAccess,
    mark: str,
    snapshot_ids: Iterable[str],
    *,
    control: Control = BACKGROUND,
) -> None:
    """Put a mark on points; those that have it stay as they are.

    Raises:
        ValueError: an id is not a whole one.
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped, ResticError: some may have been marked.
    """
    holding.run(engine, flags("--add", mark, snapshot_ids), repository=repository, control=control)


def remove(
    engine: Engine,
    repository: RepositoryAccess,
    mark: str,
    snapshot_ids: Iterable[str],
    *,
    control: Control = BACKGROUND,
) -> None:
    """Take a mark off points; raises as `add`."""
    holding.run(engine, flags("--remove", mark, snapshot_ids), repository=repository, control=control)


def flags(option: str, mark: str, snapshot_ids: Iterable[str]) -> list[str]:
    """Return the arguments, for instance `["tag", "--add", "tandem-damaged", "--", id, ...]`.

    Raises:
        ValueError: an id is not a whole one, or there is none: restic would take that for all.
    """
    some = ids.require_full(snapshot_ids)
    if not some:
        raise ValueError("Name at least one point.")
    return ["tag", option, mark, "--", *some]
