"""Runs of a file share job: one point each, and the retention of the first repository."""

import shutil
from datetime import UTC, datetime

import msgspec
import pytest

from tandem.domain.retention import Retention, RetentionUnit
from tandem.domain.sessions import SessionState, SessionType
from tandem.protocol.messages import FileShareConfiguration, PointReport, RepositoryReport, SessionReport
from tandem.restic import backup, forget, listing, restore, snapshots
from tests.agent.backup_server import A_WEEK, HOST, BackupServer, random_bytes
from tests.restic.trees import describe


def test_each_run_saves_one_point_and_tells_the_console(server: BackupServer) -> None:
    sessions = [server.back_up(), server.back_up()]
    assert [session.state for session in sessions] == [SessionState.SUCCESS] * 2
    assert {session.type for session in sessions} == {SessionType.BACKUP}
    held = listing.snapshot_ids(server.first)
    assert len(held) == 2
    assert [entry.snapshot_id for session in sessions for entry in session.plan] == [
        point.snapshot_id for point in server.points()
    ]
    server.agrees()

    kinds = [type(report) for report in server.reports()]
    of_one_run = [SessionReport, PointReport, RepositoryReport, SessionReport]
    assert kinds == of_one_run * 2
    states = [report.session.state for report in server.reports() if isinstance(report, SessionReport)]
    assert states == [SessionState.RUNNING, SessionState.SUCCESS] * 2


def test_a_run_says_what_it_read(server: BackupServer) -> None:
    server.write("a.bin", bytes(1000))
    first = server.back_up().statistics
    assert (first.files_total, first.files_changed, first.files_skipped, first.source_size) == (2, 2, 0, 1006)
    assert first.transferred > 0
    again = server.back_up().statistics
    assert (again.files_total, again.files_changed, again.source_size) == (2, 0, 1006)
    (point, _) = server.points()
    assert (point.size, point.files, point.is_complete) == (1006, 2, True)


def test_retention_takes_the_expired_points_and_no_other(server: BackupServer) -> None:
    server.keep(backup=A_WEEK)
    old = [server.save(days=1), server.save(days=1)]
    young = [server.save(days=3), server.save(days=2)]
    # The oldest is six days old: nothing may go yet.
    assert set(listing.snapshot_ids(server.first)) == {*old, *young}
    server.clock.forward(days=2, seconds=1)
    session = server.back_up()
    assert session.state is SessionState.SUCCESS
    (newest,) = set(listing.snapshot_ids(server.first)) - {*old, *young}
    assert set(listing.snapshot_ids(server.first)) == {*young, newest}
    assert [entry.snapshot_id for entry in session.plan if entry.action == "forget"] == sorted(old)
    assert session.statistics.points_forgotten == 2
    gone = {uid for uid, report in server.reported_points().items() if report.forgotten_at == server.clock.now}
    assert gone == set(old)
    server.agrees()
    server.is_sound()


def test_the_only_point_outlives_its_retention(server: BackupServer) -> None:
    server.keep(backup=Retention(1, RetentionUnit.MINUTES))
    only = server.save()
    server.clock.forward(days=400)
    shutil.rmtree(server.share)
    assert server.back_up().state is SessionState.FAILED
    assert listing.snapshot_ids(server.first) == [only]


def test_a_share_that_is_gone_makes_no_point_and_takes_none(saved: BackupServer) -> None:
    saved.keep(backup=A_WEEK)
    held = set(saved.ids())
    saved.clock.forward(days=30)
    shutil.rmtree(saved.share)
    session = saved.back_up()
    assert session.state is SessionState.FAILED
    assert "is not there; is its disk mounted?" in session.messages[0]
    assert set(listing.snapshot_ids(saved.first)) == held
    assert session.statistics.points_forgotten == 0
    saved.agrees()


def test_a_point_that_lacks_files_is_never_called_complete(server: BackupServer) -> None:
    # Not even root may read "flush" there.
    share = FileShareConfiguration(uid="share", name="Documents", path="/proc/sys/net/ipv4/route")
    server.configure(file_shares=[share])
    session = server.back_up()
    assert session.state is SessionState.WARNING
    assert "incomplete" in session.messages[0]
    assert "/proc/sys/net/ipv4/route/flush" in session.messages[1]
    assert session.statistics.files_skipped == 1
    (point,) = server.points()
    assert not point.is_complete
    assert not server.reported_points()[point.snapshot_id].is_complete


def test_a_share_behind_a_symbolic_link_is_saved_with_its_files(server: BackupServer) -> None:
    link = server.folder / "link"
    link.symlink_to(server.share)
    server.configure(file_shares=[FileShareConfiguration(uid="share", name="Documents", path=str(link))])
    assert server.back_up().statistics.files_total == 1
    assert server.back_up().statistics.files_changed == 0
    newest = snapshots.read(server.engine, server.access(server.first))[-1]
    restore.run(server.engine, server.access(server.first), newest, server.folder / "restored")
    assert (server.folder / "restored" / "hello.txt").read_bytes() == b"hello\n"
    assert len(server.points()) == 2
    server.agrees()


def test_a_point_that_a_crash_left_unknown_is_listed_once(saved: BackupServer) -> None:
    told = len(saved.reported_points())
    # Restic saved it, and then the agent was gone before it could note so.
    left = backup.run(saved.engine, saved.access(saved.first), str(saved.share), host=HOST).snapshot_id
    session = saved.back_up()
    assert session.state is SessionState.SUCCESS
    assert [entry.snapshot_id for entry in session.plan if entry.action == "adopt"] == [left]
    adopted = {point.snapshot_id: point for point in saved.points()}[left]
    assert not adopted.is_complete
    assert len(saved.points()) == 4
    saved.agrees()
    saved.back_up()
    assert len([report for report in saved.reports() if isinstance(report, PointReport)]) == told + 3


