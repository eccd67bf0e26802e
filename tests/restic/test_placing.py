"""What is restored goes where it was asked for and nowhere else, and replaces only what it may."""

import os
from pathlib import Path

import pytest

from tandem.domain.point_files import OverwriteRule
from tandem.restic import restore
from tandem.restic.errors import ResticError
from tandem.restic.placing import Placing
from tests.restic.conftest import Pair
from tests.restic.test_restores import only_point

OLD, NEW = 1_000_000_000, 2_000_000_000


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """What was restored: files older and newer than those that are there, one that is the same, and a folder."""
    made = tmp_path / "content"
    (made / "folder" / "deep").mkdir(parents=True)
    for name, text, changed in (("old", "point", OLD), ("new", "point", NEW), ("same", "both", NEW)):
        (made / name).write_text(text)
        os.utime(made / name, (changed, changed))
    (made / "folder" / "deep" / "inner").write_text("point")
    (made / "missing").write_text("point")
    return made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where it goes; there are other files already."""
    made = tmp_path / "target"
    (made / "folder" / "deep").mkdir(parents=True)
    for name, text in (("old", "mine"), ("new", "mine"), ("same", "both"), ("own", "mine")):
        (made / name).write_text(text)
        os.utime(made / name, (OLD + 1, OLD + 1))
    (made / "folder" / "deep" / "inner").write_text("mine")
    os.utime(made / "folder" / "deep" / "inner", (OLD, OLD))
    return made


@pytest.mark.parametrize(
    ("rule", "replaced", "kept"),
    [
        (OverwriteRule.NEVER, set[str](), 4),
        (OverwriteRule.EMPTY_ONLY, set[str](), 4),
        (OverwriteRule.IF_NEWER, {"new", "same", "folder/deep/inner"}, 1),
        (OverwriteRule.IF_DIFFERENT, {"old", "new", "folder/deep/inner"}, 1),
        (OverwriteRule.ALWAYS, {"old", "new", "same", "folder/deep/inner"}, 0),
    ],
)
def test_only_what_the_rule_lets_go_is_replaced(
    content: Path, target: Path, rule: OverwriteRule, replaced: set[str], kept: int
) -> None:
    names = ("old", "new", "same", "folder/deep/inner")
    before = {name: (target / name).stat().st_ino for name in names}
    placing = Placing(rule)
    placing.place(content, target)
    assert {name for name in names if (target / name).stat().st_ino != before[name]} == replaced
    assert placing.kept == kept
    assert (target / "missing").read_text() == "point"
    assert (target / "own").read_text() == "mine"


@pytest.mark.parametrize("rule", list(OverwriteRule))
def test_nothing_is_written_through_a_link_that_is_there(content: Path, tmp_path: Path, rule: OverwriteRule) -> None:
    outside = tmp_path / "outside"
    (outside / "deep").mkdir(parents=True)
    (outside / "old").write_text("outside")
    target = tmp_path / "target"
    target.mkdir()
    (target / "folder").symlink_to(outside)
    (target / "old").symlink_to(outside / "old")
    (target / "new").symlink_to(outside / "new")
    Placing(rule).place(content, target)
    assert sorted(path.name for path in outside.rglob("*")) == ["deep", "old"]
    assert (outside / "old").read_text() == "outside"
    if rule is OverwriteRule.ALWAYS:
        assert (target / "folder" / "deep" / "inner").read_text() == "point"
        assert not (target / "old").is_symlink()
    if rule is OverwriteRule.NEVER:
        assert (target / "folder").is_symlink()


def test_a_target_that_became_a_link_is_not_entered(content: Path, target: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(target)
    with pytest.raises(ResticError):
        Placing(OverwriteRule.ALWAYS).place(content, tmp_path / "link")
    assert (target / "old").read_text() == "mine"


def test_a_folder_in_a_files_way_stops_all_before_anything_is_changed(content: Path, target: Path) -> None:
    (target / "old").unlink()
    (target / "old").mkdir()
    with pytest.raises(ResticError, match="move it away"):
        Placing(OverwriteRule.ALWAYS).place(content, target)
    assert (target / "new").read_text() == "mine"
    Placing(OverwriteRule.NEVER).place(content, target)
    assert (target / "old").is_dir()


def test_links_of_a_point_stay_links_and_lead_nowhere_while_it_is_restored(pair: Pair, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine.txt").write_text("mine")
    (pair.share / "absolute").symlink_to(outside)
    (pair.share / "upwards").symlink_to("../../outside")
    os.link(pair.share / "hello.txt", pair.share / "hard.txt")
    pair.save()
    out = tmp_path / "out"
    # Left by a crash or put there by somebody: it is taken away, not followed.
    out.mkdir()
    restore.staging_folder(out, only_point(pair).id).symlink_to(outside)
    placed = restore.run(pair.engine, pair.source, only_point(pair), out, overwrite=OverwriteRule.NEVER)
    assert (placed.files, placed.kept) == (5, 0)
    assert (out / "absolute").readlink() == outside
    assert (out / "upwards").is_symlink()
    assert (out / "hard.txt").samefile(out / "hello.txt")
    assert [path.name for path in outside.iterdir()] == ["mine.txt"]


def test_a_point_whose_share_is_reached_through_a_link_takes_nothing_from_where_it_leads(
    pair: Pair, tmp_path: Path
) -> None:
    # As a crafted point would have it: the share's parent is a link to a folder of this machine.
    outside = tmp_path / "outside"
    (outside / "share").mkdir(parents=True)
    (outside / "share" / "mine.txt").write_text("mine")
    (pair.share / "srv").symlink_to(outside)
    pair.save()
    snapshot = only_point(pair)
    crafted = type(snapshot)(snapshot.id, snapshot.time, snapshot.tree, paths=(f"{pair.share}/srv/share",))
    restore.run(pair.engine, pair.source, crafted, tmp_path / "out")
    assert (outside / "share" / "mine.txt").read_text() == "mine"
    assert not (tmp_path / "out" / "mine.txt").exists()


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "/etc/passwd", "a//b", "", "."])
def test_paths_that_lead_out_of_the_share_are_refused(pair: Pair, tmp_path: Path, path: str) -> None:
    pair.save()
    with pytest.raises(ValueError, match="not a path within the share"):
        restore.run(pair.engine, pair.source, only_point(pair), tmp_path / "out", include=[path])
