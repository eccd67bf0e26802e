"""Local repositories, looked at without restic."""

from pathlib import Path

import pytest

from tandem.restic import config, listing, snapshots
from tandem.restic.errors import RepositoryMissing
from tests.restic import quick_repository
from tests.restic.conftest import Pair


@pytest.mark.parametrize("look", [listing.snapshot_ids, listing.lock_ids, listing.fingerprint, listing.bytes_used])
def test_an_unmounted_disk_is_not_an_empty_repository(look: object, tmp_path: Path) -> None:
    assert callable(look)
    for folder in (tmp_path / "gone", tmp_path):
        with pytest.raises(RepositoryMissing, match="mounted"):
            look(folder)


@pytest.mark.parametrize("lost", ["snapshots", "locks"])
def test_a_lost_folder_is_not_an_empty_one(tmp_path: Path, lost: str) -> None:
    quick_repository.create(tmp_path / "source", "secret")
    (tmp_path / "source" / lost).rmdir()
    look = listing.snapshot_ids if lost == "snapshots" else listing.lock_ids
    with pytest.raises(RepositoryMissing):
        look(tmp_path / "source")


def test_points_are_seen_without_the_password(pair: Pair) -> None:
    saved = [pair.save(), pair.save()]
    (pair.source_folder / "snapshots" / f"{'0' * 64}-tmp-1").write_text("half written")
    assert listing.snapshot_ids(pair.source_folder) == sorted(saved)
    assert [snapshot.id for snapshot in snapshots.read(pair.engine, pair.source)] == saved
    assert snapshots.read_ids(pair.engine, pair.source) == sorted(saved)
    assert listing.lock_ids(pair.source_folder) == []


def test_two_repositories_are_told_apart_without_their_passwords(pair: Pair) -> None:
    before = listing.fingerprint(pair.source_folder)
    pair.save()
    assert listing.fingerprint(pair.source_folder) == before
    assert listing.fingerprint(pair.target_folder) != before
    assert config.read(pair.engine, pair.source).id != config.read(pair.engine, pair.target).id


def test_the_space_of_a_repository_is_the_sum_of_its_files(pair: Pair) -> None:
    before = listing.bytes_used(pair.source_folder)
    pair.save(content=bytes(range(256)) * 400)
    files = [path for path in pair.source_folder.rglob("*") if path.is_file()]
    assert listing.bytes_used(pair.source_folder) == sum(path.stat().st_size for path in files) > before


def test_only_folders_are_local() -> None:
    assert listing.local_path("/srv/repository") == Path("/srv/repository")
    assert listing.local_path("local:/srv/repository") == Path("/srv/repository")
    assert listing.local_path("/srv/a:b") == Path("/srv/a:b")
    for remote in ("rest:https://nas1/", "s3:s3.example/bucket", "sftp:nas1:/srv", "rclone:nas1:/srv", "b2:a:b"):
        assert listing.local_path(remote) is None