def test_points_that_were_there_before_the_job_are_left_alone(server: BackupServer) -> None:
    access = server.access(server.first)
    before = backup.run(server.engine, access, str(server.share), host=HOST).snapshot_id
    later = msgspec.structs.replace(server.backup_job, created_at=datetime.now(UTC))
    server.configure(jobs=[later, server.copy_job])
    of_others = [
        backup.run(server.engine, access, str(server.share), host="laptop").snapshot_id,
        backup.run(server.engine, access, str(server.share.parent / "agent"), host=HOST).snapshot_id,
    ]
    server.keep(backup=Retention(1, RetentionUnit.MINUTES))
    server.clock.forward(days=400)
    own = [server.save(), server.save(days=1)]
    assert set(listing.snapshot_ids(server.first)) == {before, *of_others, own[1]}
    assert [point.snapshot_id for point in server.points()] == [own[1]]


def test_a_point_that_somebody_removed_is_not_listed_any_more(saved: BackupServer) -> None:
    gone, kept = saved.ids()
    forget.run(saved.engine, saved.access(saved.first), [gone])
    session = saved.back_up()
    assert session.state is SessionState.WARNING
    assert "was removed by someone else" in session.messages[0]
    assert saved.reported_points()[gone].forgotten_at is not None
    assert saved.reported_points()[kept].forgotten_at is None
    saved.agrees()
    assert saved.back_up().state is SessionState.SUCCESS


def test_points_that_a_crash_left_half_forgotten_are_forgotten(saved: BackupServer) -> None:
    marked, forgotten = saved.ids()
    kept = saved.save()
    saved.state.mark_points_going("first", [marked, forgotten])
    forget.run(saved.engine, saved.access(saved.first), [forgotten])
    session = saved.back_up()
    assert session.state is SessionState.SUCCESS
    assert kept in listing.snapshot_ids(saved.first)
    assert marked not in listing.snapshot_ids(saved.first)
    reports = [report for report in saved.reports() if isinstance(report, PointReport) and report.forgotten_at]
    assert {report.snapshot_id for report in reports} == {marked, forgotten}
    assert len(reports) == 2
    saved.agrees()


def test_forgetting_gives_the_space_back(server: BackupServer) -> None:
    server.keep(backup=A_WEEK)
    server.save("big.bin", random_bytes("big", size=2_000_000))
    (server.share / "big.bin").unlink()
    used = listing.bytes_used(server.first)
    server.clock.forward(days=8)
    assert server.back_up().state is SessionState.SUCCESS
    assert listing.bytes_used(server.first) < used - 1_900_000
    server.is_sound()


def test_a_little_dead_data_waits_a_week_before_it_is_worth_a_prune(server: BackupServer) -> None:
    server.keep(backup=Retention(1, RetentionUnit.MINUTES))
    server.write("big.bin", random_bytes("big", size=2_000_000))
    for size in (10, 11, 12):
        server.save("small.bin", bytes(size))
    # The first point had added much, the second next to nothing.
    assert server.state.repository("first").oldest_forget == server.clock.now
    server.save("small.bin", bytes(13), days=8)
    assert server.state.repository("first").oldest_forget is None
    server.is_sound()


def test_a_point_restores_to_what_the_share_was(server: BackupServer) -> None:
    server.write("deep/er/Ü mlaut.txt", b"\0\xff")
    (server.share / "link").symlink_to("hello.txt")
    before = describe(server.share)
    point = server.save("hello.txt", b"hello\n")
    (snapshot,) = [each for each in snapshots.read(server.engine, server.access(server.first)) if each.id == point]
    restore.run(server.engine, server.access(server.first), snapshot, server.folder / "restored")
    assert describe(server.folder / "restored").keys() == before.keys()


@pytest.mark.parametrize("damage", ["gone", "unmounted", "another", "password"])
def test_a_repository_that_is_not_the_right_one_is_never_written_to(saved: BackupServer, damage: str) -> None:
    aside = saved.folder / "aside"
    saved.first.rename(aside)
    if damage == "unmounted":
        saved.first.mkdir()
    elif damage == "another":
        shutil.copytree(saved.second, saved.first)
        as_second = msgspec.structs.replace(saved.configuration.repositories[0], password="password of second")
        saved.configure(repositories=[as_second, saved.configuration.repositories[1]])
    elif damage == "password":
        shutil.copytree(saved.second, saved.first)
    before = describe(saved.first) if saved.first.exists() else None
    session = saved.back_up()
    assert session.state is SessionState.FAILED
    assert "disk" in session.messages[0], session.messages
    assert (describe(saved.first) if saved.first.exists() else None) == before

    if saved.first.exists():
        shutil.rmtree(saved.first)
    aside.rename(saved.first)
    saved.configure(
        repositories=[
            msgspec.structs.replace(saved.configuration.repositories[0], password="password of first"),
            saved.configuration.repositories[1],
        ]
    )
    assert saved.back_up().state is SessionState.SUCCESS
    saved.agrees()


def test_the_password_is_nowhere_in_the_agents_memory(saved: BackupServer) -> None:
    saved.state.close()
    files = [path for path in saved.data.rglob("*") if path.is_file()]
    assert any(path.name.endswith("-wal") or path.name == "agent.db" for path in files)
    assert not [path for path in files if b"password of" in path.read_bytes()]
    saved.open()
    assert saved.state.configuration() == saved.configuration
