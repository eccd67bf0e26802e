"""Disks that are full or fail: nobody is blamed who is not to blame, and the next run goes on."""

import contextlib
import sqlite3
from collections.abc import Iterator

import pytest

from tandem.domain.repositories import RepositoryState
from tandem.domain.restore_points import CopyState
from tandem.domain.retention import Retention, RetentionUnit
from tandem.domain.sessions import SessionState
from tandem.protocol.messages import Report, RepositoryReport, SessionReport
from tandem.restic import listing
from tests.agent.backup_server import BackupServer, nothing, random_bytes, until
from tests.agent.faults import SmallDisk, faulty
from tests.restic.trees import describe

BIG = 1_500_000
REPORT = RepositoryReport(repository_uid="first", state=RepositoryState.READY, failure="x" * 500)
A_DAY = Retention(1, RetentionUnit.DAYS)


@pytest.fixture
def target_disk(server: BackupServer) -> Iterator[SmallDisk]:
    """The small disk that the second repository is on."""
    disk = SmallDisk(server, server.second, "copy")
    yield disk
    disk.close()


@pytest.fixture
def source_disk(server: BackupServer) -> Iterator[SmallDisk]:
    """The small disk that the first repository is on."""
    disk = SmallDisk(server, server.first, "backup")
    yield disk
    disk.close()


def save_big(server: BackupServer, name: str, **later: float) -> str:
    """Save a point that holds much which no other holds."""
    point = server.save(name, random_bytes(name, size=BIG), **later)
    (server.share / name).unlink()
    return point


def test_a_full_target_fails_the_copy_in_plain_words_and_the_next_run_goes_on(
    server: BackupServer, target_disk: SmallDisk
) -> None:
    points = [save_big(server, "one.bin"), save_big(server, "two.bin")]
    before = describe(server.first, but=frozenset({"locks"}))
    target_disk.fill(left=BIG + 500_000)
    for _ in range(2):
        session = server.copy()
        assert session.state is SessionState.FAILED
        assert "The target repository cannot be written" in session.messages[-1]
        assert "no space left on device" in session.messages[-1]
        assert CopyState.QUARANTINED not in server.states().values()
        assert listing.lock_ids(server.first) == listing.lock_ids(server.second) == []
        assert set(server.copies()) <= {points[0]}
        server.agrees()

    target_disk.free()
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert set(server.copies()) == set(points)
    assert describe(server.first, but=frozenset({"locks"})) == before
    server.agrees()
    server.is_sound()


def test_a_full_target_frees_what_retention_takes_anyway(server: BackupServer, target_disk: SmallDisk) -> None:
    server.keep(copies=A_DAY)
    old, small = save_big(server, "old.bin"), server.save()
    server.copy()
    new = save_big(server, "new.bin", days=2)
    target_disk.fill(left=500_000)
    session = server.copy()
    assert session.state is SessionState.FAILED
    assert "no space left on device" in session.messages[-1]
    assert set(server.copies()) == {small}
    assert server.states()[old] is CopyState.EXPIRED
    server.agrees()

    target_disk.is_freed()
    session = server.copy()
    assert session.state is SessionState.SUCCESS, session.messages
    assert set(server.copies()) == {new}
    server.agrees()
    server.is_sound()


def test_a_full_first_repository_frees_what_retention_takes_anyway(
    server: BackupServer, source_disk: SmallDisk
) -> None:
    server.keep(backup=A_DAY)
    old, small = save_big(server, "old.bin"), server.save()
    server.clock.forward(days=2)
    server.write("new.bin", random_bytes("new", size=BIG))
    source_disk.fill(left=500_000)
    session = server.back_up()
    assert session.state is SessionState.FAILED
    assert "The repository cannot be written" in session.messages[-1]
    assert "no space left on device" in session.messages[-1]
    assert old not in listing.snapshot_ids(server.first)
    assert small in listing.snapshot_ids(server.first)
    server.agrees()

    source_disk.is_freed()
    session = server.back_up()
    assert session.state is SessionState.SUCCESS, session.messages
    assert small not in listing.snapshot_ids(server.first)
    server.agrees()
    server.is_sound()


def test_a_bad_sector_at_the_source_is_not_taken_for_a_bad_target(saved: BackupServer) -> None:
    bad, good = saved.ids()
    words = f"read {saved.first}/data/03/0374: input/output error\nReadFull\n"
    engine, sector = faulty(saved.engine, saved.folder, words=words, when=f'*" copy "*{bad}*')
    saved.restart(engine)
    session = saved.copy()
    assert session.state is SessionState.WARNING
    assert saved.states() == {bad: CopyState.QUARANTINED, good: CopyState.COPIED}
    sector.unlink()
    assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.copies()) == {bad, good}


def test_a_bad_sector_at_the_target_puts_no_point_in_quarantine(saved: BackupServer) -> None:
    points = set(saved.ids())
    words = f"write {saved.second}/data/03/0374-tmp-1: input/output error\n"
    engine, sector = faulty(saved.engine, saved.folder, words=words, when='*" copy "*')
    saved.restart(engine)
    session = saved.copy()
    assert session.state is SessionState.FAILED
    assert "The target repository cannot be written" in session.messages[-1]
    assert CopyState.QUARANTINED not in saved.states().values()
    sector.unlink()
    assert saved.copy().state is SessionState.SUCCESS
    assert set(saved.copies()) == points


def test_an_agent_whose_own_disk_is_full_says_what_it_did_once_it_can(
    saved: BackupServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved.write("notes.txt", random_bytes("more"))
    database = saved.state._database  # pyright: ignore[reportPrivateUsage]
    add_report = saved.state.add_report
    refused: list[type[Report]] = []

    def add_if_possible(report: Report) -> None:
        try:
            add_report(report)
        except sqlite3.OperationalError:
            refused.append(type(report))
            raise

    def fill() -> None:
        saved.on_news = nothing
        (pages,) = database.execute("pragma page_count").fetchone()
        database.execute(f"pragma max_page_count={pages}")
        with contextlib.suppress(sqlite3.OperationalError):
            while True:
                add_report(REPORT)
        monkeypatch.setattr(saved.state, "add_report", add_if_possible)

    saved.on_news = fill
    assert saved.sessions.start_job(saved.backup_job, saved.configuration) == ""
    until(lambda: SessionReport in refused)
    # What does not write goes on.
    assert len(saved.points()) == 2
    assert saved.sessions.is_running("backup")

    database.execute("pragma max_page_count=1000000")
    until(lambda: not saved.sessions.is_running("backup"))
    session = saved.ended_sessions()[-1]
    assert session.state is SessionState.FAILED
    assert "database or disk is full" in session.messages[-1]
    assert saved.back_up().state is SessionState.SUCCESS
    assert len(saved.points()) == len(listing.snapshot_ids(saved.first)) >= 3
    saved.agrees()


def test_a_job_that_could_not_be_noted_can_be_started_later(server: BackupServer) -> None:
    server.state._database.execute("pragma query_only=1")  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(sqlite3.OperationalError):
        server.sessions.start_job(server.backup_job, server.configuration)
    assert not server.sessions.is_running("backup")
    server.state._database.execute("pragma query_only=0")  # pyright: ignore[reportPrivateUsage]
    assert server.back_up().state is SessionState.SUCCESS
