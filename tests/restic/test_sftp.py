"""What a repository at an SSH server holds: all of it or an error, never a part that looks like all."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tandem.restic import listing, remote_files
from tandem.restic.access import RepositoryAccess
from tandem.restic.errors import ResticError
from tests.remote_servers import Server, sftp_server, sftp_server_with_password

SFTP = "/usr/lib/openssh/sftp-server"


def access(server: Server, folder: Path) -> RepositoryAccess:
    """Give how a repository at the server is opened."""
    cache = folder / "cache"
    cache.mkdir()
    return RepositoryAccess(
        f"{server.location}repository", "password", cache, account=server.account, host_key=server.host_key
    )


@pytest.mark.parametrize("running", [sftp_server, sftp_server_with_password])
def test_no_file_of_a_repository_is_missed_however_many_and_wherever(
    tmp_path: Path, running: Callable[[Path], AbstractContextManager[Server]]
) -> None:
    with running(tmp_path / "ssh") as server:
        repository = server.folder / "repository"
        repository.mkdir()
        (repository / "config").write_bytes(bytes(100_000))
        # More folders than are asked at once, and more files than one answer names.
        for number in range(100):
            (repository / "data" / f"{number:02x}").mkdir(parents=True)
            (repository / "data" / f"{number:02x}" / f"{number:064x}").write_bytes(bytes(number))
        (repository / "locks").mkdir()
        (repository / "snapshots").mkdir()
        points = [f"{number:064x}" for number in range(700)]
        for point in points:
            (repository / "snapshots" / point).write_bytes(b"point")
        lock = "1" * 64
        (repository / "locks" / lock).touch()
        key = "2" * 64
        (repository / "keys").mkdir()
        (repository / "keys" / key).write_bytes(b"key")
        (repository / "index").mkdir()
        (repository / "index" / lock).write_bytes(bytes(1_000))
        total = listing.bytes_used(repository)
        # Somebody has moved a folder to another disk.
        (repository / "index").rename(tmp_path / "elsewhere")
        (repository / "index").symlink_to(tmp_path / "elsewhere")

        asked = access(server, tmp_path)
        assert remote_files.survey(asked) == remote_files.Stock(total, tuple(points))
        assert remote_files.look(asked) == remote_files.Front((key,), (lock,), tuple(points))
        for _ in range(2):
            remote_files.delete(asked, f"locks/{lock}")
        assert not list((repository / "locks").iterdir())
        assert remote_files.names(asked, "nowhere") == []
        assert sorted(remote_files.names(asked, "")) == ["config", "data", "keys", "locks", "snapshots"]
        (repository / "config").unlink()
        assert remote_files.look(asked).key_ids == (), "what nothing opens was said to have keys"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (f"echo Welcome to the NAS; exec {SFTP}", "does not speak SFTP; it says 'Welcome to the NAS"),
        (f"dd bs=1 count=300 status=none | {SFTP}", "cannot be told"),
        ("exit 1", "cannot be told"),
    ],
    ids=["a login script prints", "the line breaks", "no SFTP"],
)
def test_half_an_answer_is_never_taken_for_a_smaller_repository(tmp_path: Path, command: str, said: str) -> None:
    with sftp_server(tmp_path / "ssh", sftp=command) as server:
        snapshots = server.folder / "repository" / "snapshots"
        snapshots.mkdir(parents=True)
        for number in range(300):
            (snapshots / f"{number:064x}").touch()
        with pytest.raises(ResticError, match=said):
            remote_files.survey(access(server, tmp_path))
