"""`restic cat config`: what a repository is."""

import msgspec

from tandem.decoding import decode
from tandem.restic import exit_codes, process
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess


class RepositoryConfig(msgspec.Struct, frozen=True):
    """The identity of a repository.

    Attributes:
        id: 64 hexadecimal digits, for ever.
        chunker_polynomial: where files are cut; the same in a whole family, or equal data is stored twice.
        version: of the repository format, 1 or 2.
    """

    id: str
    chunker_polynomial: str
    version: int


def read(engine: Engine, repository: RepositoryAccess, *, control: Control = BACKGROUND) -> RepositoryConfig:
    """Open the repository and read its identity. Nothing is locked.

    Raises:
        RepositoryMissing, WrongPassword, Stopped, ResticError: see `exit_codes.check`.
    """
    result = process.run(engine, flags(), repository=repository, control=control)
    exit_codes.check(engine, result)
    return parse(result.stdout)


def flags() -> list[str]:
    """Return the arguments: `["cat", "config", "--no-lock"]`."""
    return ["cat", "config", "--no-lock"]


def parse(text: str) -> RepositoryConfig:
    """Read the JSON of a repository's config.

    Raises:
        ResticError: it is none.
    """
    try:
        return decode(text, RepositoryConfig)
    except msgspec.DecodeError as error:
        raise ResticError(
            f"The repository's config cannot be read: {error}. Report this with restic's version."
        ) from error
