"""What is kept longer than the retention says, what may not go, and what cannot go although it may."""

import shutil

import msgspec

from tandem.agent.reset_copy import reset_copy
from tandem.domain.restore_points import CopyState
from tandem.domain.retention import Gfs, Retention, RetentionUnit
from tandem.domain.sessions import SessionState
from tandem.protocol.messages import ResetCopy
from tandem.restic import listing
from tests.agent.backup_server import BackupServer, until
from tests.agent.faults import damage, faulty, packs

A_DAY = Retention(1, RetentionUnit.DAYS)
REFUSAL = "unable to remove <snapshot/1> from the repository: server response: 403 Forbidden (403)\n"


def immutable(server: BackupServer, days: int) -> None:
    """Make both repositories immutable, as the console does."""
    repositories = [
        msgspec.structs.replace(each, immutability_interval=days) for each in server.configuration.repositories
    ]
    server.configure(repositories=repositories)


def test_the_first_point_of_a_month_outlives_the_others_in_both_repositories(server: BackupServer) -> None:
    server.clock.now = server.clock.now.replace(year=server.clock.now.year + 1, month=1, day=5, hour=12)
    gfs = Gfs(monthly=2, time_zone="Europe/Berlin")
    server.keep(backup=A_DAY, copies=A_DAY)
    server.configure(jobs=[msgspec.structs.replace(job, gfs=gfs) for job in server.configuration.jobs])
    january = server.save()
    server.copy()
    until_when = server.ledger()[january].expires_at
    assert f"{until_when:%m-%d %H:%M}" == "02-28 23:00"
    assert server.reported_points()[january].expires_at == until_when
    other = january
    for _ in range(2):
        other = server.save(days=3)
        server.copy()
    assert set(server.ids()) == set(server.copies()) == {january, other}
    february = server.save(days=25)
    server.copy()
    assert set(server.ids()) == set(server.copies()) == {january, february}
    server.save(days=2)
    server.copy()
    march = server.save(days=26)
    session = server.copy()
    # Said is why it goes, and that it was kept for its month.
    (reason,) = [entry.reason for entry in session.plan if entry.snapshot_id == january]
    assert "monthly for" in reason
    assert set(server.ids()) == set(server.copies()) == {february, march}
    server.agrees()


def test_a_changed_retention_is_told_of_the_points_that_are_there(copied: BackupServer) -> None:
    copied.keep(backup=Retention(2, RetentionUnit.DAYS), copies=Retention(3, RetentionUnit.DAYS))
    newest = copied.save()
    copied.copy()
    for uid, report in copied.reported_points().items():
        assert report.expires_at == Retention(2, RetentionUnit.DAYS).expires_at(report.created_at), uid == newest
    for entry in copied.ledger().values():
        assert entry.expires_at == Retention(3, RetentionUnit.DAYS).expires_at(entry.created_at)
    copied.agrees()


def test_an_immutable_repository_is_not_even_asked_to_let_go(copied: BackupServer) -> None:
    immutable(copied, 30)
    old = copied.ids()
    copied.keep(backup=A_DAY, copies=A_DAY)
    copied.clock.forward(days=29)
    session = copied.copy()
    assert (session.state, session.statistics.restic_processes) == (SessionState.SUCCESS, 0)
    newest = copied.save()
    assert copied.copy().statistics.points_forgotten == 0
    assert set(copied.ids()) == set(copied.copies()) == {*old, newest}
    copied.agrees()
    copied.clock.forward(days=2)
    copied.back_up()
    assert copied.copy().statistics.points_forgotten == 2
    assert not set(old) & set(copied.ids())
    copied.agrees()


