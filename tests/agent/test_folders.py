"""Folders, judged by where they really lead: no share, and no restore, reaches what it must not."""

from pathlib import Path

import pytest

from tandem.agent.folders import check_restore_target, check_share
from tests.agent.backup_server import BackupServer


@pytest.fixture
def links(server: BackupServer) -> Path:
    """A folder of symbolic links that lead where nothing should go."""
    folder = server.folder / "links"
    folder.mkdir()
    for name, target in {
        "repository": server.first,
        "agent": server.data,
        "proc": Path("/proc"),
        "etc": Path("/etc"),
        "nowhere": server.folder / "nowhere",
        "share": server.share,
        "loop": folder / "loop",
    }.items():
        (folder / name).symlink_to(target)
    return folder


def check(server: BackupServer, path: Path | str) -> str:
    """Say what is wrong with a share."""
    return check_share(str(path), server.configuration, server.data)


def check_target(server: BackupServer, path: Path | str) -> str:
    """Say what is wrong with a folder to restore into."""
    return check_restore_target(str(path), server.configuration, server.data)


def test_a_share_is_a_folder_that_can_be_read(server: BackupServer, links: Path) -> None:
    assert check(server, server.share) == ""
    assert check(server, links / "share") == ""
    assert check_share(str(server.share), None, server.data) == ""
    assert "does not exist" in check(server, server.folder / "missing")
    assert "does not exist" in check(server, links / "nowhere")
    assert "does not exist" in check(server, links / "loop")
    assert "is not a folder" in check(server, server.share / "hello.txt")


@pytest.mark.parametrize(
    "place", ["first", "first/data", "links/repository", "links/repository/data", "share/../first", "", "links/.."]
)
def test_a_share_never_holds_or_lies_in_a_repository(server: BackupServer, links: Path, place: str) -> None:
    assert links.is_dir()
    assert "leads to the same place as the repository" in check(server, server.folder / place)


@pytest.mark.parametrize("place", ["agent", "agent/cache", "links/agent", "share/../agent"])
def test_a_share_never_holds_the_agents_own_secrets(server: BackupServer, links: Path, place: str) -> None:
    assert links.is_dir()
    assert "the agent's own data" in check(server, server.folder / place)


@pytest.mark.parametrize("place", ["/proc", "/sys/kernel", "/dev/shm", "links/proc", "/usr/../proc/self"])  # noqa: S108 - no file is made
def test_a_share_is_no_folder_of_the_kernels(server: BackupServer, links: Path, place: str) -> None:
    assert links.is_dir()
    assert "belongs to the system" in check(server, server.folder / place)


def test_a_restore_goes_into_a_new_or_an_empty_folder_only(server: BackupServer) -> None:
    (server.folder / "empty").mkdir()
    assert check_target(server, server.folder / "empty") == ""
    assert check_target(server, server.folder / "new" / "folder") == ""
    assert "is not empty" in check_target(server, server.share)
    assert check_restore_target(str(server.share), server.configuration, server.data, must_be_empty=False) == ""
    assert "is not a folder" in check_target(server, server.share / "hello.txt")


@pytest.mark.parametrize("place", ["links/nowhere", "links/share", "links/share/new"])
def test_a_restore_never_goes_elsewhere_through_a_link(server: BackupServer, links: Path, place: str) -> None:
    assert links.is_dir()
    assert "through a link" in check_target(server, server.folder / place)


@pytest.mark.parametrize(
    "place", ["second", "second/new", "links/repository/new", "agent/new", "links/agent", "new/../first"]
)
def test_a_restore_never_goes_into_a_repository_or_the_agents_data(
    server: BackupServer, links: Path, place: str
) -> None:
    assert links.is_dir()
    assert "leads to the same place as" in check_target(server, server.folder / place)


@pytest.mark.parametrize("place", ["/etc/new", "/usr/local/new", "/boot", "/lib/new", "links/etc/new", "/srv/../etc/x"])
def test_a_restore_never_goes_into_the_system(server: BackupServer, links: Path, place: str) -> None:
    assert links.is_dir()
    assert "is part of the system" in check_target(server, server.folder / place)
