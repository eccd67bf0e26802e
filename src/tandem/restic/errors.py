"""What can go wrong with restic, in words that a user can act on."""


class ResticError(Exception):
    """Restic did not do what it was asked.

    Attributes:
        exit_code: restic's exit code, or None if restic did not run or was not to blame.
        stderr: the last 64 KiB of what restic wrote to its error output; it never holds a password.
    """

    def __init__(self, message: str, *, exit_code: int | None = None, stderr: str = "") -> None:
        """Keep the message, which says what to do next, and what restic left behind."""
        super().__init__(message)
        self.exit_code = exit_code
        self.stderr = stderr


class RepositoryMissing(ResticError):
    """There is no repository at the location, or its disk is not mounted. Never a reason to create one."""


class RepositoryExists(ResticError):
    """There is a repository at the location already, so none was created."""


class RepositoryLocked(ResticError):
    """Another restic process holds a lock on the repository, or a dead one left its lock behind."""


class WrongPassword(ResticError):
    """No key of the repository opens with the password."""


class PartlyRestored(ResticError):
    """Some files of a point could not be restored: the message names them, and says where the others are."""


class DeletionRefused(ResticError):
    """The repository lets nobody delete: an append-only server, an object lock, files that are write-protected.

    Attributes:
        remaining: the ids of the points that were to go and are still there.
    """

    def __init__(self, message: str, remaining: frozenset[str] = frozenset()) -> None:
        """Keep what was refused."""
        super().__init__(message)
        self.remaining = remaining


class RepositoryAway(ResticError):
    """The place of a repository cannot be used: nothing is known of what it holds. Never a reason to create one."""


class AccountRefused(RepositoryAway):
    """The server does not let the account in, or does not let it do what restic needs."""


class HostKeyChanged(RepositoryAway):
    """The SSH server shows another key than the confirmed one."""


class PlaceMissing(RepositoryAway):
    """The bucket in which the repository should be does not exist."""


class Unreachable(RepositoryAway):
    """The server does not answer, or the connection to it broke."""


class Stopped(ResticError):
    """The command was ended because its caller asked for it."""
