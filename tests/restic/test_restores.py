"""A share comes back as it was: from the copy, in part, over what is there, and after a crash."""

import os
import threading
from pathlib import Path

import pytest

from tandem.restic import backup, copy, forget, prune, restore, snapshots
from tandem.restic.errors import ResticError, Stopped, WrongPassword
from tandem.restic.process import Control, RepositoryAccess
from tandem.restic.snapshots import Snapshot
from tests.restic.conftest import Pair
from tests.restic.trees import describe


def fill(share: Path) -> None:
    """Put into a share what shares hold, and what they should not."""
    (share / "empty").mkdir()
    (share / "a" / "b" / "c").mkdir(parents=True)
    (share / "a" / "b" / "c" / "deep.bin").write_bytes(os.urandom(70_000))
    (share / "none.txt").write_bytes(b"")
    (share / "Übung 試験 🎉.txt").write_text("ü")
    (share / "line\nbreak [x]*?\\ .txt").write_text("odd")
    (share / ("n" * 255)).write_text("long")
    Path(os.fsdecode(os.fsencode(share) + b"/latin-\xfc.txt")).write_text("not utf-8")
    (share / "-rf").write_text("looks like a flag")
    (share / "link").symlink_to("a/b")
    (share / "dangling").symlink_to("/nowhere/at/all")
    (share / "itself").symlink_to(".")
    (share / "private.txt").write_text("mine")
    (share / "private.txt").chmod(0o600)
    (share / "a" / "b").chmod(0o555)
    for number, path in enumerate(sorted(share.rglob("*"))):
        os.utime(path, ns=(10**18 + number, 10**18 + number), follow_symlinks=False)


def only_point(pair: Pair) -> Snapshot:
    """Return the point of the source."""
    (snapshot,) = snapshots.read(pair.engine, pair.source)
    return snapshot


def test_the_copy_gives_back_every_byte_after_the_source_is_gone(pair: Pair, tmp_path: Path) -> None:
    pair.save("old.txt")
    fill(pair.share)
    kept = pair.save("new.txt")
    expected = describe(pair.share)
    (pair.share / "new.txt").write_text("changed since")
    later = pair.save("later.txt")

    result = copy.run(pair.engine, pair.source, pair.target, [kept, later])
    targets = {each.source_id: each.target_id for each in result.copied}
    forget.run(pair.engine, pair.target, [targets[later]])
    prune.run(pair.engine, pair.target)
    pair.source_folder.rename(tmp_path / "lost")

    (snapshot,) = snapshots.read(pair.engine, pair.target)
    assert (snapshot.id, snapshot.original) == (targets[kept], kept)
    restore.run(pair.engine, pair.target, snapshot, tmp_path / "out", verify=True)
    assert describe(tmp_path / "out") == expected


def test_one_file_is_restored_whatever_its_name(pair: Pair, tmp_path: Path) -> None:
    fill(pair.share)
    pair.save()
    wanted = ["line\nbreak [x]*?\\ .txt", "Übung 試験 🎉.txt", "-rf", "a/b/c/deep.bin", "dangling", "empty"]
    restore.run(pair.engine, pair.source, only_point(pair), tmp_path / "out", include=wanted)
    restored = describe(tmp_path / "out")
    original = describe(pair.share)
    assert {path: restored[path] for path in map(os.fsencode, wanted)} == {
        path: original[path] for path in map(os.fsencode, wanted)
    }
    assert set(restored) == {*map(os.fsencode, wanted), b"a", b"a/b", b"a/b/c"}


def test_a_file_that_the_point_does_not_hold_is_not_passed_over(pair: Pair, tmp_path: Path) -> None:
    pair.save()
    with pytest.raises(ResticError, match=r"does not hold later\.txt"):
        restore.run(pair.engine, pair.source, only_point(pair), tmp_path / "out", include=["hello.txt", "later.txt"])


def test_what_is_there_already_stays_or_is_replaced(pair: Pair, tmp_path: Path) -> None:
    fill(pair.share)
    pair.save()
    out = tmp_path / "out"
    (out / "a" / "b").mkdir(parents=True)
    (out / "a" / "mine.txt").write_text("mine")
    (out / "hello.txt").write_text("changed")
    (out / "empty").symlink_to(tmp_path)

    restore.run(pair.engine, pair.source, only_point(pair), out)
    restored = describe(out)
    assert restored.pop(b"a/mine.txt")
    assert restored == describe(pair.share)


