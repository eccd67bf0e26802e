"""A restore as a session: some files of a point, into a folder that holds others, with what came of it."""

import os
import time
from pathlib import Path

import pytest

from tandem.agent import growth
from tandem.domain.point_files import OverwriteRule
from tandem.domain.sessions import Progress, Session, SessionState
from tandem.protocol.messages import RestorePointTo
from tests.agent.backup_server import BackupServer, until
from tests.agent.faults import damage, packs

BAD_NAME = b"bad\xff.txt"


def restore(
    server: BackupServer, target: Path, *paths: bytes, overwrite: OverwriteRule = OverwriteRule.EMPTY_ONLY
) -> Session:
    """Restore the newest point, or files of it, from the copy; gives the session that it left."""
    before = len(server.ended_sessions())
    order = RestorePointTo(
        session_uid=f"restore {time.monotonic_ns()}",
        file_share_uid="share",
        repository_uid="second",
        snapshot_id=server.copies()[server.ids()[-1]],
        target_path=str(target),
        paths=list(paths),
        overwrite=overwrite,
    )
    assert server.sessions.start_restore(order, server.configuration) == ""
    until(lambda: len(server.ended_sessions()) > before)
    return server.ended_sessions()[-1]


@pytest.fixture
def full(server: BackupServer) -> BackupServer:
    """A backup server whose newest point, copied, holds a name that is no text and a folder."""
    (server.share / os.fsdecode(BAD_NAME)).write_bytes(b"bad")
    server.write("folder/inner.txt", b"inner")
    server.save()
    server.copy()
    return server


def test_some_files_come_back_into_the_share_itself_and_nothing_else_is_touched(full: BackupServer) -> None:
    (full.share / "hello.txt").write_text("spoilt")
    (full.share / "folder" / "inner.txt").unlink()
    (full.share / "later.txt").write_text("later")
    refused = restore(full, full.share, b"hello.txt")
    assert (refused.state, "is not empty" in refused.messages[0]) == (SessionState.FAILED, True)

    session = restore(full, full.share, b"hello.txt", b"folder", BAD_NAME, overwrite=OverwriteRule.IF_DIFFERENT)
    assert session.state is SessionState.SUCCESS, session.messages
    assert (session.statistics.files_total, session.statistics.files_changed) == (3, 2)
    assert "1 stayed as they were" in session.messages[0]
    assert (full.share / "hello.txt").read_bytes() == b"hello\n"
    assert (full.share / "folder" / "inner.txt").read_bytes() == b"inner"
    assert (full.share / "later.txt").read_text() == "later"
    assert not [path for path in full.share.iterdir() if path.name.startswith(".tandem")]


def test_a_restore_that_fails_tells_it_whatever_the_names_are(full: BackupServer) -> None:
    session = restore(full, full.folder / "out", b"missing\xff")
    assert session.state is SessionState.FAILED
    assert "does not hold missing" in session.messages[0]
    session = restore(full, full.folder / "out", b"..", overwrite=OverwriteRule.ALWAYS)
    assert session.state is SessionState.FAILED
    (full.folder / "link").symlink_to(full.share)
    session = restore(full, full.folder / "link", overwrite=OverwriteRule.ALWAYS)
    assert "through a link" in session.messages[0]


def test_a_restore_from_damaged_data_names_the_files_and_the_way_to_have_them(full: BackupServer) -> None:
    full.write("folder/large.bin", os.urandom(50_000))
    full.clock.forward(minutes=1)
    full.back_up()
    full.copy()
    damage(max(packs(full.second), key=lambda pack: pack.stat().st_size))
    session = restore(full, full.folder / "out")
    assert session.state is SessionState.FAILED
    told = session.messages[0]
    assert "could not be restored: folder/large.bin (" in told
    assert "What could be restored is in " in told
    assert 'tandem repositories heal "repository second"' in told
    assert "--from" in told


def test_how_far_a_restore_is_shows_in_what_is_there_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(growth, "PAUSES_PER_LOOK", 0)
    seen: list[Progress] = []
    with growth.watched(tmp_path, 100, seen.append):
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "half").write_bytes(bytes(50))
        until(lambda: seen and seen[-1].bytes_done == 50)
        assert (seen[-1].percent, seen[-1].files_done, seen[-1].bytes_total) == (50.0, 1, 100)
        (tmp_path / "more").write_bytes(bytes(70))
        until(lambda: seen[-1].bytes_done == 120)
        assert seen[-1].percent == growth.PERCENT_MAX
