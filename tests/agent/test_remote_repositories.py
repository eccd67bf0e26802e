"""Repositories elsewhere: any kind copied to any kind, two accounts at once, and no server's failure taken for less."""

import contextlib
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import msgspec
import pytest

from tandem.domain.sessions import SessionState
from tandem.protocol.messages import RepositoryConfiguration
from tests.agent.backup_server import BackupServer
from tests.remote_servers import (
    Server,
    rest_server,
    s3_server,
    sftp_server,
    sftp_server_with_password,
)

KINDS = ("local", "sftp", "s3", "rest")


class Remotes:
    """The servers, and backup servers whose repositories are at them."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self.folder = folder
        self._numbers = count()
        self.servers = {
            "sftp": stack.enter_context(sftp_server(folder / "ssh")),
            "password": stack.enter_context(sftp_server_with_password(folder / "ssh2")),
            "s3": stack.enter_context(s3_server(folder / "s3", name="ONE")),
            "other s3": stack.enter_context(s3_server(folder / "s3-2", name="TWO")),
            "rest": stack.enter_context(rest_server(folder / "rest")),
        }

    def move(self, backup_server: BackupServer, **kinds: str) -> None:
        """Put repositories of a backup server elsewhere, with all that they hold; its jobs go on with them there."""
        moved = [
            self._moved(backup_server, repository, kinds.get(repository.uid, "local"))
            for repository in backup_server.configuration.repositories
        ]
        backup_server.configure(repositories=moved)

    def _moved(
        self, backup_server: BackupServer, repository: RepositoryConfiguration, kind: str
    ) -> RepositoryConfiguration:
        if kind == "local":
            return repository
        server = self.servers[kind]
        # A new name each time: servers remember what they have seen.
        place = server.folder / f"{repository.uid}{next(self._numbers)}"
        folder = backup_server.folder / repository.uid
        server.take(folder, place.name)
        # So that the tests look into it as if it were here.
        folder.symlink_to(place)
        return elsewhere(repository, server, place.name)


def elsewhere(repository: RepositoryConfiguration, server: Server, name: str) -> RepositoryConfiguration:
    """Give a repository at a server."""
    return msgspec.structs.replace(
        repository,
        path=f"{server.location}{name}" + ("/" if server.location.startswith("rest") else ""),
        account=server.account,
        host_key=server.host_key,
    )


@pytest.fixture(scope="module")
def remotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remotes]:
    """The servers."""
    with contextlib.ExitStack() as stack:
        yield Remotes(tmp_path_factory.mktemp("remotes"), stack)


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_every_kind_is_copied_to_every_kind(saved: BackupServer, remotes: Remotes, source: str, target: str) -> None:
    remotes.move(saved, first=source, second="other s3" if source == target == "s3" else target)
    session = saved.copy()
    assert session.state is SessionState.SUCCESS, session.messages
    assert session.statistics.points_copied == 2
    assert session.statistics.transferred > 40_000
    assert set(saved.copies()) == set(saved.ids())
    for folder in (saved.first, saved.second):
        # An S3 server forgets a folder with its last file.
        (folder / "locks").mkdir(exist_ok=True)
    saved.is_sound()