def test_a_folder_in_the_way_is_never_deleted(pair: Pair, tmp_path: Path) -> None:
    pair.save()
    (tmp_path / "out" / "hello.txt").mkdir(parents=True)
    (tmp_path / "out" / "hello.txt" / "mine.txt").write_text("mine")
    with pytest.raises(ResticError, match="move it away"):
        restore.run(pair.engine, pair.source, only_point(pair), tmp_path / "out")
    assert (tmp_path / "out" / "hello.txt" / "mine.txt").read_text() == "mine"


def test_a_crash_while_restoring_is_made_good_by_trying_again(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(pair.share)
    pair.save()
    moves_left = 0
    rename = os.rename

    def crash(source: str, target: str, **folders: int) -> None:
        nonlocal moves_left
        moves_left -= 1
        if moves_left < 0:
            raise KeyboardInterrupt
        rename(source, target, **folders)

    monkeypatch.setattr(os, "rename", crash)
    for crash_after in (0, 1, 5):
        out = tmp_path / f"out-{crash_after}"
        moves_left = crash_after
        with pytest.raises(KeyboardInterrupt):
            restore.run(pair.engine, pair.source, only_point(pair), out)
        moves_left = 1000
        restore.run(pair.engine, pair.source, only_point(pair), out)
        assert describe(out) == describe(pair.share)


def test_an_empty_share_is_restored_as_empty(pair: Pair, tmp_path: Path) -> None:
    (pair.share / "hello.txt").unlink()
    backup.run(pair.engine, pair.source, str(pair.share), host="nas1")
    restore.run(pair.engine, pair.source, only_point(pair), tmp_path / "out")
    assert describe(tmp_path / "out") == {}


def test_points_of_several_folders_keep_them_apart(pair: Pair, tmp_path: Path) -> None:
    pair.save()
    snapshot = only_point(pair)
    several = Snapshot(snapshot.id, snapshot.time, snapshot.tree, paths=(str(pair.share), "/srv/other"))
    restore.run(pair.engine, pair.source, several, tmp_path / "out")
    assert describe(tmp_path / "out" / str(pair.share)[1:]) == describe(pair.share)


def test_a_restore_that_could_not_begin_leaves_the_folder_as_it_was(pair: Pair, tmp_path: Path) -> None:
    pair.save()
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    wrong = RepositoryAccess(pair.source.location, "wrong", tmp_path / "cache")
    with pytest.raises(WrongPassword):
        restore.run(pair.engine, wrong, only_point(pair), out)
    assert set(describe(out)) == {b"mine.txt"}


def test_a_restore_shows_how_far_it_is(pair: Pair, tmp_path: Path) -> None:
    for number in range(3):
        (pair.share / f"{number}.bin").write_bytes(os.urandom(1_000_000))
    pair.save()
    seen: list[restore.Progress] = []
    restore.run(pair.engine, pair.source, only_point(pair), tmp_path / "out", on_progress=seen.append)
    assert all(0 <= progress.percent_done <= 1 for progress in seen)


def test_a_stopped_restore_leaves_nothing(pair: Pair, tmp_path: Path) -> None:
    pair.save()
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        restore.run(pair.engine, pair.source, only_point(pair), tmp_path / "out", control=Control(stop=stop))
    assert describe(tmp_path / "out") == {}


def test_what_could_be_restored_of_a_damaged_point_is_kept_aside(pair: Pair, tmp_path: Path) -> None:
    pair.save("good.bin")
    before = {path for path in (pair.source_folder / "data").rglob("*") if path.is_file()}
    pair.save("bad.bin")
    added = {path for path in (pair.source_folder / "data").rglob("*") if path.is_file()} - before
    pack = max(added, key=lambda path: path.stat().st_size)
    pack.chmod(0o600)
    pack.write_bytes(bytes(len(pack.read_bytes())))

    snapshot = snapshots.read(pair.engine, pair.source)[-1]
    with pytest.raises(ResticError, match="What could be restored is in") as caught:
        restore.run(pair.engine, pair.source, snapshot, tmp_path / "out")
    (aside,) = (tmp_path / "out").iterdir()
    assert str(aside) in str(caught.value)
    kept = aside / str(pair.share)[1:]
    assert (kept / "good.bin").read_bytes() == (pair.share / "good.bin").read_bytes()
