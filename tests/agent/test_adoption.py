"""Adoption: what was made without Tandem becomes restorable, is copied once, and goes only when somebody says so."""

import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

from tandem.agent.adoption import groups_of, look_into, tell_once, tell_where_asked
from tandem.agent.restore import run_restore
from tandem.agent.run_adoption import wish_for_adoption
from tandem.domain.adoption import Origin
from tandem.domain.fates import NEWER_ONE
from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import Session, SessionState
from tandem.protocol.messages import (
    AdoptPoints,
    CollectSnapshots,
    LedgerReport,
    PointReport,
    RestorePointTo,
    SnapshotsReport,
)
from tandem.restic import listing, snapshots
from tests.agent.backup_server import EVERYTHING, HOST, BackupServer, nothing, repository_configuration, until
from tests.agent.conftest import Stage
from tests.agent.faults import packs
from tests.agents import Agent
from tests.consoles import COPY_JOBS, JOBS, Console
from tests.people import ACMES, BOB
from tests.restic import quick_repository
from tests.restic.trees import describe

OLD_HOST, FOREIGN_HOST = "oldserver", "somebody"
LOCKS = frozenset({"locks"})
AGES = (400, 40, 1)
BACKUP_JOB, COPY_JOB = f"{JOBS}/fileShareJobs/{ACMES.job}", f"{COPY_JOBS}/{ACMES.copy_job}"
CONSOLE_UIDS = {"backup": ACMES.job, "copy": ACMES.copy_job}


def restic(repository: Path, *arguments: str, source: Path | None = None) -> None:
    """Run restic as somebody without Tandem does."""
    environment = {"PATH": os.environ["PATH"], "RESTIC_PASSWORD": f"password of {repository.name}"}
    if source is not None:
        environment["RESTIC_FROM_PASSWORD"] = f"password of {source.name}"
        arguments = (*arguments, "--from-repo", str(source))
    command = ["restic", "--repo", str(repository), "--no-cache", *arguments]
    subprocess.run(command, env=environment, check=True, capture_output=True)


def save_by_hand(server: BackupServer, host: str, age_days: int, repository: Path | None = None) -> None:
    folder = server.folder / host
    folder.mkdir(exist_ok=True)
    (folder / "notes.txt").write_bytes(os.urandom(5_000))
    at = datetime.now(UTC) - timedelta(days=age_days)
    time = f"{at.astimezone():%Y-%m-%d %H:%M:%S}"
    restic(repository or server.first, "backup", "--host", host, "--time", time, str(folder))


def by_host(server: BackupServer, repository: Path) -> dict[str, list[str]]:
    """Give the ids of a repository's points, oldest first, by the host that made them."""
    found: dict[str, list[str]] = {}
    for snapshot in snapshots.read(server.engine, server.access(repository)):
        found.setdefault(snapshot.hostname, []).append(snapshot.id)
    return found


def adopt(server: BackupServer, *, may_forget: bool = False) -> None:
    """Say that the old server's points are the job's own, and, in the same word, whether they may go."""
    origin = Origin(OLD_HOST, (str(server.folder / OLD_HOST),))
    jobs = [
        msgspec.structs.replace(job, adopts=[] if job.is_copy else [origin], may_forget_adopted=may_forget)
        for job in server.configuration.jobs
    ]
    server.configure(jobs=jobs)


def run_adoption(server: BackupServer, job_uid: str) -> Session:
    """Run an adoption to its end."""
    order = AdoptPoints(session_uid=os.urandom(8).hex(), job_uid=job_uid)
    wish = wish_for_adoption(order, server.configuration, HOST)
    assert wish is not None
    assert server.sessions.start(wish, server.configuration) == ""
    until(lambda: not server.sessions.is_running(order.session_uid))
    (session,) = [found for found in server.ended_sessions() if found.instance_uid == order.session_uid]
    assert session.state is SessionState.SUCCESS, session.messages
    return session


def decided(session: Session, action: str) -> list[str]:
    return [entry.snapshot_id for entry in session.plan if entry.action == action]


def prepare(server: BackupServer) -> None:
    """Put the old server's points into the first repository, and one that is nobody's business."""
    for age in AGES:
        save_by_hand(server, OLD_HOST, age)
    save_by_hand(server, FOREIGN_HOST, 300)


@pytest.fixture
def adoptable(stage: Stage) -> Iterator[BackupServer]:
    """A backup server whose first repository was in use before."""
    server = stage.set_up("adoptable", prepare)
    yield server
    server.state.close()


