"""A restic program and what its version can do."""

from dataclasses import dataclass

VERSION_MIN = (0, 14, 0)


@dataclass(frozen=True, slots=True)
class Engine:
    """An installed restic.

    Attributes:
        path: the program, as an absolute path or as a name on the search path of `process`.
        version: (major, minor, patch), as `restic version` prints it.
    """

    path: str
    version: tuple[int, int, int]

    @property
    def knows_exit_codes(self) -> bool:
        """Whether 10, 11 and 12 tell a missing, a locked and an unopened repository (restic 0.17.1)."""
        return self.version >= (0, 17, 1)

    @property
    def has_restore_progress(self) -> bool:
        """Whether `restore --json` writes status messages (restic 0.16)."""
        return self.version >= (0, 16, 0)
