"""Commands as values: what restic is told, and what it must never be told."""

from pathlib import Path

import pytest

from tandem.restic import backup, check, config, copy, forget, ids, init, locks, prune, restore, snapshots, version
from tandem.restic.errors import ResticError
from tandem.restic.process import RepositoryAccess

ONE = "1" * 64
TWO = "2" * 64


def test_each_command_has_its_flags() -> None:
    assert version.flags() == ["version"]
    assert init.flags(has_family=False) == ["init"]
    assert init.flags(has_family=True) == ["init", "--copy-chunker-params"]
    assert config.flags() == ["cat", "config", "--no-lock"]
    assert snapshots.flags() == ["snapshots", "--json", "--no-lock"]
    assert snapshots.id_flags() == ["list", "snapshots", "--no-lock"]
    assert locks.id_flags() == ["list", "locks", "--no-lock"]
    assert locks.flags(ONE) == ["cat", "lock", "--no-lock", ONE]
    assert copy.flags([ONE, TWO]) == ["copy", "--verbose", "--", ONE, TWO]
    assert forget.flags([ONE, TWO]) == ["forget", "--", ONE, TWO]
    assert prune.flags() == ["prune"]
    assert check.flags() == ["check"]
    assert check.flags(read_all=True) == ["check", "--read-data"]
    assert check.flags(part=(3, 28)) == ["check", "--read-data-subset", "3/28"]
    assert backup.flags("/srv/share", host="nas1") == ["backup", "--json", "--host", "nas1", "--", "/srv/share"]
    assert "--ignore-inode" in backup.flags("/mnt/share", host="nas1", is_remote=True)
    assert restore.flags(ONE, Path("/to")) == ["restore", "--target", "/to", "--", ONE]
    assert restore.flags(ONE, Path("/to"), include=["/srv/a"], verify=True, is_json=True) == [
        "restore", "--target", "/to", "--include", "/srv/a", "--verify", "--json", "--", ONE,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "wrong", ["latest", "", "11111111", "1" * 63, "1" * 65, "G" * 64, "--keep-last=1", f"{ONE}:/a"]
)
def test_only_whole_ids_are_forgotten_or_copied(wrong: str) -> None:
    for flags in (forget.flags, copy.flags):
        with pytest.raises(ValueError, match="whole id"):
            flags([ONE, wrong])
    with pytest.raises(ValueError, match="whole id"):
        restore.flags(wrong, Path("/to"))


def test_nothing_to_forget_never_reaches_restic() -> None:
    with pytest.raises(ValueError, match="at least one"):
        forget.flags([])


@pytest.mark.parametrize("part", [(0, 1), (2, 1), (1, 257), (-1, 4)])
def test_no_part_of_the_packs_is_left_unread_by_a_wrong_number(part: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="no part"):
        check.flags(part=part)


@pytest.mark.parametrize("path", ["share", "", "./share", "-share"])
def test_a_share_is_an_absolute_path(path: str) -> None:
    with pytest.raises(ValueError, match="absolute"):
        backup.flags(path, host="nas1")


def test_a_file_name_is_not_a_pattern() -> None:
    assert restore.pattern("/srv/share", "a/b") == "/srv/share/a/b"
    assert restore.pattern("/", "b") == "/b"
    assert restore.pattern("/srv/*", r"[a]*?\b") == r"/srv/\*/\[a]\*\?\\b"


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../other", "a/../../b", "a//b", "."])
def test_nothing_outside_the_share_is_restored(path: str) -> None:
    with pytest.raises(ValueError, match="within the share"):
        restore.pattern("/srv/share", path)


def test_a_short_id_that_fits_two_points_is_not_guessed() -> None:
    assert ids.resolve("1111", [ONE, TWO]) == ONE
    for known in ([], ["1" * 63 + "0", ONE]):
        with pytest.raises(ResticError, match="begin with"):
            ids.resolve("1111", known)


@pytest.mark.parametrize("password", ["", " a", "a\n"])
def test_a_password_that_restic_would_read_differently_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="password"):
        RepositoryAccess("/srv/repository", password, Path("/var/cache"))
    with pytest.raises(ValueError, match="location"):
        RepositoryAccess(password, "secret", Path("/var/cache"))


def test_secrets_are_not_shown() -> None:
    shown = repr(RepositoryAccess("rest:https://acme:canary@nas1/", "canary", Path("/var/cache")))
    assert "canary" not in shown