def test_a_target_that_refuses_to_delete_is_a_warning_and_asked_again(copied: BackupServer) -> None:
    old = copied.ids()
    copied.keep(backup=A_DAY, copies=A_DAY)
    engine, fault = faulty(copied.engine, copied.folder, words=REFUSAL, when='*" forget "*')
    copied.restart(engine)
    copied.clock.forward(days=2)
    for _ in range(2):
        saved = copied.back_up()
        session = copied.copy()
        for ended in (saved, session):
            assert (ended.state, ended.statistics.points_forgotten) == (SessionState.WARNING, 0)
            assert "lets no points go" in ended.messages[0]
            assert "403 Forbidden" in ended.messages[0]
        # They are there, and said to be: nothing is taken for gone that could still be restored, or read.
        assert set(old) <= set(copied.ids()) & set(copied.copies())
        assert {copied.states()[uid] for uid in old} == {CopyState.COPIED}
        assert copied.ledger()[old[0]].reason.count("lets nobody delete it") == 1
        copied.agrees()
        assert copied.state.repository("second").oldest_forget is None
        copied.clock.forward(minutes=1)

    fault.unlink()
    assert copied.back_up().state is SessionState.SUCCESS
    assert copied.copy().statistics.points_forgotten >= 2
    assert not set(old) & {*copied.ids(), *copied.copies()}
    copied.agrees()
    copied.is_sound()


def test_space_that_cannot_be_freed_is_a_warning_and_no_attempt_at_every_run(copied: BackupServer) -> None:
    copied.keep(copies=A_DAY)
    engine, fault = faulty(copied.engine, copied.folder, words=REFUSAL.replace("snapshot", "data"), when='*" prune "*')
    copied.restart(engine)
    newest = copied.save(days=2)
    session = copied.copy()
    assert (session.state, set(copied.copies())) == (SessionState.WARNING, {newest})
    assert "cannot be freed" in session.messages[0]
    assert copied.copy().state is SessionState.SUCCESS
    fault.unlink()
    copied.clock.forward(days=7)
    assert copied.copy().state is SessionState.SUCCESS
    assert copied.state.repository("second").oldest_forget is None
    copied.agrees()


def test_a_copy_that_nobody_can_make_again_is_missing_until_it_comes_back(copied: BackupServer) -> None:
    old = copied.ids()[0]
    lost = copied.ledger()[old]
    place = copied.second / "snapshots" / str(lost.target_snapshot_id)
    aside = copied.folder / "aside"
    shutil.move(place, aside)
    copied.keep(backup=A_DAY)
    copied.clock.forward(days=2)
    copied.back_up()
    for number in range(2):
        session = copied.copy()
        entry = copied.ledger()[old]
        assert (entry.state, entry.target_snapshot_id) == (CopyState.MISSING, None)
        assert session.state is (SessionState.SUCCESS if number else SessionState.WARNING)
        assert entry.since == copied.clock.now
        copied.agrees()

    shutil.move(aside, place)
    copied.copy()
    assert copied.states()[old] is CopyState.COPIED
    copied.agrees()

    place.unlink()
    copied.clock.forward(days=28)
    copied.back_up()
    copied.copy()
    copied.copy()
    assert (copied.states()[old], "while it was missing" in copied.ledger()[old].reason) == (CopyState.EXPIRED, True)


def test_a_quarantined_copy_that_was_mended_is_copied_at_once_when_it_is_reset(server: BackupServer) -> None:
    before = packs(server.first)
    bad = server.save("one.bin")
    (pack,) = [path for path in packs(server.first) - before if path.stat().st_size > 10_000]
    whole = damage(pack)
    server.clock.forward(hours=1)
    server.copy()
    assert server.states()[bad] is CopyState.QUARANTINED
    since = server.ledger()[bad].since
    assert since == server.clock.now
    server.clock.forward(hours=1)
    server.copy()
    assert server.ledger()[bad].since == since

    pack.write_bytes(whole)
    order = ResetCopy(job_uid="copy", snapshot_id=bad)
    assert reset_copy(server.means, server.sessions, server.configuration, order) == ""
    until(lambda: not server.sessions.is_running("copy"))
    assert listing.snapshot_ids(server.second) == list(server.copies().values()) != []
    states = [
        entry.state
        for report in server.reports()
        for entry in getattr(report, "entries", [])
        if entry.source_snapshot_id == bad
    ]
    assert states[-4:-2] == [CopyState.PENDING, CopyState.COPYING]
    assert states[-1] is CopyState.COPIED
    server.agrees()
    assert "not quarantined" in reset_copy(server.means, server.sessions, server.configuration, order)
    unknown = ResetCopy(job_uid="nothing", snapshot_id=bad)
    assert "does not know the job" in reset_copy(server.means, server.sessions, server.configuration, unknown)
