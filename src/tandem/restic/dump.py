"""`restic dump`: the bytes of a file of a point, or of a folder as an archive."""

from __future__ import annotations

from collections.abc import Callable

from tandem.restic import exit_codes, ids, process
from tandem.restic.engine import Engine
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess


def run(
    engine: Engine,
    repository: RepositoryAccess,
    snapshot_id: str,
    path: str,
    *,
    archive: str | None,
    on_bytes: Callable[[bytes], None],
    control: Control = BACKGROUND,
) -> None:
    """Hand on a file or an archive as it comes. Nothing is locked, and little is kept in memory.

    Only the return says that it was all of it: until then, what was handed on may be cut short.

    Args:
        engine: the program.
        repository: where the point is.
        snapshot_id: the point.
        path: absolute, as restic saved it.
        archive: `zip` or `tar` for a folder, None for a file.
        on_bytes: called with the bytes; while it takes its time, restic waits.
        control: how the run is watched.

    Raises:
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    result = process.run(
        engine, flags(snapshot_id, path, archive), repository=repository, on_bytes=on_bytes, control=control
    )
    exit_codes.check(engine, result)


def flags(snapshot_id: str, path: str, archive: str | None) -> list[str]:
    """Return the arguments, for instance `["dump", "--no-lock", "--archive", "zip", "--", id, "/srv/share/a"]`."""
    form = [] if archive is None else ["--archive", archive]
    return ["dump", "--no-lock", *form, "--", *ids.require_full([snapshot_id]), path]
