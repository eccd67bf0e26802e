"""`restic ls`: the files of a point, one after another."""

from collections.abc import Callable

import msgspec

from tandem.decoding import decode
from tandem.restic import exit_codes, ids, process
from tandem.restic.engine import Engine
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess
from tandem.restic.snapshots import Snapshot


class File(msgspec.Struct, frozen=True, tag_field="struct_type", tag="node"):
    """A line about something in a point.

    Attributes:
        path: absolute.
        type: "file", "dir", "symlink" and others.
        size: in bytes, of files.
    """

    path: str
    type: str
    size: int = 0


def read(
    engine: Engine,
    repository: RepositoryAccess,
    snapshot: Snapshot,
    on_file: Callable[[str, int], None],
    *,
    control: Control = BACKGROUND,
) -> None:
    """Go through the regular files of a point. Nothing is locked.

    A file whose path is not text is left out: it cannot be named to restic again.

    Args:
        engine: the program.
        repository: where the point is.
        snapshot: the point.
        on_file: called with the path within the share, and the size.
        control: how the run is watched.

    Raises:
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    root = f"{snapshot.root.rstrip('/')}/"

    def on_line(line: str) -> None:
        try:
            found = decode(line, File)
        except (msgspec.DecodeError, UnicodeDecodeError):  # the line about the point itself
            return
        if found.type == "file" and found.path.startswith(root) and "\ufffd" not in found.path:
            on_file(found.path.removeprefix(root), found.size)

    result = process.run(engine, flags(snapshot.id), repository=repository, on_output=on_line, control=control)
    exit_codes.check(engine, result)


def flags(snapshot_id: str) -> list[str]:
    """Return the arguments: `["ls", "--json", "--no-lock", "--", id]`.

    Raises:
        ValueError: the id is not a whole one.
    """
    return ["ls", "--json", "--no-lock", "--", *ids.require_full([snapshot_id])]
