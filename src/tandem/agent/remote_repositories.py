"""Making repositories at servers elsewhere: only where nothing is, and only once the server is known."""

from __future__ import annotations

import msgspec

from tandem.agent.open_repository import Surroundings
from tandem.domain.repository_locations import (
    RepositoryKind,
    host_key_fingerprint,
    kind_of,
    overlaps,
    parse_location,
)
from tandem.protocol.messages import Configuration, RepositoryConfiguration
from tandem.restic import config, host_keys, init, remote_files
from tandem.restic.access import RepositoryAccess
from tandem.restic.config import RepositoryConfig
from tandem.restic.errors import HostKeyChanged, RepositoryMissing, ResticError, WrongPassword
from tandem.restic.process import Control

TAKEN = "there is a restic repository already"


def check_remote_place(repository: RepositoryConfiguration, configuration: Configuration) -> None:
    """Check that no other repository is there, and that its SSH server's key was confirmed.

    Raises:
        ResticError: beginning with "hostKey: ", if that is what is wrong.
    """
    for other in configuration.repositories:
        if other.uid != repository.uid and overlaps(other.path, repository.path):
            raise ResticError(f"it overlaps with the repository {other.name} ({other.path}); choose another place.")
    if kind_of(repository.path) is RepositoryKind.SFTP and repository.host_key is None:
        shown = host_keys.scan(parse_location(repository.path))
        raise ResticError(
            f"hostKey: the server's key is not confirmed. It shows {shown} ({host_key_fingerprint(shown)}). Compare "
            "that with `ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` on the server, then send it as hostKey."
        )


def make_remote(
    surroundings: Surroundings,
    repository: RepositoryConfiguration,
    access: RepositoryAccess,
    family: RepositoryAccess | None,
    control: Control,
) -> RepositoryConfig:
    """Make a repository at a place where nothing is, or read which one is there if it is said to exist.

    Only a server that lets the account in and says that nothing is there has an empty place. After a crash it may be
    called again: what was begun by us is finished.

    Raises:
        ResticError: if anything is there, or the place cannot be used; nothing was made.
    """
    engine = surroundings.engine
    if repository.is_existing:
        return config.read(engine, access, control=control)
    known = surroundings.state.repository(repository.uid)
    try:
        found = config.read(engine, access, control=control)
    except RepositoryMissing:
        pass
    except HostKeyChanged as error:
        raise HostKeyChanged(f"hostKey: {error}") from error
    except WrongPassword as error:
        raise WrongPassword(f"{TAKEN}, with another password; choose another place.") from error
    else:
        if not known.is_begun:
            raise ResticError(f"{TAKEN}; choose another place, or register it as an existing one.")
        return found
    if known.is_begun:
        # A crash between key and config left a key that opens nothing: begin anew.
        for name in remote_files.names(access, "keys"):
            remote_files.delete(access, f"keys/{name}")
    elif remote_files.names(access, "") or remote_files.names(access, "keys"):
        raise ResticError("the place is not empty; choose an empty one, or register an existing repository.")
    surroundings.state.put_repository(repository.uid, msgspec.structs.replace(known, is_begun=True))
    return init.run(engine, access, family=family, control=control)
