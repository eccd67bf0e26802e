"""`restic snapshots` and `restic list snapshots`: the points of a repository."""

from datetime import datetime

import msgspec

from tandem.decoding import decode
from tandem.restic import exit_codes, ids, listing, process
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess


class Snapshot(msgspec.Struct, frozen=True):
    """A restore point.

    Attributes:
        id: 64 hexadecimal digits.
        time: when its backup began, with its offset from UTC.
        tree: the id of its content; the same content has the same tree in every repository.
        paths: the absolute paths that were backed up.
        hostname: as the backup named it.
        tags: in their order.
        original: for a copied or rewritten point the id of the very first one, else None.
    """

    id: str
    time: datetime
    tree: str
    paths: tuple[str, ...] = ()
    hostname: str = ""
    tags: tuple[str, ...] = ()
    original: str | None = None

    @property
    def root(self) -> str:
        """The path below which the share's own files are: of a point of several paths, `/`."""
        return self.paths[0] if len(self.paths) == 1 else "/"


def read(engine: Engine, repository: RepositoryAccess, *, control: Control = BACKGROUND) -> list[Snapshot]:
    """List the points of a repository, oldest first. Nothing is locked.

    Raises:
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    result = process.run(engine, flags(), repository=repository, control=control)
    exit_codes.check(engine, result)
    return parse(result.stdout)


def find(
    engine: Engine, repository: RepositoryAccess, snapshot_id: str | None, *, control: Control = BACKGROUND
) -> Snapshot | None:
    """Find a point by its whole id; None if the repository does not hold it. Raises as `read`."""
    found = read(engine, repository, control=control)
    return next((snapshot for snapshot in found if snapshot.id == snapshot_id), None)


def read_ids(engine: Engine, repository: RepositoryAccess, *, control: Control = BACKGROUND) -> list[str]:
    """List the ids of a repository's points, sorted; for a local repository without starting restic.

    Raises:
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    folder = listing.local_path(repository.location)
    if folder is not None:
        return listing.snapshot_ids(folder)
    result = process.run(engine, id_flags(), repository=repository, control=control)
    exit_codes.check(engine, result)
    return sorted(line for line in result.stdout.split() if ids.is_full(line))


def flags() -> list[str]:
    """Return the arguments: `["snapshots", "--json", "--no-lock"]`."""
    return ["snapshots", "--json", "--no-lock"]


def id_flags() -> list[str]:
    """Return the arguments: `["list", "snapshots", "--no-lock"]`."""
    return ["list", "snapshots", "--no-lock"]


def parse(text: str) -> list[Snapshot]:
    """Read the JSON list of points, oldest first.

    Raises:
        ResticError: it is no such list.
    """
    try:
        found = decode(text, list[Snapshot])
    except msgspec.DecodeError as error:
        raise ResticError(
            f"Restic's list of points cannot be read: {error}. Report this with restic's version."
        ) from error
    return sorted(found, key=lambda snapshot: (snapshot.time, snapshot.id))
