"""`restic prune`: free the space of data that no point uses."""

from tandem.restic import holding, refusals
from tandem.restic.engine import Engine
from tandem.restic.errors import DeletionRefused
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess


def run(engine: Engine, repository: RepositoryAccess, *, control: Control = BACKGROUND) -> None:
    """Free unused space. Needs the repository for itself; stopping it loses nothing but its work so far.

    Raises:
        DeletionRefused: the repository lets nobody delete.
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    try:
        holding.run(engine, flags(), repository=repository, on_error=refusals.heed, control=control)
    except refusals.Refused as refusal:
        raise DeletionRefused(f"The space of what is not needed any more cannot be freed: {refusal}") from refusal


def flags() -> list[str]:
    """Return the arguments: `["prune"]`."""
    return ["prune"]
