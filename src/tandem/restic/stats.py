"""`restic stats`: does the index know everything that points are made of?"""

import re
from collections.abc import Sequence

from tandem.restic import exit_codes, ids, process
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

IDS_PER_CALL_MAX = 500
_NOT_WHOLE = re.compile(r"not found|does not match|verification failed|invalid data|wrong hash", re.IGNORECASE)


def missing_something(
    engine: Engine, repository: RepositoryAccess, snapshot_ids: Sequence[str], *, control: Control = BACKGROUND
) -> set[str]:
    """Return those of the points of which a folder or a piece of a file is missing; nothing is locked.

    Halves are asked about until the points are found: if all are whole, that is one process for each
    `IDS_PER_CALL_MAX` of them. File data is looked for in the index only, not read.

    Args:
        engine: the program.
        repository: where they are. Its index must be true: see `repair_index`.
        snapshot_ids: whole ids.
        control: how the run is watched.

    Raises:
        ValueError: an id is not a whole one.
        RepositoryMissing, WrongPassword, Stopped, ResticError: it could not be told.
    """
    found: set[str] = set()
    wanted = ids.require_full(snapshot_ids)
    groups = [wanted[start : start + IDS_PER_CALL_MAX] for start in range(0, len(wanted), IDS_PER_CALL_MAX)]
    while groups:
        group = groups.pop()
        if _is_whole(engine, repository, group, control):
            continue
        if len(group) == 1:
            found.update(group)
        else:
            middle = len(group) // 2
            groups += [group[:middle], group[middle:]]
    return found


def _is_whole(engine: Engine, repository: RepositoryAccess, group: Sequence[str], control: Control) -> bool:
    try:
        exit_codes.check(engine, process.run(engine, flags(group), repository=repository, control=control))
    except ResticError as error:
        if error.exit_code == exit_codes.FAILED and type(error) is ResticError and _NOT_WHOLE.search(error.stderr):
            return False
        raise
    return True


def flags(snapshot_ids: Sequence[str]) -> list[str]:
    """Return the arguments: `["stats", "--mode", "raw-data", "--no-lock", "--", id, ...]`.

    Raises:
        ValueError: an id is not a whole one.
    """
    return ["stats", "--mode", "raw-data", "--no-lock", "--", *ids.require_full(snapshot_ids)]
