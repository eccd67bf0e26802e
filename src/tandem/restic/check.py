"""`restic check`: is everything there, and does what is stored still read back?"""

from dataclasses import dataclass

from tandem.restic import exit_codes, holding, output
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import BACKGROUND, Control, RepositoryAccess

ERRORS_MAX = 100
# A pack belongs to part n of t by the first byte of its id (restic, cmd/restic/cmd_check.go).
PARTS_MAX = 256

DAMAGED = "repository contains errors"


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What a check that ran to its end found.

    Attributes:
        is_clean: nothing is missing or damaged in what was looked at.
        errors: what is, one line each, the first `ERRORS_MAX` of them.
    """

    is_clean: bool
    errors: tuple[str, ...]


def run(
    engine: Engine,
    repository: RepositoryAccess,
    *,
    part: tuple[int, int] | None = None,
    read_all: bool = False,
    control: Control = BACKGROUND,
) -> CheckReport:
    """Check the structure of a repository, and read data back if told to. Needs the repository for itself.

    Args:
        engine: the program.
        repository: the one to check.
        part: (n, t) reads the packs of part n of t, 1 <= n <= t <= `PARTS_MAX`. Parts 1 to t together are all packs.
        read_all: read all packs.
        control: how the run is watched.

    Returns:
        What was found. Damage is a finding, not an error.

    Raises:
        ValueError: there is no such part.
        RepositoryMissing, RepositoryLocked, WrongPassword, Stopped: it could not be checked.
        ResticError: the check itself failed, so nothing is known.
    """
    try:
        holding.run(engine, flags(part=part, read_all=read_all), repository=repository, control=control)
    except ResticError as error:
        if error.exit_code == exit_codes.FAILED and output.reason(error.stderr) == DAMAGED:
            return CheckReport(is_clean=False, errors=findings(error.stderr))
        raise
    return CheckReport(is_clean=True, errors=())


def flags(*, part: tuple[int, int] | None = None, read_all: bool = False) -> list[str]:
    """Return the arguments, for instance `["check", "--read-data-subset", "3/28"]`.

    Raises:
        ValueError: there is no such part.
    """
    if read_all:
        return ["check", "--read-data"]
    if part is None:
        return ["check"]
    number, count = part
    if not 1 <= number <= count <= PARTS_MAX:
        raise ValueError(f"There is no part {number} of {count}; the parts are 1 to {PARTS_MAX} at most.")
    return ["check", "--read-data-subset", f"{number}/{count}"]


def findings(stderr: str) -> tuple[str, ...]:
    """Return the lines about damage; advice, the last sentence, and tries that were made again are left out."""
    found: list[str] = []
    for text in output.causes(stderr):
        if text.startswith(("The repository is damaged", "The repository contains damaged", "Damaged pack files can")):
            break
        if not text.startswith("Fatal: "):
            found.append(text)
    return tuple(found[:ERRORS_MAX])
