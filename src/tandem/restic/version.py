"""`restic version`: find the program and learn what it can do."""

import re
import shutil

from tandem.restic import process
from tandem.restic.engine import VERSION_MIN, Engine
from tandem.restic.errors import ResticError

_VERSION = re.compile(r"^restic (\d+)\.(\d+)\.(\d+)")


def detect(path: str = "restic") -> Engine:
    """Find restic and ask for its version.

    Args:
        path: a program name, looked up on the system's program folders, or an absolute path.

    Returns:
        The engine, with an absolute path.

    Raises:
        ResticError: there is no such program, it is not restic, or it is older than `VERSION_MIN`.
    """
    found = shutil.which(path, path=process.SEARCH_PATH)
    if found is None:
        raise ResticError(
            f"There is no program {path!r}. Install restic {_dotted(VERSION_MIN)} or newer, or set its path."
        )

    output = process.run(Engine(found, VERSION_MIN), flags())
    match = _VERSION.match(output.stdout)
    if output.exit_code != 0 or match is None:
        raise ResticError(
            f"{found} does not answer as restic does. Set the path of restic {_dotted(VERSION_MIN)} or newer.",
            exit_code=output.exit_code,
            stderr=output.stderr,
        )

    version = (int(match[1]), int(match[2]), int(match[3]))
    if version < VERSION_MIN:
        raise ResticError(f"{found} is restic {_dotted(version)}. Install restic {_dotted(VERSION_MIN)} or newer.")
    return Engine(found, version)


def flags() -> list[str]:
    """Return the arguments: `["version"]`."""
    return ["version"]


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version)
