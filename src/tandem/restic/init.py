"""`restic init`: create a repository, only ever because somebody asked for one."""

from tandem.restic import config, exit_codes, process
from tandem.restic.config import RepositoryConfig
from tandem.restic.engine import Engine
from tandem.restic.errors import RepositoryExists, ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

_EXISTS = "config file already exists"


def run(
    engine: Engine,
    repository: RepositoryAccess,
    *,
    family: RepositoryAccess | None = None,
    control: Control = BACKGROUND,
) -> RepositoryConfig:
    """Create a repository.

    Args:
        engine: the program.
        repository: the new one.
        family: any repository that points are copied from or to. Its chunker parameters are taken over, since they can
            never be changed later, and with others a copy would take its space twice.
        control: how the run is watched.

    Returns:
        The identity of the new repository.

    Raises:
        RepositoryExists: there is one already; it was not touched.
        RepositoryMissing, WrongPassword: about the family's.
        Stopped, ResticError: see `exit_codes.check`.
    """
    result = process.run(
        engine, flags(has_family=family is not None), repository=repository, from_repository=family, control=control
    )
    if result.exit_code != exit_codes.OK and _EXISTS in result.stderr:
        raise RepositoryExists(
            "There is a repository at this location already. Register that one, or choose another folder.",
            exit_code=result.exit_code,
            stderr=result.stderr,
        )
    exit_codes.check(engine, result)

    created = config.read(engine, repository, control=control)
    if family is not None:
        relative = config.read(engine, family, control=control)
        if relative.chunker_polynomial != created.chunker_polynomial:
            raise ResticError(
                "The new repository did not take over its family's chunker parameters. Remove it and try again."
            )
    return created


def flags(*, has_family: bool) -> list[str]:
    """Return the arguments: `["init"]`, with `--copy-chunker-params` for a family."""
    return ["init", "--copy-chunker-params"] if has_family else ["init"]
