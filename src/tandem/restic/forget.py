"""`restic forget`: remove named points. Never by a policy of restic's."""

from collections.abc import Iterable

from tandem.restic import holding, ids, snapshots
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

IDS_PER_CALL_MAX = 1000


def run(
    engine: Engine, repository: RepositoryAccess, snapshot_ids: Iterable[str], *, control: Control = BACKGROUND
) -> None:
    """Remove points; what they alone used is freed by the next `prune`. Those already gone are no error.

    Args:
        engine: the program.
        repository: where they are.
        snapshot_ids: whole ids; none is fine.
        control: how the run is watched.

    Raises:
        ValueError: an id is not a whole one; nothing was removed.
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped: some may have been removed.
        ResticError: restic failed, or some are still there though it did not say so, as 0.14 does.
    """
    wanted = ids.require_full(snapshot_ids)
    for start in range(0, len(wanted), IDS_PER_CALL_MAX):
        some = wanted[start : start + IDS_PER_CALL_MAX]
        holding.run(engine, flags(some), repository=repository, control=control)
    if not wanted:
        return

    remaining = set(snapshots.read_ids(engine, repository, control=control)).intersection(wanted)
    if remaining:
        raise ResticError(
            f"{len(remaining)} of {len(wanted)} points could not be removed. "
            "Check that the repository's files may be deleted by this user."
        )


def flags(snapshot_ids: Iterable[str]) -> list[str]:
    """Return the arguments: `["forget", "--", id, ...]`.

    Raises:
        ValueError: an id is not a whole one, or there is none.
    """
    some = ids.require_full(snapshot_ids)
    if not some:
        raise ValueError("Name at least one point to forget.")
    return ["forget", "--", *some]
