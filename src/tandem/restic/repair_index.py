"""`restic rebuild-index`, since 0.16 `repair index`: let the index know the packs that are there, and no others."""

from tandem.restic import holding
from tandem.restic.engine import Engine
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

RENAMED = (0, 16, 0)


def run(engine: Engine, repository: RepositoryAccess, *, control: Control = BACKGROUND) -> None:
    """Forget the packs that are gone, so that what was in them counts as missing and can be copied again.

    No pack and no point is changed. Needs the repository for itself; safe to repeat after a crash at any moment.

    Raises:
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    holding.run(engine, flags(engine), repository=repository, control=control)


def flags(engine: Engine) -> list[str]:
    """Return the arguments: `["rebuild-index"]`, or `["repair", "index"]` where that is its name."""
    return ["repair", "index"] if engine.version >= RENAMED else ["rebuild-index"]
