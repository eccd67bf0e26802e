"""Repositories that are not folders here: the same promises, and a refused login is no missing repository."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tandem.restic import backup, check, config, copy, forget, listing, locks, prune, restore, snapshots
from tandem.restic.copy import Copied
from tandem.restic.errors import RepositoryMissing, ResticError
from tandem.restic.process import RepositoryAccess
from tests.restic import rest_server
from tests.restic.conftest import Pair
from tests.restic.test_locks import kill, when_locked
from tests.restic.trees import describe


@pytest.fixture
def remote(pair: Pair, tmp_path: Path) -> Iterator[RepositoryAccess]:
    """The target of the pair, reached over HTTP."""
    with rest_server.running(tmp_path) as port:
        location = f"rest:http://{rest_server.USER}:{rest_server.PASSWORD}@127.0.0.1:{port}/target/"
        yield replace(pair.target, location=location)


def test_a_remote_copy_gives_back_every_byte(pair: Pair, remote: RepositoryAccess, tmp_path: Path) -> None:
    first, second = pair.save("a.bin"), pair.save("b.bin")
    reported: list[Copied] = []
    result = copy.run(pair.engine, pair.source, remote, [first, second], on_saved=reported.append)
    assert sorted(each.target_id for each in result.copied) == listing.snapshot_ids(pair.target_folder)
    assert [each.source_id for each in reported] == [first, second]
    assert all(
        whole.target_id.startswith(short.target_id) for whole, short in zip(result.copied, reported, strict=True)
    )

    forget.run(pair.engine, remote, [result.copied[0].target_id])
    prune.run(pair.engine, remote)
    assert check.run(pair.engine, remote, read_all=True).is_clean
    assert snapshots.read_ids(pair.engine, remote) == [result.copied[1].target_id]
    (snapshot,) = snapshots.read(pair.engine, remote)
    restore.run(pair.engine, remote, snapshot, tmp_path / "out")
    assert describe(tmp_path / "out") == describe(pair.share)


def test_a_remote_backup_names_its_point_in_full(pair: Pair, remote: RepositoryAccess) -> None:
    summary = backup.run(pair.engine, remote, str(pair.share), host="nas1")
    assert [summary.snapshot_id] == listing.snapshot_ids(pair.target_folder)


def test_a_refused_login_or_a_dead_server_is_no_missing_repository(pair: Pair, remote: RepositoryAccess) -> None:
    refused = replace(remote, location=remote.location.replace(rest_server.PASSWORD, "wrong"))
    with pytest.raises(ResticError) as caught:
        config.read(pair.engine, refused)
    assert not isinstance(caught.value, RepositoryMissing)
    assert "401" in str(caught.value)

    missing = replace(remote, location=remote.location.replace("/target/", "/nowhere/"))
    with pytest.raises(RepositoryMissing):
        config.read(pair.engine, missing)


def test_remote_locks_are_shown_and_left_alone(pair: Pair, remote: RepositoryAccess) -> None:
    control = when_locked(pair.target_folder, then=kill)
    with pytest.raises(ResticError):
        backup.run(pair.engine, remote, str(pair.share), host="nas1", control=control)
    (lock,) = locks.read(pair.engine, remote)
    assert [lock.id] == listing.lock_ids(pair.target_folder)
    assert locks.remove_dead(pair.engine, remote, lambda _: True) == locks.Removal((), (lock,))
    assert listing.lock_ids(pair.target_folder) == [lock.id]