def test_what_is_in_a_repository_is_told_by_origin(adoptable: BackupServer) -> None:
    server = adoptable
    order = CollectSnapshots(request_uid="request", repository_uid="first")
    control = server.processes.control(Event(), nothing)
    report = look_into(server.means, order, server.configuration, control)
    assert (report.request_uid, report.failure) == ("request", "")
    old, foreign = report.groups
    assert (old.origin.host_name, old.count, old.known, old.copied) == (OLD_HOST, 3, 0, 0)
    assert old.origin.paths == (str(server.folder / OLD_HOST),)
    assert (old.last_at - old.first_at).days in {398, 399}
    assert (foreign.origin.host_name, foreign.count) == (FOREIGN_HOST, 1)
    assert old.first_at.utcoffset() == timedelta(0)
    (server.first / "config").rename(server.folder / "config")
    failed = look_into(server.means, order, server.configuration, control)
    assert failed == SnapshotsReport(repository_uid="first", request_uid="request", failure=failed.failure)
    assert "holds no repository" in failed.failure
    (server.folder / "config").rename(server.first / "config")


def test_a_repository_can_be_looked_into_as_soon_as_it_is_registered(adoptable: BackupServer) -> None:
    server = adoptable
    untold = [msgspec.structs.replace(one, restic_id=None) for one in server.configuration.repositories]
    server.configure(repositories=untold)
    order = CollectSnapshots(request_uid="request", repository_uid="first")
    report = look_into(server.means, order, server.configuration, server.processes.control(Event(), nothing))
    assert (report.failure, len(report.groups)) == ("", 2)


def test_a_slip_in_the_host_or_path_to_adopt_is_told(adoptable: BackupServer) -> None:
    server = adoptable
    adopt(server)
    server.configure(
        jobs=[
            msgspec.structs.replace(
                job, adopts=[*job.adopts, Origin("oldsrever", ("/srv/notes",))] if job.adopts else []
            )
            for job in server.configuration.jobs
        ]
    )
    session = run_adoption(server, "backup")
    assert len(decided(session, "adopt")) == len(AGES)
    (told,) = [message for message in session.messages if "holds no point" in message]
    assert "the host oldsrever and /srv/notes" in told
    assert 'tandem repositories snapshots "repository first"' in told


def test_adopted_points_are_restorable_and_stay_until_somebody_says_that_they_may_go(adoptable: BackupServer) -> None:
    server = adoptable
    before = describe(server.first, but=LOCKS)
    ids = by_host(server, server.first)
    adopt(server)
    session = run_adoption(server, "backup")
    assert sorted(decided(session, "adopt")) == sorted(ids[OLD_HOST])
    assert describe(server.first, but=LOCKS) == before, "nothing is rewritten"
    assert server.ids() == ids[OLD_HOST]
    assert set(server.reported_points()) == set(ids[OLD_HOST])
    assert run_adoption(server, "backup").plan == [], "once is enough"

    target = server.folder / "restored"
    order = RestorePointTo(
        session_uid="restore",
        file_share_uid="share",
        repository_uid="first",
        snapshot_id=ids[OLD_HOST][-1],
        target_path=str(target),
    )
    run_restore(server.run(), order, server.data)
    assert (target / "notes.txt").stat().st_size == 5_000

    # Retention, a month here, says what it would do, and does it only once that is confirmed.
    server.save()
    held = server.back_up()
    assert sorted(decided(held, "hold")) == sorted(ids[OLD_HOST][:2])
    assert 'tandem jobs adopt "job backup" --confirm-deletion' in held.messages[-1]
    assert decided(held, "forget") == []
    assert set(ids[OLD_HOST]) <= set(listing.snapshot_ids(server.first))
    # The copy takes what its own retention would keep.
    assert set(decided(server.copy(), "copy")) == set(server.ids()) - set(ids[OLD_HOST][:2])

    # An agent that has lost its memory learns from the repository, and keeps no less.
    server.state.close()
    for file in server.data.glob("agent.db*"):
        file.unlink()
    server.open()
    server.state.set_configuration(server.configuration)
    again = server.back_up()
    assert set(ids[OLD_HOST]) <= set(server.ids())
    assert sorted(decided(again, "hold")) == sorted(ids[OLD_HOST][:2])

    adopt(server, may_forget=True)
    assert sorted(decided(server.back_up(), "forget")) == sorted(ids[OLD_HOST][:2])
    left = by_host(server, server.first)
    assert left[OLD_HOST] == ids[OLD_HOST][2:]
    assert left[FOREIGN_HOST] == ids[FOREIGN_HOST], "what nobody adopted is nobody's to delete"
    server.is_sound_at(server.first)


