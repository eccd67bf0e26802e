"""A backup server without a console: the agent's own parts over real repositories, on a clock that tests move."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

import msgspec

from tandem.agent.clock_watch import ClockWatch
from tandem.agent.mounts import Mounts, Patience
from tandem.agent.processes import Processes
from tandem.agent.remembered import HeldPoint
from tandem.agent.repositories import Repositories
from tandem.agent.run import Means, Run
from tandem.agent.run_file_share_copy_job import run_file_share_copy_job
from tandem.agent.run_file_share_job import run_file_share_job
from tandem.agent.sessions import Sessions
from tandem.agent.state import State
from tandem.domain.repositories import RepositoryState
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.retention import Retention, RetentionUnit
from tandem.domain.schedule import Schedule, ScheduleType
from tandem.domain.sessions import Session, SessionState
from tandem.protocol.messages import (
    Configuration,
    FileShareConfiguration,
    JobConfiguration,
    LedgerReport,
    PointReport,
    Report,
    RepositoryConfiguration,
    RepositoryReport,
    SessionReport,
)
from tandem.restic import check, copy, listing, snapshots
from tandem.restic.engine import Engine
from tandem.restic.process import RepositoryAccess
from tandem.sealing import open_seal
from tests.restic import quick_repository

HOST = "fileserver"
ORGANIZATION = "organization"
SECONDS_MAX = 60.0
EVERYTHING = 1_000_000
NEVER_OVERDUE_DAYS = 36_500
BOOTED_AT = datetime(2026, 1, 1, tzinfo=UTC)
HURRY = Patience(between=0.1, look=3.0, connect=1.0)
A_WEEK = Retention(7, RetentionUnit.DAYS)
A_MONTH = Retention(28, RetentionUnit.DAYS)


class Clock:
    """Time that passes when a test says so; it begins with the present, which restic writes into its points."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC)

        self.is_set_by = timedelta()

    def __call__(self) -> datetime:
        return self.now

    def passed(self) -> tuple[float, str]:
        """Give the seconds since the boot, and its id: what no setting of the clock changes."""
        return (self.now - BOOTED_AT - self.is_set_by).total_seconds(), "boot"

    def set(self, **by: float) -> datetime:
        """Set the clock, without any time passing."""
        self.is_set_by += timedelta(**by)
        return self.forward(**by)

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


