"""Runs of a copy job: the copy has what its own retention keeps, each point once, whatever happened before."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from threading import Event

import msgspec
import pytest

from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.retention import Retention, RetentionUnit
from tandem.domain.sessions import Session, SessionState
from tandem.protocol.messages import LedgerReport, RepositoryReport
from tandem.restic import backup, copy, forget, listing, restore, snapshots
from tandem.restic.process import RepositoryAccess
from tests.agent.backup_server import A_MONTH, A_WEEK, HOST, BackupServer, random_bytes
from tests.agent.faults import damage, packs
from tests.restic.trees import describe

A_DAY = Retention(1, RetentionUnit.DAYS)
LOCKS = frozenset({"locks"})


def decided(session: Session, action: str) -> list[str]:
    """Give the points that a session decided to do something with."""
    return [entry.snapshot_id for entry in session.plan if entry.action == action]


def with_state(server: BackupServer, state: CopyState) -> set[str]:
    """Give the points whose copies are in a state."""
    return {uid for uid, found in server.states().items() if found is state}


def test_every_point_is_copied_once_and_the_oldest_first(server: BackupServer) -> None:
    points = [server.save() for _ in range(3)]
    session = server.copy()
    assert (session.state, session.statistics.points_copied) == (SessionState.SUCCESS, 3)
    assert decided(session, "copy") == points
    assert set(server.copies()) == set(points)
    reports = [report for report in server.reports() if isinstance(report, LedgerReport)]
    arrivals = [
        entry.source_snapshot_id for report in reports for entry in report.entries if entry.state is CopyState.COPIED
    ]
    assert arrivals == points
    assert session.statistics.transferred > 50_000
    server.agrees()
    server.is_sound()


def test_a_run_with_nothing_to_do_starts_no_restic(server: BackupServer) -> None:
    server.save()
    server.copy()
    reports = len(server.reports())
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert session.statistics.restic_processes == 0
    assert session.plan == []
    assert [type(report) for report in server.reports()[reports:]].count(LedgerReport) == 0
    assert server.copy().statistics.restic_processes == 0


def test_a_copy_says_how_big_it_is_and_when_it_goes(server: BackupServer) -> None:
    point = server.save("big.bin", random_bytes("big", size=300_000))
    server.clock.forward(hours=1)
    server.copy()
    (made,) = server.points()
    entry = server.ledger()[point]
    assert (entry.size, entry.added) == (300_006, made.added)
    assert entry.created_at == made.created_at
    assert entry.copied_at == server.clock.now
    assert entry.expires_at == A_MONTH.expires_at(made.created_at)
    measured = [report for report in server.reports() if isinstance(report, RepositoryReport)][-1]
    assert (measured.repository_uid, measured.used_space) == ("second", listing.bytes_used(server.second))


def test_copies_never_change_the_first_repository(server: BackupServer) -> None:
    server.save()
    server.save()
    before = describe(server.first, but=LOCKS)
    server.copy()
    server.clock.forward(days=60)
    server.copy()
    assert describe(server.first, but=LOCKS) == before


def test_a_shorter_retention_converges_and_nothing_comes_back(server: BackupServer) -> None:
    server.keep(copies=A_DAY)
    points = [server.save(days=1) for _ in range(3)]
    points += [server.save(hours=6) for _ in range(2)]
    for number in range(3):
        session = server.copy()
        assert session.state is SessionState.SUCCESS
        assert decided(session, "copy") == ([] if number else points[2:])
        assert set(server.copies()) == set(points[2:])
        assert with_state(server, CopyState.EXPIRED) == set(points[:2])
        server.agrees()
    assert server.copy().statistics.restic_processes == 0

    # Half a day later two more are over, and they stay away.
    newest = server.save(hours=13)
    for number in range(3):
        session = server.copy()
        assert decided(session, "forget") == ([] if number else points[2:3])
        assert set(server.copies()) == {*points[3:], newest}
    assert set(listing.snapshot_ids(server.first)) == {*points, newest}
    server.agrees()
    server.is_sound()


def test_a_longer_retention_keeps_copies_of_what_the_first_repository_forgot(server: BackupServer) -> None:
    server.keep(backup=A_DAY)
    points = [server.save(hours=12)]
    server.copy()
    for _ in range(4):
        points.append(server.save(hours=12))
        server.copy()
    assert set(listing.snapshot_ids(server.first)) == set(points[-2:])
    assert set(server.copies()) == set(points)
    server.agrees()

    gone = points[0]
    server.clock.forward(days=28)
    server.clock.now = server.ledger()[gone].created_at + (A_MONTH.expires_at(server.clock.now) - server.clock.now)
    session = server.copy()
    assert decided(session, "forget") == [gone]
    assert set(server.copies()) == set(points[1:])
    server.agrees()


def test_a_changed_retention_takes_and_keeps_what_it_says(server: BackupServer) -> None:
    points = [server.save(days=2) for _ in range(5)]
    server.copy()
    server.keep(copies=Retention(5, RetentionUnit.DAYS))
    assert decided(server.copy(), "forget") == points[:2]
    assert server.copy().plan == []
    assert set(server.copies()) == set(points[2:])
    server.keep(copies=A_MONTH)
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert set(server.copies()) == set(points[2:])
    assert with_state(server, CopyState.EXPIRED) == set(points[:2])
    server.agrees()


def test_the_newest_copy_stays_however_old_it_is(server: BackupServer) -> None:
    server.keep(copies=Retention(1, RetentionUnit.MINUTES))
    only = server.save()
    for _ in range(2):
        server.clock.forward(days=400)
        assert server.copy().state is SessionState.SUCCESS
        assert set(server.copies()) == {only}
    newer = server.save()
    server.copy()
    assert set(server.copies()) == {newer}
    server.agrees()


def test_one_damaged_old_pack_does_not_hold_up_the_points_after_it(server: BackupServer) -> None:
    before = packs(server.first)
    bad = server.save("one.bin")
    (pack,) = [path for path in packs(server.first) - before if path.stat().st_size > 10_000]
    whole = damage(pack)
    # The later points do not need what the damaged pack holds, in whatever order restic has put it there.
    for file in server.share.iterdir():
        file.unlink()
    good = [server.save("two.bin"), server.save("three.bin")]

    for number in range(2):
        session = server.copy()
        assert session.state is SessionState.WARNING
        assert set(server.copies()) == set(good)
        assert server.ledger()[bad].state is CopyState.QUARANTINED
        assert "ciphertext verification failed" in server.ledger()[bad].reason
        (message,) = session.messages
        assert "cannot be copied; it is quarantined" in message
        assert decided(session, "retry") == ([bad] if number else [])
        server.agrees()
    server.is_sound_at(server.second)

    pack.write_bytes(whole)
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert set(server.copies()) == {bad, *good}
    server.agrees()
    server.is_sound()


def test_a_copy_that_got_lost_is_made_again_with_a_warning(server: BackupServer) -> None:
    points = [server.save(), server.save()]
    server.copy()
    lost = server.ledger()[points[0]]
    verified = msgspec.structs.replace(lost, state=CopyState.VERIFIED, verified_at=server.clock.now)
    server.state.put_entries("copy", [verified])
    (server.second / "snapshots" / str(lost.target_snapshot_id)).unlink()
    server.clock.forward(days=1)
    session = server.copy()
    assert session.state is SessionState.WARNING
    assert "is gone from the target; it is made again" in session.messages[0]
    assert set(server.copies()) == set(points)
    again = server.ledger()[points[0]]
    # What was known of the lost one does not vouch for this one.
    assert (again.state, again.copied_at, again.verified_at) == (CopyState.COPIED, server.clock.now, None)
    server.agrees()
    server.is_sound()
    assert server.copy().state is SessionState.SUCCESS


def test_a_copy_that_a_crash_left_unnoted_is_not_made_twice(server: BackupServer) -> None:
    points = [server.save(), server.save()]
    entries = [entry_of(server, uid, CopyState.COPYING) for uid in points]
    server.state.put_entries("copy", entries)
    (made,) = server.copy_by_hand(points[0])
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert decided(session, "adopt") == points[:1]
    assert decided(session, "copy") == points[1:]
    assert server.copies()[points[0]] == made
    adopted = server.ledger()[points[0]]
    assert adopted.copied_at == server.clock.now
    assert adopted.size == server.points()[0].size > 0
    assert adopted.expires_at == A_MONTH.expires_at(adopted.created_at)
    server.agrees()


def test_a_copy_made_by_hand_before_the_first_run_is_taken_over(server: BackupServer) -> None:
    points = [server.save(), server.save()]
    server.copy_by_hand(*points)
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert set(decided(session, "adopt")) == set(points)
    assert set(server.copies()) == set(points)
    server.agrees()


def test_an_expired_copy_that_a_crash_left_there_is_forgotten(server: BackupServer) -> None:
    points = [server.save(), server.save()]
    server.copy()
    expired = msgspec.structs.replace(server.ledger()[points[0]], state=CopyState.EXPIRED, reason="Older.")
    server.state.put_entries("copy", [expired])
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert session.statistics.points_forgotten == 1
    assert set(server.copies()) == set(points[1:])
    assert server.ledger()[points[0]].target_snapshot_id is None
    assert server.copy().statistics.restic_processes == 0


def test_points_of_others_in_the_target_are_left_alone(server: BackupServer) -> None:
    server.keep(copies=Retention(1, RetentionUnit.MINUTES))
    access = server.access(server.second)
    foreign = [
        backup.run(server.engine, access, str(server.share), host=HOST).snapshot_id,
        backup.run(server.engine, access, str(server.share), host="laptop").snapshot_id,
    ]
    points = [server.save(), server.save(days=400)]
    for _ in range(2):
        assert server.copy().state is SessionState.SUCCESS
    held = {snapshot.id: snapshot.original for snapshot in snapshots.read(server.engine, access)}
    assert {uid for uid, original in held.items() if original is None} == set(foreign)
    assert {original for original in held.values() if original} == set(points[1:])


@pytest.mark.parametrize("side", ["first", "second"])
def test_a_label_that_somebody_puts_on_points_copies_nothing_again(server: BackupServer, side: str) -> None:
    points = [server.save(), server.save()]
    server.copy()
    tag(server.access(server.folder / side), "important")
    session = server.copy()
    assert session.statistics.points_copied == 0
    assert decided(session, "copy") == []
    assert set(server.copies()) == set(points)
    held = {entry.target_snapshot_id for entry in server.ledger().values() if entry.state.is_held}
    assert held == set(listing.snapshot_ids(server.second))
    # Nothing is gone, so nothing is said to be.
    assert (session.state, session.messages) == (SessionState.SUCCESS, [])
    server.is_sound()


def test_a_point_that_goes_before_it_is_copied_is_let_go(server: BackupServer) -> None:
    bad, good = server.save("one.bin"), server.save("two.bin")
    server.state.put_entries("copy", [entry_of(server, bad, CopyState.QUARANTINED)])
    forget.run(server.engine, server.access(server.first), [bad])
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert server.states() == {bad: CopyState.EXPIRED, good: CopyState.COPIED}
    assert "Gone from the first repository" in server.ledger()[bad].reason


def test_a_point_that_goes_while_it_is_copied_is_let_go(server: BackupServer, monkeypatch: pytest.MonkeyPatch) -> None:
    going, staying = server.save(), server.save()
    note = server.state.put_entries

    def forget_it_now(job_uid: str, entries: Iterable[LedgerEntry]) -> None:
        entries = list(entries)
        if {entry.state for entry in entries} == {CopyState.COPYING}:
            forget.run(server.engine, server.access(server.first), [going])
        note(job_uid, entries)

    monkeypatch.setattr(server.state, "put_entries", forget_it_now)
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert server.states() == {going: CopyState.EXPIRED, staying: CopyState.COPIED}
    assert set(server.copies()) == {staying}


def test_a_second_repository_that_is_gone_is_never_made_anew(server: BackupServer) -> None:
    points = [server.save(), server.save()]
    server.copy()
    aside = server.folder / "aside"
    server.second.rename(aside)
    session = server.copy()
    assert session.state is SessionState.FAILED
    assert "Check that its disk is mounted" in session.messages[0]
    assert not server.second.exists()
    assert with_state(server, CopyState.COPIED) == set(points)

    # An empty disk in the place of the right one.
    server.second.mkdir()
    assert server.copy().state is SessionState.FAILED
    assert list(server.second.iterdir()) == []
    server.second.rmdir()

    aside.rename(server.second)
    session = server.copy()
    assert (session.state, session.statistics.restic_processes) == (SessionState.SUCCESS, 0)


@pytest.mark.parametrize("side", ["first", "second"])
def test_another_repository_in_the_place_of_the_right_one_is_refused(server: BackupServer, side: str) -> None:
    server.save()
    server.copy()
    server.save()
    place, other = server.folder / side, server.folder / ("second" if side == "first" else "first")
    place.rename(server.folder / "aside")
    subprocess.run(["cp", "-a", other, place], check=True)
    known = server.configuration.repositories
    server.configure(
        repositories=[
            msgspec.structs.replace(each, password=f"password of {other.name}") if each.uid == side else each
            for each in known
        ]
    )
    before = describe(place), server.states()
    session = server.copy()
    assert session.state is SessionState.FAILED
    assert "holds another repository" in session.messages[0]
    assert "is the right disk mounted?" in session.messages[0]
    assert (describe(place), server.states()) == before


def test_a_copy_job_whose_source_job_is_gone_fails_and_says_so(server: BackupServer) -> None:
    server.save()
    server.configure(jobs=[server.backup_job, msgspec.structs.replace(server.copy_job, source_job_uid="gone")])
    session = server.copy()
    assert session.state is SessionState.FAILED
    assert "source job" in session.messages[0]


def test_a_stopped_copy_goes_on_from_what_it_had_done(server: BackupServer, monkeypatch: pytest.MonkeyPatch) -> None:
    points = [server.save() for _ in range(3)]
    commit = server.state.put_entries
    stops: list[str] = []

    def stop_after_the_first(job_uid: str, entries: Iterable[LedgerEntry]) -> None:
        entries = list(entries)
        commit(job_uid, entries)
        if not stops and entries[0].state is CopyState.COPIED:
            stops.append(server.sessions.stop_job(job_uid))

    monkeypatch.setattr(server.state, "put_entries", stop_after_the_first)
    session = server.copy()
    assert stops == [""]
    assert session.state is SessionState.FAILED
    assert "stopped on request; the next run goes on from what was done" in session.messages[0]
    assert points[0] in with_state(server, CopyState.COPIED)
    assert listing.lock_ids(server.first) == listing.lock_ids(server.second) == []
    session = server.copy()
    assert session.state is SessionState.SUCCESS
    assert set(server.copies()) == set(points)
    server.agrees()
    server.is_sound()


def test_a_stop_before_restic_runs_starts_nothing(server: BackupServer) -> None:
    server.save()
    run = server.run()
    stopped = Event()
    stopped.set()
    stopping = server.processes.control(stopped, lambda: None)
    with pytest.raises(Exception, match="Stopped before"):
        copy.run(
            server.engine,
            server.access(server.first),
            server.access(server.second),
            listing.snapshot_ids(server.first),
            control=stopping,
        )
    assert run.messages == []
    assert server.copies() == {}


def test_a_copy_restores_to_what_the_share_was(server: BackupServer) -> None:
    server.write("deep/er/notes.txt", b"\0\xff" * 1000)
    (server.share / "link").symlink_to("hello.txt")
    server.save()
    before = describe(server.share)
    server.copy()
    (snapshot,) = snapshots.read(server.engine, server.access(server.second))
    restore.run(server.engine, server.access(server.second), snapshot, server.folder / "restored")
    assert describe(server.folder / "restored") == before


def test_damage_of_one_copy_job_is_not_another_ones(server: BackupServer, tmp_path: Path) -> None:
    server.save()
    elsewhere = msgspec.structs.replace(
        server.copy_job, uid="third", unique_uid="unique third", target_repository_uid="nowhere"
    )
    server.configure(jobs=[server.backup_job, server.copy_job, elsewhere])
    assert server.run_job(elsewhere).state is SessionState.FAILED
    assert server.copy().state is SessionState.SUCCESS
    assert not (tmp_path / "nowhere").exists()
    server.agrees()


def tag(access: RepositoryAccess, label: str) -> None:
    """Label every point, as somebody might by hand."""
    environment = {"RESTIC_PASSWORD": access.password, "PATH": "/usr/local/bin:/usr/bin:/bin"}
    command = ["restic", "--repo", access.location, "--no-cache", "tag", "--add", label]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def entry_of(server: BackupServer, snapshot_id: str, state: CopyState) -> LedgerEntry:
    """Make the entry that a run leaves before it has copied a point."""
    (point,) = [found for found in server.points() if found.snapshot_id == snapshot_id]
    return LedgerEntry(
        source_snapshot_id=snapshot_id,
        created_at=point.created_at,
        state=state,
        reason="Being copied.",
        expires_at=A_MONTH.expires_at(point.created_at),
    )


def test_a_week_old_copy_is_pruned_with_its_points(server: BackupServer) -> None:
    server.keep(copies=A_WEEK)
    server.save("big.bin", random_bytes("big", size=2_000_000))
    (server.share / "big.bin").unlink()
    server.save()
    server.copy()
    used = listing.bytes_used(server.second)
    server.save(days=7)
    assert server.copy().state is SessionState.SUCCESS
    assert listing.bytes_used(server.second) < used - 1_900_000
    server.is_sound()
