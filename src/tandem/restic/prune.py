"""`restic prune`: free the space of data that no point uses."""

from tandem.restic import holding
from tandem.restic.engine import Engine
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess


def run(engine: Engine, repository: RepositoryAccess, *, control: Control = BACKGROUND) -> None:
    """Free unused space. Needs the repository for itself; stopping it loses nothing but its work so far.

    Raises:
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    holding.run(engine, flags(), repository=repository, control=control)


def flags() -> list[str]:
    """Return the arguments: `["prune"]`."""
    return ["prune"]