class BackupServer:
    """A share, a file share job into `first`, a copy job of it into `second`, and the agent's memory."""

    def __init__(self, folder: Path, engine: Engine, clock: Clock) -> None:
        """Open what `create` has made."""
        self.folder = folder
        self.engine = engine
        self.clock = clock
        self.share = folder / "share"
        self.first, self.second = folder / "first", folder / "second"
        self.data = folder / "agent"
        self.on_news: Callable[[], None] = nothing
        self.open()
        configuration = self.state.configuration()
        self.configuration = self._configuration() if configuration is None else configuration

    @classmethod
    def create(cls, folder: Path, engine: Engine) -> "BackupServer":
        """Make a backup server with a share of one file and two empty repositories."""
        (folder / "share").mkdir(parents=True)
        (folder / "share" / "hello.txt").write_bytes(b"hello\n")
        for name in ("first", "second"):
            quick_repository.create(folder / name, f"password of {name}")
        made = cls(folder, engine, Clock())
        made.state.set_configuration(made.configuration)
        return made

    def open(self, kind: type[State] = State) -> None:
        """Begin as a new process does: nothing but the files is left of the one before."""
        self.state = open_state(self.data, kind)
        self.processes = Processes(self.state, lambda: datetime.now(UTC))
        self.repositories = Repositories(self.engine, self.state, self.processes, self.data)
        watch = ClockWatch(self.state, self.clock, self.clock.passed)
        mounts = Mounts(self.data, HURRY)
        self.means = Means(self.engine, self.state, self.repositories, self.processes, self.clock, mounts, watch)
        self.sessions = Sessions(self.means, HOST, self.data, self._wake)

    def restart(self, engine: Engine | None = None) -> None:
        """End the agent and begin again, with another restic if one is given."""
        self.state.close()
        self.engine = engine or self.engine
        self.open()

    # What the jobs are

    @property
    def backup_job(self) -> JobConfiguration:
        return self.configuration.jobs[0]

    @property
    def copy_job(self) -> JobConfiguration:
        return self.configuration.jobs[1]

    def keep(self, *, backup: Retention | None = None, copies: Retention | None = None) -> None:
        """Change retentions, as the console does: with a new configuration."""
        jobs = [
            msgspec.structs.replace(self.backup_job, retention=backup or self.backup_job.retention),
            msgspec.structs.replace(self.copy_job, retention=copies or self.copy_job.retention),
            *self.configuration.jobs[2:],
        ]
        self.configure(jobs=jobs)

    def configure(
        self,
        *,
        jobs: list[JobConfiguration] | None = None,
        repositories: list[RepositoryConfiguration] | None = None,
        file_shares: list[FileShareConfiguration] | None = None,
    ) -> None:
        """Change the configuration, as the console does."""
        self.configuration = Configuration(
            revision=self.configuration.revision + 1,
            repositories=repositories or self.configuration.repositories,
            file_shares=file_shares or self.configuration.file_shares,
            jobs=jobs or self.configuration.jobs,
        )
        self.state.set_configuration(self.configuration)

    # What happens

    def write(self, name: str, content: bytes) -> None:
        """Put a file into the share."""
        path = self.share / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def back_up(self) -> Session:
        """Run the file share job; gives the session that it left."""
        return self.run_job(self.backup_job)

    def copy(self) -> Session:
        """Run the copy job; gives the session that it left."""
        return self.run_job(self.copy_job)

    def save(self, name: str = "notes.txt", content: bytes | None = None, **later: float) -> str:
        """Let time pass, change the share, back it up; gives the new point's id."""
        self.clock.forward(**(later or {"minutes": 1}))
        before = set(listing.snapshot_ids(self.first))
        self.write(name, random_bytes(name, self.clock.now) if content is None else content)
        session = self.back_up()
        assert session.state is SessionState.SUCCESS, session.messages
        (made,) = set(listing.snapshot_ids(self.first)) - before
        return made

    def run_job(self, job: JobConfiguration) -> Session:
        """Run a job to its end; whatever comes of it, the session says why and no lock stays."""
        before = {session.instance_uid for session in self.ended_sessions()}
        assert self.sessions.start_job(job, self.configuration) == ""
        until(lambda: not self.sessions.is_running(job.uid))
        (session,) = [found for found in self.ended_sessions() if found.instance_uid not in before]
        assert all(message.strip() for message in session.messages), session.messages
        assert session.messages or session.state is SessionState.SUCCESS
        assert self.state.open_sessions() == []
        return session

    def run(self) -> Run:
        """Begin a run outside of the sessions' threads, to be cut short."""
        return Run(self.means, self.configuration, Event(), nothing_of)

    def back_up_here(self) -> None:
        """Run the file share job in this very thread; what goes wrong is raised."""
        run_file_share_job(self.run(), self.backup_job, HOST)

    def copy_here(self) -> None:
        """Run the copy job in this very thread; what goes wrong is raised."""
        run_file_share_copy_job(self.run(), self.copy_job)

    # What there is

    def access(self, repository: Path) -> RepositoryAccess:
        """Give how restic opens a repository."""
        return RepositoryAccess(str(repository), f"password of {repository.name}", self.data / "cache" / ORGANIZATION)

    def reports(self) -> list[Report]:
        """Give all that was reported, in order."""
        return [numbered.report for numbered in self.state.reports(EVERYTHING)]

    def told_of(self, repository_uid: str) -> list[tuple[RepositoryState, str | None]]:
        """Give what was reported of a repository, in order: its state, and why it is in that."""
        reports = [report for report in self.reports() if isinstance(report, RepositoryReport)]
        return [(report.state, report.failure) for report in reports if report.repository_uid == repository_uid]

    def ended_sessions(self) -> list[Session]:
        """Give the sessions that were reported as ended."""
        found = [report.session for report in self.reports() if isinstance(report, SessionReport)]
        return [session for session in found if session.state.is_final]

    def points(self) -> list[HeldPoint]:
        """Give the points that the agent knows, oldest first."""
        return sorted(self.state.points(self.backup_job.uid), key=lambda point: point.created_at)

    def ids(self) -> list[str]:
        """Give the snapshots of the points that the agent knows, oldest first."""
        return [point.snapshot_id for point in self.points()]

    def reported_points(self) -> dict[str, PointReport]:
        """Give what the console was last told of each point, by snapshot."""
        return {report.snapshot_id: report for report in self.reports() if isinstance(report, PointReport)}

    def ledger(self) -> dict[str, LedgerEntry]:
        """Give the copy job's ledger."""
        return self.state.ledger(self.copy_job.uid)

    def states(self) -> dict[str, CopyState]:
        """Give where each copy stands, by the point's snapshot."""
        return {uid: entry.state for uid, entry in self.ledger().items()}

    def reported_ledger(self) -> dict[str, LedgerEntry]:
        """Give what the console was last told of each copy."""
        found = [report for report in self.reports() if isinstance(report, LedgerReport)]
        return {entry.source_snapshot_id: entry for report in found for entry in report.entries}

    def copies(self) -> dict[str, str]:
        """Give what the second repository really holds: the copies' snapshots, by the point they were made from."""
        found = snapshots.read(self.engine, self.access(self.second))
        by_original = {snapshot.original or "": snapshot.id for snapshot in found}
        assert len(by_original) == len(found), "a point was copied twice"
        return by_original

    def copy_by_hand(self, *snapshot_ids: str) -> list[str]:
        """Copy points as somebody else would, without a word to the agent; gives the copies' ids."""
        done = copy.run(self.engine, self.access(self.first), self.access(self.second), snapshot_ids)
        return [copied.target_id for copied in done.copied]

    def agrees(self) -> None:
        """Check that repositories, memory and console say the same of every point and every copy."""
        assert {point.snapshot_id for point in self.points()} == set(listing.snapshot_ids(self.first))
        told = {uid for uid, report in self.reported_points().items() if report.forgotten_at is None}
        assert told == set(listing.snapshot_ids(self.first))
        held = {uid: entry.target_snapshot_id for uid, entry in self.ledger().items() if entry.state.is_held}
        assert held == self.copies()
        assert self.reported_ledger() == self.ledger()

    def is_sound(self) -> None:
        """Check that every byte of both repositories reads back, and that nobody locks them."""
        for repository in (self.first, self.second):
            self.is_sound_at(repository)

    def is_sound_at(self, repository: Path) -> None:
        """Check that every byte of a repository reads back, and that nobody locks it."""
        assert listing.lock_ids(repository) == []
        report = check.run(self.engine, self.access(repository), read_all=True)
        assert report.is_clean, report.errors

    def _wake(self) -> None:
        self.on_news()

    def _configuration(self) -> Configuration:
        share = FileShareConfiguration(uid="share", name="Documents", path=str(self.share))
        empty = Configuration(revision=1, repositories=[], file_shares=[share], jobs=[])
        repositories: list[RepositoryConfiguration] = []
        for path in (self.first, self.second):
            named = repository_configuration(path.name, path, password=f"password of {path.name}", is_existing=True)
            report = self.repositories.make(named, empty, self.processes.control(Event(), nothing))
            assert report.state is RepositoryState.READY, report.failure
            repositories.append(msgspec.structs.replace(named, state=RepositoryState.READY, restic_id=report.restic_id))
        backup_job = job_configuration("backup", repository="first", retention=A_MONTH, created_at=self.clock.now)
        copy_job = job_configuration(
            "copy",
            repository="second",
            retention=A_MONTH,
            created_at=self.clock.now,
            source="backup",
            schedule=Schedule(type=ScheduleType.CHAINED),
        )
        return Configuration(revision=2, repositories=repositories, file_shares=[share], jobs=[backup_job, copy_job])