def test_after_the_update_an_agent_tells_once_what_it_had_adopted_and_again_when_asked(
    adoptable: BackupServer,
) -> None:
    server = adoptable
    adopt(server)
    run_adoption(server, "backup")
    ids = by_host(server, server.first)[OLD_HOST]
    restic(server.second, "copy", *ids, source=server.first)
    run_adoption(server, "copy")

    def told() -> tuple[set[str], set[str]]:
        """Give the points and copies that are newly said to be adopted."""
        reports = server.reports()
        server.state.drop_reports(EVERYTHING)
        points = {each.snapshot_id for each in reports if isinstance(each, PointReport) and each.is_adopted}
        ledgers = [each for each in reports if isinstance(each, LedgerReport)]
        return points, {entry.source_snapshot_id for each in ledgers for entry in each.entries if entry.is_adopted}

    assert told() == (set(ids), set(ids))
    for expected in (set(ids), set[str]()):
        tell_once(server.state, server.configuration)
        assert told() == (expected, expected)
    tell_where_asked(server.state, server.configuration)
    assert told() == (set(), set())
    asked = [
        msgspec.structs.replace(job, is_adoption_asked=True) if job.is_copy else job
        for job in server.configuration.jobs
    ]
    server.configure(jobs=asked)
    tell_where_asked(server.state, server.configuration)
    assert told() == (set(), set(ids))


def test_copies_made_by_hand_are_taken_as_they_are(adoptable: BackupServer) -> None:
    server = adoptable
    ids = by_host(server, server.first)
    # The copy job has said of the oldest that it would never copy it, before somebody did.
    adopt(server)
    run_adoption(server, "backup")
    save_by_hand(server, "stranger", 5, server.second)
    restic(server.second, "copy", *ids[OLD_HOST][1:], source=server.first)
    labelled = by_host(server, server.second)[OLD_HOST][-1]
    restic(server.second, "tag", "--add", "by hand", labelled)
    before = describe(server.second, but=LOCKS)

    assert set(decided(run_adoption(server, "copy"), "adopt")) == set(ids[OLD_HOST][1:])
    assert server.states() == dict.fromkeys(ids[OLD_HOST][1:], CopyState.COPIED)
    session = server.copy()
    assert (session.statistics.points_copied, decided(session, "hold")) == (0, ids[OLD_HOST][1:2])
    assert describe(server.second, but=LOCKS) == before, "nothing is copied again"
    assert server.states()[ids[OLD_HOST][0]] is CopyState.EXPIRED

    restic(server.second, "copy", ids[OLD_HOST][0], source=server.first)
    assert set(decided(server.copy(), "hold")) == set(ids[OLD_HOST][:2])
    assert server.states() == dict.fromkeys(ids[OLD_HOST], CopyState.COPIED)
    assert server.reported_ledger().keys() == set(ids[OLD_HOST])
    adopt(server, may_forget=True)
    assert set(decided(server.copy(), "forget")) == set(ids[OLD_HOST][:2])
    left = by_host(server, server.second)
    assert (len(left[OLD_HOST]), len(left["stranger"])) == (1, 1)
    assert server.copy().plan == []


def test_a_copy_of_a_copy_is_known_by_the_very_first_point(server: BackupServer) -> None:
    third = server.folder / "third"
    quick_repository.create(third, "password of third")
    save_by_hand(server, OLD_HOST, 2, third)
    save_by_hand(server, OLD_HOST, 1, third)
    restic(server.first, "copy", source=third)
    restic(server.first, "tag", "--add", "label", by_host(server, server.first)[OLD_HOST][0])
    restic(server.second, "copy", source=server.first)
    adopt(server)
    run_adoption(server, "backup")
    ids = by_host(server, server.first)[OLD_HOST]
    assert server.ids() == ids
    (group,) = groups_of(snapshots.read(server.engine, server.access(server.first)), set(ids[:1]))
    assert (group.copied, group.known) == (2, 1)
    before = packs(server.second)
    session = server.copy()
    assert session.statistics.points_copied == 0
    assert set(decided(session, "adopt")) == set(ids)
    assert server.states() == dict.fromkeys(ids, CopyState.COPIED)
    assert packs(server.second) == before
    assert len(listing.snapshot_ids(server.second)) == 2


def test_a_repository_that_tandem_made_keeps_no_copies_beyond_its_retention(adoptable: BackupServer) -> None:
    """Copies that are found there are its own, as far as anybody knows: its agent may have lost its memory."""
    server = adoptable
    made = repository_configuration("second", server.second, password="password of second")
    known = server.configuration.repositories[1]
    server.configure(
        repositories=[
            server.configuration.repositories[0],
            msgspec.structs.replace(known, is_existing=made.is_existing),
        ]
    )
    adopt(server)
    ids = by_host(server, server.first)[OLD_HOST]
    restic(server.second, "copy", *ids, source=server.first)
    run_adoption(server, "backup")
    session = server.copy()
    assert decided(session, "hold") == []
    assert sorted(decided(session, "forget")) == sorted(ids[:2])


