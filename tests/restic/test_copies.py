"""Saving and copying points: what is promised, and what restic's exit code does not say."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tandem.restic import backup, check, config, copy, forget, init, listing, prune, restore, snapshots, version
from tandem.restic.copy import Copied
from tandem.restic.engine import Engine
from tandem.restic.errors import RepositoryExists, RepositoryMissing, ResticError, WrongPassword
from tandem.restic.process import RepositoryAccess
from tests.restic.conftest import Pair
from tests.restic.trees import describe

NOWHERE = "0" * 64


def test_a_new_repository_cuts_files_as_its_family_does(pair: Pair, tmp_path: Path) -> None:
    new = RepositoryAccess(str(tmp_path / "new"), "secret", tmp_path / "cache")
    created = init.run(pair.engine, new, family=pair.source)
    related = config.read(pair.engine, pair.source)
    assert created.chunker_polynomial == related.chunker_polynomial
    assert created.id != related.id
    assert created.version == 2

    before = describe(tmp_path / "new")
    with pytest.raises(RepositoryExists):
        init.run(pair.engine, new, family=pair.source)
    assert describe(tmp_path / "new") == before


def test_no_repository_is_ever_made_by_using_one(pair: Pair, tmp_path: Path) -> None:
    gone = RepositoryAccess(str(tmp_path / "gone"), "secret", tmp_path / "cache")
    point = pair.save()
    for use in (
        lambda: backup.run(pair.engine, gone, str(pair.share), host="nas1"),
        lambda: copy.run(pair.engine, pair.source, gone, [point]),
        lambda: copy.run(pair.engine, gone, pair.target, [point]),
        lambda: forget.run(pair.engine, gone, [point]),
        lambda: prune.run(pair.engine, gone),
        lambda: check.run(pair.engine, gone),
        lambda: snapshots.read(pair.engine, gone),
        lambda: config.read(pair.engine, gone),
        lambda: init.run(pair.engine, gone, family=gone),
    ):
        with pytest.raises(RepositoryMissing):
            use()
    assert not (tmp_path / "gone").exists()


def test_a_wrong_password_is_told_apart(pair: Pair, tmp_path: Path) -> None:
    point = pair.save()
    wrong = RepositoryAccess(pair.source.location, "wrong", tmp_path / "cache")
    for use in (
        lambda: snapshots.read(pair.engine, wrong),
        lambda: backup.run(pair.engine, wrong, str(pair.share), host="nas1"),
        lambda: copy.run(pair.engine, wrong, pair.target, [point]),
    ):
        with pytest.raises(WrongPassword):
            use()


def test_a_backup_says_what_it_saved(pair: Pair) -> None:
    pair.save("one.txt", b"1" * 1000)
    seen: list[backup.Progress] = []
    (pair.share / "two.txt").write_bytes(b"2" * 2000)
    summary = backup.run(pair.engine, pair.source, str(pair.share), host="nas1", on_progress=seen.append)
    assert summary.snapshot_id in listing.snapshot_ids(pair.source_folder)
    assert (summary.files_new, summary.files_changed, summary.files_unmodified) == (1, 0, 2)
    assert (summary.total_files_processed, summary.total_bytes_processed) == (3, 3006)
    assert summary.is_complete
    assert summary.errors == ()
    assert summary.total_duration > 0
    latest = snapshots.read(pair.engine, pair.source)[-1]
    assert (latest.id, latest.paths, latest.hostname) == (summary.snapshot_id, (str(pair.share),), "nas1")


def test_a_file_that_cannot_be_read_makes_the_point_incomplete(pair: Pair) -> None:
    # Not even root may read "flush" there.
    summary = backup.run(pair.engine, pair.source, "/proc/sys/net/ipv4/route", host="nas1")
    assert not summary.is_complete
    assert summary.snapshot_id in listing.snapshot_ids(pair.source_folder)
    (error,) = summary.errors
    assert "/proc/sys/net/ipv4/route/flush" in error


def test_a_share_that_is_gone_leaves_no_point(pair: Pair) -> None:
    with pytest.raises(ResticError, match="do not exist"):
        backup.run(pair.engine, pair.source, str(pair.share / "gone"), host="nas1")
    assert listing.snapshot_ids(pair.source_folder) == []


def test_points_are_copied_in_the_order_asked_for(pair: Pair) -> None:
    first, other, third = (pair.save() for _ in range(3))
    reported: list[Copied] = []
    progress: list[tuple[int, int]] = []
    result = copy.run(
        pair.engine,
        pair.source,
        pair.target,
        [third, first],
        on_saved=reported.append,
        on_progress=lambda done, total: progress.append((done, total)),
    )
    assert [each.source_id for each in result.copied] == [third, first]
    assert reported == list(result.copied)
    assert result.missing == ()
    assert {each.id: each.original for each in snapshots.read(pair.engine, pair.target)} == {
        each.target_id: each.source_id for each in result.copied
    }
    assert other not in {each.source_id for each in result.copied}
    assert all(0 <= done <= total for done, total in progress)
    assert progress[-1][0] == progress[-1][1]


def test_a_point_is_not_copied_twice(pair: Pair) -> None:
    point = pair.save()
    (first,) = copy.run(pair.engine, pair.source, pair.target, [point]).copied
    (second,) = copy.run(pair.engine, pair.source, pair.target, [point]).copied
    assert (first.was_there, second.was_there) == (False, True)
    assert first.target_id == second.target_id
    assert listing.snapshot_ids(pair.target_folder) == [first.target_id]


def test_a_point_that_retention_took_meanwhile_is_reported_missing(pair: Pair) -> None:
    gone, kept = pair.save(), pair.save()
    forget.run(pair.engine, pair.source, [gone])
    result = copy.run(pair.engine, pair.source, pair.target, [gone, kept, NOWHERE])
    assert [each.source_id for each in result.copied] == [kept]
    assert result.missing == (gone, NOWHERE)


def test_nothing_to_copy_starts_nothing(pair: Pair, tmp_path: Path) -> None:
    nowhere = RepositoryAccess(str(tmp_path / "nowhere"), "secret", tmp_path / "cache")
    assert copy.run(pair.engine, nowhere, nowhere, []) == copy.CopyResult((), ())


def test_points_of_one_version_are_copied_and_restored_by_another(pair: Pair, tmp_path: Path) -> None:
    installed = version.detect()
    point = pair.save()
    (there,) = copy.run(installed, pair.source, pair.target, [point]).copied
    (snapshot,) = snapshots.read(pair.engine, pair.target)
    assert (snapshot.id, snapshot.original) == (there.target_id, point)
    restore.run(pair.engine, pair.target, snapshot, tmp_path / "out")
    assert describe(tmp_path / "out") == describe(pair.share)


def test_a_copy_of_a_copy_keeps_the_first_id(pair: Pair) -> None:
    point = pair.save()
    (there,) = copy.run(pair.engine, pair.source, pair.target, [point]).copied
    forget.run(pair.engine, pair.source, [point])
    (back,) = copy.run(pair.engine, pair.target, pair.source, [there.target_id]).copied
    (snapshot,) = snapshots.read(pair.engine, pair.source)
    assert (snapshot.id, snapshot.original) == (back.target_id, point)


def test_a_copy_leaves_the_source_as_it_was(pair: Pair) -> None:
    points = [pair.save() for _ in range(2)]
    before = describe(pair.source_folder, but=frozenset({"locks"}))
    copy.run(pair.engine, pair.source, pair.target, points)
    assert describe(pair.source_folder, but=frozenset({"locks"})) == before
    assert listing.lock_ids(pair.source_folder) == listing.lock_ids(pair.target_folder) == []


def test_points_before_a_damaged_one_are_copied_and_reported(pair: Pair) -> None:
    good = pair.save("good.bin")
    before = {path for path in (pair.source_folder / "data").rglob("*") if path.is_file()}
    bad = pair.save("bad.bin")
    for pack in {path for path in (pair.source_folder / "data").rglob("*") if path.is_file()} - before:
        content = pack.read_bytes()
        pack.chmod(0o600)
        pack.write_bytes(bytes(byte ^ 1 for byte in content[:500]) + content[500:])
    shutil.rmtree(pair.source.cache_directory)

    reported: list[Copied] = []
    with pytest.raises(ResticError) as caught:
        copy.run(pair.engine, pair.source, pair.target, [good, bad], on_saved=reported.append)
    assert "verification failed" in str(caught.value)
    # From 0.19 on a batch is saved as a whole, or not at all; one point at a time always works.
    copy.run(pair.engine, pair.source, pair.target, [good], on_saved=reported.append)
    assert {each.source_id for each in reported} == {good}
    assert len(listing.snapshot_ids(pair.target_folder)) == 1

    report = check.run(pair.engine, pair.source, read_all=True)
    assert not report.is_clean
    assert report.errors
    assert check.run(pair.engine, pair.target, read_all=True) == check.CheckReport(is_clean=True, errors=())


def test_a_pack_that_was_lost_is_found(pair: Pair) -> None:
    pair.save()
    assert check.run(pair.engine, pair.source).is_clean
    pack = max((pair.source_folder / "data").rglob("*"), key=lambda path: path.stat().st_size)
    pack.unlink()
    report = check.run(pair.engine, pair.source)
    assert not report.is_clean
    assert any(pack.name in error for error in report.errors)


def test_every_pack_is_read_in_one_of_the_parts(pair: Pair) -> None:
    pair.save()
    pack = max((pair.source_folder / "data").rglob("*"), key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    pack.write_bytes(bytes(len(pack.read_bytes())))
    reports = [check.run(pair.engine, pair.source, part=(number, 3)) for number in (1, 2, 3)]
    assert [report.is_clean for report in reports].count(False) == 1
    assert not reports[bytes.fromhex(pack.name)[0] % 3].is_clean


def test_forgetting_frees_the_space_and_nothing_else(pair: Pair) -> None:
    first, second = pair.save("a.bin", bytes(range(256)) * 4000), pair.save("a.bin")
    before = listing.bytes_used(pair.source_folder)
    forget.run(pair.engine, pair.source, [first])
    forget.run(pair.engine, pair.source, [first, NOWHERE])
    forget.run(pair.engine, pair.source, [])
    prune.run(pair.engine, pair.source)
    assert listing.snapshot_ids(pair.source_folder) == [second]
    assert listing.bytes_used(pair.source_folder) < before
    assert check.run(pair.engine, pair.source, read_all=True).is_clean


def test_points_that_could_not_be_removed_are_not_taken_as_removed(
    pair: Pair, program: Callable[[str], Engine]
) -> None:
    point = pair.save()
    says_it_did = program("exit 0")
    with pytest.raises(ResticError, match="1 of 1 points could not be removed"):
        forget.run(says_it_did, pair.source, [point])
