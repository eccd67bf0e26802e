"""Runs of a copy job: the copy has what its own retention keeps, each point once, whatever happened before."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from threading import Event

import msgspec
import pytest

from tandem.domain.limits import Limits
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.retention import Retention, RetentionUnit
from tandem.domain.sessions import Session, SessionState
from tandem.protocol.messages import LedgerReport, RepositoryReport
from tandem.restic import backup, copy, forget, listing, restore, snapshots
from tandem.restic.process import RepositoryAccess
from tests.agent.backup_server import A_MONTH, A_WEEK, HOST, BackupServer, random_bytes
from tests.agent.faults import damage, packs
from tests.agent.test_runs import limit
from tests.restic.trees import describe

A_DAY = Retention(1, RetentionUnit.DAYS)
LOCKS = frozenset({"locks"})


def decided(session: Session, action: str) -> list[str]:
    """Give the points that a session decided to do something with."""
    return [entry.snapshot_id for entry in session.plan if entry.action == action]


def with_state(server: BackupServer, state: CopyState) -> set[str]:
    """Give the points whose copies are in a state."""
    return {uid for uid, found in server.states().items() if found is state}


def test_every_point_is_copied_once_and_the_oldest_first(saved: BackupServer) -> None:
    points = saved.ids()
    session = saved.copy()
    assert (session.state, session.statistics.points_copied) == (SessionState.SUCCESS, 2)
    assert decided(session, "copy") == points
    assert set(saved.copies()) == set(points)
    reports = [report for report in saved.reports() if isinstance(report, LedgerReport)]
    arrivals = [
        entry.source_snapshot_id for report in reports for entry in report.entries if entry.state is CopyState.COPIED
    ]
    # Said as each arrives, and once more with what copying them wrote.
    assert list(dict.fromkeys(arrivals)) == points
    assert sum(entry.added for entry in saved.ledger().values()) == session.statistics.transferred
    assert session.statistics.transferred > 40_000
    saved.agrees()
    saved.is_sound()


def test_a_run_with_nothing_to_do_starts_no_restic(copied: BackupServer) -> None:
    reports = len(copied.reports())
    session = copied.copy()
    assert session.state is SessionState.SUCCESS
    assert session.statistics.restic_processes == 0
    assert session.plan == []
    assert [type(report) for report in copied.reports()[reports:]].count(LedgerReport) == 0
    assert copied.copy().statistics.restic_processes == 0


def test_a_copy_says_how_big_it_is_and_when_it_goes(server: BackupServer) -> None:
    point = server.save("big.bin", random_bytes("big", size=300_000))
    server.clock.forward(hours=1)
    session = server.copy()
    (made,) = server.points()
    entry = server.ledger()[point]
    assert (entry.size, entry.added) == (300_006, session.statistics.transferred)
    assert entry.created_at == made.created_at
    assert entry.copied_at == server.clock.now
    assert entry.expires_at == A_MONTH.expires_at(made.created_at)
    measured = [report for report in server.reports() if isinstance(report, RepositoryReport)][-1]
    assert (measured.repository_uid, measured.used_space) == ("second", listing.bytes_used(server.second))


def test_a_run_walks_over_all_files_only_before_and_after_it_writes_and_never_over_the_first_repositorys(
    saved: BackupServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks: list[Path] = []
    measure = listing.bytes_used

    def counted(folder: Path) -> int:
        walks.append(folder)
        return measure(folder)

    monkeypatch.setattr(listing, "bytes_used", counted)
    assert saved.copy().statistics.transferred > 40_000
    assert walks == [saved.second] * 2
    walks.clear()
    assert saved.copy().statistics.restic_processes == 0
    assert walks == [saved.second]


def test_what_somebody_else_wrote_between_runs_is_in_the_size_that_is_told_and_counts_as_nobodys_copy(
    copied: BackupServer,
) -> None:
    (copied.second / "data" / "left by somebody").write_bytes(b"x" * 100_000)
    session = copied.copy()
    assert (session.statistics.restic_processes, session.statistics.transferred) == (0, 0)
    told = [report for report in copied.reports() if isinstance(report, RepositoryReport)][-1]
    assert told.used_space == listing.bytes_used(copied.second)
    (copied.second / "data" / "left by somebody").unlink()
    asked = copied.repositories.collect(copied.configuration.repositories[1], copied.run().control)
    assert asked is not None
    assert asked.used_space == listing.bytes_used(copied.second)


def test_copies_never_change_the_first_repository(saved: BackupServer) -> None:
    before = describe(saved.first, but=LOCKS)
    saved.copy()
    saved.clock.forward(days=60)
    saved.copy()
    assert describe(saved.first, but=LOCKS) == before


def test_a_shorter_retention_converges_and_nothing_comes_back(saved: BackupServer) -> None:
    saved.keep(copies=A_DAY)
    old = saved.ids()
    young = [saved.save(days=1, minutes=2), saved.save(hours=12)]
    for number in range(2):
        session = saved.copy()
        assert session.state is SessionState.SUCCESS
        assert decided(session, "copy") == ([] if number else young)
        assert session.statistics.points_copied == (0 if number else 2)
        assert set(saved.copies()) == set(young)
        assert with_state(saved, CopyState.EXPIRED) == set(old)
    saved.agrees()
    assert saved.copy().statistics.restic_processes == 0

    # Half a day later another is over, and it stays away.
    newest = saved.save(hours=13)
    for number in range(3):
        session = saved.copy()
        assert decided(session, "forget") == ([] if number else young[:1])
        assert set(saved.copies()) == {young[1], newest}
    assert set(listing.snapshot_ids(saved.first)) == {*old, *young, newest}
    saved.agrees()
    saved.is_sound()


def test_a_longer_retention_keeps_copies_of_what_the_first_repository_forgot(copied: BackupServer) -> None:
    copied.keep(backup=A_DAY)
    old = copied.ids()
    young = copied.save(days=1)
    copied.copy()
    assert listing.snapshot_ids(copied.first) == [young]
    assert set(copied.copies()) == {*old, young}
    copied.agrees()

    copied.clock.now = A_MONTH.expires_at(copied.ledger()[old[0]].created_at)
    session = copied.copy()
    assert decided(session, "forget") == old[:1]
    assert set(copied.copies()) == {old[1], young}
    copied.agrees()


def test_a_changed_retention_takes_and_keeps_what_it_says(copied: BackupServer) -> None:
    old = copied.ids()
    copied.clock.forward(days=2)
    young = copied.save()
    copied.copy()
    copied.keep(copies=Retention(2, RetentionUnit.DAYS))
    assert decided(copied.copy(), "forget") == old
    assert copied.copy().plan == []
    assert set(copied.copies()) == {young}
    copied.keep(copies=A_MONTH)
    session = copied.copy()
    assert (session.state, session.plan) == (SessionState.SUCCESS, [])
    assert set(copied.copies()) == {young}
    assert with_state(copied, CopyState.EXPIRED) == set(old)
    copied.agrees()


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


def test_a_copy_that_got_lost_is_made_again_with_a_warning(copied: BackupServer) -> None:
    points = copied.ids()
    lost = copied.ledger()[points[0]]
    verified = msgspec.structs.replace(lost, state=CopyState.VERIFIED, verified_at=copied.clock.now)
    copied.state.put_entries("copy", [verified])
    (copied.second / "snapshots" / str(lost.target_snapshot_id)).unlink()
    copied.clock.forward(days=1)
    session = copied.copy()
    assert session.state is SessionState.WARNING
    assert "is gone from the target; it is made again" in session.messages[0]
    assert set(copied.copies()) == set(points)
    again = copied.ledger()[points[0]]
    # What was known of the lost one does not vouch for this one.
    assert (again.state, again.copied_at, again.verified_at) == (CopyState.COPIED, copied.clock.now, None)
    copied.agrees()
    copied.is_sound()
    assert copied.copy().state is SessionState.SUCCESS


def test_a_copy_that_a_crash_left_unnoted_is_not_made_twice(saved: BackupServer) -> None:
    points = saved.ids()
    entries = [entry_of(saved, uid, CopyState.COPYING) for uid in points]
    saved.state.put_entries("copy", entries)
    (made,) = saved.copy_by_hand(points[0])
    session = saved.copy()
    assert session.state is SessionState.SUCCESS
    assert decided(session, "adopt") == points[:1]
    assert decided(session, "copy") == points[1:]
    assert saved.copies()[points[0]] == made
    adopted = saved.ledger()[points[0]]
    assert adopted.copied_at == saved.clock.now
    assert adopted.size == saved.points()[0].size > 0
    assert adopted.expires_at == A_MONTH.expires_at(adopted.created_at)
    saved.agrees()


def test_a_copy_made_by_hand_before_the_first_run_is_taken_over(saved: BackupServer) -> None:
    points = saved.ids()
    saved.copy_by_hand(*points)
    session = saved.copy()
    assert session.state is SessionState.SUCCESS
    assert set(decided(session, "adopt")) == set(points)
    assert set(saved.copies()) == set(points)
    saved.agrees()


def test_an_expired_copy_that_a_crash_left_there_is_forgotten(copied: BackupServer) -> None:
    points = copied.ids()
    expired = msgspec.structs.replace(copied.ledger()[points[0]], state=CopyState.EXPIRED, reason="Older.")
    copied.state.put_entries("copy", [expired])
    session = copied.copy()
    assert session.state is SessionState.SUCCESS
    assert session.statistics.points_forgotten == 1
    assert set(copied.copies()) == set(points[1:])
    assert copied.ledger()[points[0]].target_snapshot_id is None
    assert copied.copy().statistics.restic_processes == 0


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
def test_a_label_that_somebody_puts_on_points_copies_nothing_again(copied: BackupServer, side: str) -> None:
    points = copied.ids()
    tag(copied.access(copied.folder / side), "important")
    session = copied.copy()
    assert session.statistics.points_copied == 0
    assert decided(session, "copy") == []
    assert set(copied.copies()) == set(points)
    held = {entry.target_snapshot_id for entry in copied.ledger().values() if entry.state.is_held}
    assert held == set(listing.snapshot_ids(copied.second))
    # Nothing is gone, so nothing is said to be.
    assert (session.state, session.messages) == (SessionState.SUCCESS, [])
    copied.is_sound()


def test_a_point_that_goes_before_it_is_copied_is_let_go(saved: BackupServer) -> None:
    bad, good = saved.ids()
    saved.state.put_entries("copy", [entry_of(saved, bad, CopyState.QUARANTINED)])
    forget.run(saved.engine, saved.access(saved.first), [bad])
    session = saved.copy()
    assert session.state is SessionState.SUCCESS
    assert saved.states() == {bad: CopyState.EXPIRED, good: CopyState.COPIED}
    assert "Gone from the first repository" in saved.ledger()[bad].reason


def test_a_point_that_goes_while_it_is_copied_is_let_go(saved: BackupServer, monkeypatch: pytest.MonkeyPatch) -> None:
    going, staying = saved.ids()
    note = saved.state.put_entries

    def forget_it_now(job_uid: str, entries: Iterable[LedgerEntry]) -> None:
        entries = list(entries)
        if {entry.state for entry in entries} == {CopyState.COPYING}:
            forget.run(saved.engine, saved.access(saved.first), [going])
        note(job_uid, entries)

    monkeypatch.setattr(saved.state, "put_entries", forget_it_now)
    session = saved.copy()
    assert session.state is SessionState.SUCCESS
    assert saved.states() == {going: CopyState.EXPIRED, staying: CopyState.COPIED}
    assert set(saved.copies()) == {staying}


def test_a_second_repository_that_is_gone_is_never_made_anew(copied: BackupServer) -> None:
    points = copied.ids()
    aside = copied.folder / "aside"
    copied.second.rename(aside)
    session = copied.copy()
    assert session.state is SessionState.FAILED
    assert "Check that its disk is mounted" in session.messages[0]
    assert not copied.second.exists()
    assert with_state(copied, CopyState.COPIED) == set(points)

    # An empty disk in the place of the right one.
    copied.second.mkdir()
    assert copied.copy().state is SessionState.FAILED
    assert list(copied.second.iterdir()) == []
    copied.second.rmdir()

    aside.rename(copied.second)
    # The first run that finds it again has restic open it.
    for processes in (1, 0):
        session = copied.copy()
        assert (session.state, session.statistics.restic_processes) == (SessionState.SUCCESS, processes)


@pytest.mark.parametrize("side", ["first", "second"])
def test_another_repository_in_the_place_of_the_right_one_is_refused(copied: BackupServer, side: str) -> None:
    copied.save()
    place, other = copied.folder / side, copied.folder / ("second" if side == "first" else "first")
    place.rename(copied.folder / "aside")
    subprocess.run(["cp", "-a", other, place], check=True)
    known = copied.configuration.repositories
    copied.configure(
        repositories=[
            msgspec.structs.replace(each, password=f"password of {other.name}") if each.uid == side else each
            for each in known
        ]
    )
    before = describe(place), copied.states()
    session = copied.copy()
    assert session.state is SessionState.FAILED
    assert "holds another repository" in session.messages[0]
    assert "is the right disk mounted?" in session.messages[0]
    assert (describe(place), copied.states()) == before


def test_a_copy_job_whose_source_job_is_gone_fails_and_says_so(saved: BackupServer) -> None:
    saved.configure(jobs=[saved.backup_job, msgspec.structs.replace(saved.copy_job, source_job_uid="gone")])
    session = saved.copy()
    assert session.state is SessionState.FAILED
    assert "source job" in session.messages[0]


def test_a_stopped_copy_goes_on_from_what_it_had_done(saved: BackupServer, monkeypatch: pytest.MonkeyPatch) -> None:
    points = saved.ids()
    commit = saved.state.put_entries
    stops: list[str] = []

    def stop_after_the_first(job_uid: str, entries: Iterable[LedgerEntry]) -> None:
        entries = list(entries)
        commit(job_uid, entries)
        if not stops and entries[0].state is CopyState.COPIED:
            stops.append(saved.sessions.stop_job(job_uid))

    monkeypatch.setattr(saved.state, "put_entries", stop_after_the_first)
    # Slow, so that restic is still at the second point when it is asked to stop.
    limit(saved, second=Limits(upload=10))
    session = saved.copy()
    limit(saved)
    assert stops == [""]
    assert session.state is SessionState.FAILED
    assert "stopped on request; the next run goes on from what was done" in session.messages[0]
    assert points[0] in with_state(saved, CopyState.COPIED)
    assert listing.lock_ids(saved.first) == listing.lock_ids(saved.second) == []
    session = saved.copy()
    assert session.state is SessionState.SUCCESS
    assert set(saved.copies()) == set(points)
    saved.agrees()
    saved.is_sound()


def test_a_stop_before_restic_runs_starts_nothing(saved: BackupServer) -> None:
    run = saved.run()
    stopped = Event()
    stopped.set()
    stopping = saved.processes.control(stopped, lambda: None)
    with pytest.raises(Exception, match="Stopped before"):
        copy.run(
            saved.engine,
            saved.access(saved.first),
            saved.access(saved.second),
            listing.snapshot_ids(saved.first),
            control=stopping,
        )
    assert run.messages == []
    assert saved.copies() == {}


def test_a_copy_restores_to_what_the_share_was(server: BackupServer) -> None:
    server.write("deep/er/notes.txt", b"\0\xff" * 1000)
    (server.share / "link").symlink_to("hello.txt")
    server.save()
    before = describe(server.share)
    server.copy()
    (snapshot,) = snapshots.read(server.engine, server.access(server.second))
    restore.run(server.engine, server.access(server.second), snapshot, server.folder / "restored")
    assert describe(server.folder / "restored") == before


def test_damage_of_one_copy_job_is_not_another_ones(saved: BackupServer) -> None:
    elsewhere = msgspec.structs.replace(
        saved.copy_job, uid="third", unique_uid="unique third", target_repository_uid="nowhere"
    )
    saved.configure(jobs=[saved.backup_job, saved.copy_job, elsewhere])
    assert saved.run_job(elsewhere).state is SessionState.FAILED
    assert saved.copy().state is SessionState.SUCCESS
    saved.agrees()


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