def test_points_that_somebody_labels_are_the_same_points_and_are_not_copied_again(copied: BackupServer) -> None:
    server = copied
    before, sizes = server.ids(), [point.size for point in server.points()]
    target = describe(server.second, but=LOCKS)
    for label in ("audit", "again"):
        restic(server.first, "tag", "--add", label)
        assert run_adoption(server, "backup").messages == []
        session = server.copy()
        assert (session.state, session.statistics.points_copied) == (SessionState.SUCCESS, 0)
    assert set(server.ids()) == set(listing.snapshot_ids(server.first))
    assert set(server.ids()).isdisjoint(before)
    assert [point.original for point in server.points()] == before
    assert [point.size for point in server.points()] == sizes
    assert describe(server.second, but=LOCKS) == target
    held = {uid: entry.state for uid, entry in server.ledger().items() if entry.state.is_held}
    assert held == dict.fromkeys(server.ids(), CopyState.COPIED)
    assert len(server.reported_points()) == 6


class Pair:
    """A backup server with real repositories, and a console that hears what it reports as Acme's."""

    def __init__(self, console: Console, server: BackupServer) -> None:
        self.console = console
        self.server = server
        self.agent: Agent = console.agent_of(ACMES)
        self._heard = 0

    def hear(self) -> None:
        """Have the console hear what the agent has reported since, and be of the same time."""
        news = self.server.reports()[self._heard :]
        self._heard += len(news)
        told = [each for each in news if isinstance(each, PointReport | LedgerReport)]
        self.agent.report(*(msgspec.structs.replace(each, job_uid=CONSOLE_UIDS[each.job_uid]) for each in told))
        self.console.clock.now = self.server.clock.now

    def foresees(self, job: str) -> dict[str, Any]:
        """Give the rows of a preview, by the time of the point."""
        self.hear()
        shown = self.console.data(f"{job}/retentionPreview?retention=28&retentionUnit=days", BOB)
        return {row["restorePointUid"]: row for row in shown["points"]}

    def confirm(self) -> None:
        """Confirm, at both, that what was adopted may go."""
        adopt(self.server, may_forget=True)
        for uid in CONSOLE_UIDS.values():
            self.console.does("POST", f"{JOBS}/{uid}/adoption", BOB, {"confirmDeletion": True})


def done(session: Session, uids: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Give what a run did with the points that were there, and why, by the console's uid."""
    actions = {"forget": "Delete", "hold": "Keep"}
    plan = [entry for entry in session.plan if entry.action in actions and entry.snapshot_id in uids]
    return {uids[entry.snapshot_id]: (actions[entry.action], entry.reason) for entry in plan}


def said(rows: dict[str, Any], uids: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Give what a preview said of points that the rule does not keep."""
    over = [uid for uid in uids.values() if "Delete" in {rows[uid]["action"], rows[uid]["actionOnceConfirmed"]}]
    return {uid: (rows[uid]["action"], rows[uid]["reason"].removesuffix(NEWER_ONE).rstrip()) for uid in over}


@pytest.mark.embedded_only
def test_a_preview_says_of_adopted_points_what_the_run_then_does(adoptable: BackupServer, console: Console) -> None:
    pair, server = Pair(console, adoptable), adoptable
    origin = {"hostName": OLD_HOST, "paths": [str(server.folder / OLD_HOST)]}
    console.does("POST", f"{JOBS}/{ACMES.job}/adoption", BOB, {"origins": [origin]})
    adopt(server)
    run_adoption(server, "backup")
    restic(server.second, "copy", *by_host(server, server.first)[OLD_HOST], source=server.first)
    run_adoption(server, "copy")
    server.save()
    server.copy()
    server.clock.forward(days=30)

    # Two points are older than the retention, and so are by now the newest adopted one and the job's own.
    uids = {uid: point.point_uid for uid, point in server.reported_points().items()}
    for job, run in ((BACKUP_JOB, server.back_up), (COPY_JOB, server.copy)):
        foreseen = pair.foresees(job)
        did = done(run(), uids)
        assert said(foreseen, uids) == did
        assert sorted(fate for fate, _why in did.values()) == ["Delete", "Keep", "Keep", "Keep"]
        adopted = {uid for uid, (fate, _why) in did.items() if fate == "Keep"}
        assert {uid for uid in foreseen if foreseen[uid]["actionOnceConfirmed"]} == adopted
        assert len(adopted) == 3

    pair.hear()
    pair.confirm()
    for job, run in ((BACKUP_JOB, server.back_up), (COPY_JOB, server.copy)):
        foreseen = pair.foresees(job)
        left = {uid: point_uid for uid, point_uid in uids.items() if point_uid in foreseen}
        did = done(run(), left)
        assert said(foreseen, left) == did
        assert sorted(fate for fate, _why in did.values()) == ["Delete"] * 3
        assert not any(row["actionOnceConfirmed"] for row in foreseen.values())