def repository_configuration(
    uid: str, path: Path, *, password: str, is_existing: bool = False, family_uid: str | None = None
) -> RepositoryConfiguration:
    """Make what the console says of a repository that it wants made."""
    return RepositoryConfiguration(
        uid=uid,
        organization_uid=ORGANIZATION,
        name=f"repository {uid}",
        path=str(path),
        password=password,
        state=RepositoryState.CREATING,
        is_existing=is_existing,
        restic_id=None,
        family_uid=family_uid,
        # So that tests which let years pass are not told of it.
        verify_every_days=NEVER_OVERDUE_DAYS,
    )


def job_configuration(
    uid: str,
    *,
    repository: str,
    retention: Retention,
    created_at: datetime,
    source: str | None = None,
    schedule: Schedule | None = None,
    is_enabled: bool = True,
) -> JobConfiguration:
    """Make what the console says of a job."""
    return JobConfiguration(
        uid=uid,
        unique_uid=f"unique {uid}",
        name=f"job {uid}",
        is_enabled=is_enabled,
        schedule=schedule or Schedule(),
        created_at=created_at,
        retention=retention,
        target_repository_uid=repository,
        file_share_uid="share",
        source_job_uid=source,
        drill_every_days=NEVER_OVERDUE_DAYS,
    )


def open_state(data: Path, kind: type[State] = State) -> State:
    """Open the agent's memory."""
    return kind(data / "agent.db", open_seal(data / "seal.key"))


def until(is_so: Callable[[], object], seconds_max: float = SECONDS_MAX) -> None:
    """Look again and again until something is so."""
    end = time.monotonic() + seconds_max
    while not is_so():
        assert time.monotonic() < end, f"not so after {seconds_max:.0f} s"
        time.sleep(0.005)


def random_bytes(*seeds: object, size: int = 20_000) -> bytes:
    """Give bytes that nothing shrinks, the same for the same seeds."""
    return hashlib.shake_256(repr(seeds).encode()).digest(size)


def nothing() -> None:
    """Do nothing."""


def nothing_of(_what: object) -> None:
    """Do nothing with something."""
