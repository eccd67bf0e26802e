"""Where a repository is and how it is opened."""

from dataclasses import dataclass, field
from pathlib import Path

from tandem.domain.errors import Invalid
from tandem.domain.repositories import Account
from tandem.domain.repository_locations import RemoteLocation, is_remote, parse_location


@dataclass(frozen=True, slots=True)
class RepositoryAccess:
    """Where a repository is and how it is opened.

    Attributes:
        location: what restic takes as its repository; a local one as an absolute path. May hold credentials, so it is
            given to restic by file descriptor too, and not shown.
        password: opens the repository. Restic takes white space off both ends of a password file, so there may be none.
        cache_directory: where restic keeps its cache; one for each organization.
        account: with what one signs in where a remote one is.
        host_key: the public key that the SSH server must show.
    """

    location: str = field(repr=False)
    password: str = field(repr=False)
    cache_directory: Path
    account: Account | None = None
    host_key: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for what restic would silently read as something else."""
        if not self.password or self.password.strip() != self.password:
            raise ValueError("A repository password must not be empty, nor begin or end with white space.")
        if not self.location or self.location.strip() != self.location:
            raise ValueError("A repository location must not be empty, nor begin or end with white space.")

    @property
    def remote(self) -> RemoteLocation | None:
        """The place, if it is a remote one that we know how to reach without restic."""
        try:
            return parse_location(self.location) if is_remote(self.location) else None
        except Invalid:
            return None
