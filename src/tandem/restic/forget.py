"""`restic forget`: remove named points. Never by a policy of restic's."""

from collections.abc import Iterable

from tandem.restic import holding, ids, refusals, snapshots
from tandem.restic.engine import Engine
from tandem.restic.errors import DeletionRefused, ResticError
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
        DeletionRefused: some are still there as the repository lets nobody remove them; the error says which.
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped: some may have been removed.
        ResticError: restic failed.
    """
    wanted = ids.require_full(snapshot_ids)
    said = ""
    try:
        for start in range(0, len(wanted), IDS_PER_CALL_MAX):
            some = wanted[start : start + IDS_PER_CALL_MAX]
            holding.run(engine, flags(some), repository=repository, on_error=refusals.heed, control=control)
    except refusals.Refused as refusal:
        said = str(refusal)
    if not wanted:
        return

    # Restic 0.14 may fail to remove some and not say so.
    remaining = set(snapshots.read_ids(engine, repository, control=control)).intersection(wanted)
    if remaining:
        text = f"{len(remaining)} of {len(wanted)} points could not be removed"
        advice = "Check that the repository's files may be deleted by this user."
        raise DeletionRefused(f"{text}: {said}" if said else f"{text}. {advice}", frozenset(remaining))
    if said:
        raise ResticError(f"Restic failed to remove something that is no point: {said}")


def flags(snapshot_ids: Iterable[str]) -> list[str]:
    """Return the arguments: `["forget", "--", id, ...]`.

    Raises:
        ValueError: an id is not a whole one, or there is none.
    """
    some = ids.require_full(snapshot_ids)
    if not some:
        raise ValueError("Name at least one point to forget.")
    return ["forget", "--", *some]
