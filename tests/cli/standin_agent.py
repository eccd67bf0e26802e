"""A stand-in for an agent: it speaks the real protocol, does no work, and reports what a test tells it to."""

import uuid
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

from tandem.agent.console_link import ConsoleLink, enrol
from tandem.domain.holds import Hold, HoldCause, HoldReason
from tandem.domain.repositories import RepositoryState
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.sessions import Progress, Session, SessionState, SessionType, Statistics
from tandem.protocol.messages import (
    Command,
    CommandResult,
    Configuration,
    DrillCopy,
    ExchangeRequest,
    HoldReport,
    JobConfiguration,
    LedgerReport,
    NumberedReport,
    PointReport,
    Report,
    RepositoryReport,
    RestorePointTo,
    RunningSession,
    SessionReport,
    StartJob,
    VerifyRepository,
)
from tandem.protocol.transfers import FindFiles, ListFiles, SendFile
from tests.agents import hello

WAIT_SECONDS = 0.5
START_SECONDS_MAX = 60


class StandInAgent:
    """An enrolled agent; each order that it gets ends as `state` and `messages` say, or is refused."""

    def __init__(self, console: str, token: str, folder: Path) -> None:
        self._link = ConsoleLink(enrol(console, token, folder, None), "0.18.1")
        self._stopping = Event()
        self._is_heard = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self._configuration: Configuration | None = None
        self._reports: list[NumberedReport] = []
        self._later: list[Report] = []
        self._results: list[CommandResult] = []
        self._running: list[RunningSession] = []
        self._number = 0
        self._snapshot_ids: list[str] = []
        self.state = SessionState.SUCCESS
        self.messages: list[str] = []
        self.refusal = ""
        # How long ago the points that it reports were made.
        self.point_age = timedelta()
        self.restores: list[RestorePointTo] = []
        self.parts_of = hello
        self._token = ""
        # Whether the points that it comes by were made without Tandem.
        self.is_adopting = False
        # What the next run of a backup sees that it cannot explain.
        self.doubt = ""
        # What else it does with a job, newer than the next run of it.
        self.aside: SessionType | None = None

    def start(self) -> None:
        """Begin to work; the console knows the agent as connected then."""
        self._thread.start()
        assert self._is_heard.wait(START_SECONDS_MAX)

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._link.close()

    def answer_with(self, state: SessionState, *messages: str) -> None:
        """Say how the sessions to come end."""
        self.state, self.messages, self.refusal = state, list(messages), ""
        self.parts_of = hello

    def tell(self, report: Report) -> None:
        """Say something of itself, with what it says next."""
        self._later.append(report)

    def _run(self) -> None:
        token = self._token = self._link.open_session(str(uuid.uuid4())).token
        revision = 0
        while not self._stopping.is_set():
            has_news = bool(self._reports or self._results or self._later)
            request = ExchangeRequest(
                revision=revision,
                reports=self._reports,
                results=self._results,
                running=self._running,
                wait_seconds=0 if has_news else WAIT_SECONDS,
            )
            answer = self._link.exchange(request, token)
            self._is_heard.set()
            self._reports, self._results, self._running = [], [], []
            for report in self._later:
                self._report(report)
            self._later = []
            if answer.configuration is not None:
                self._configuration, revision = answer.configuration, answer.configuration.revision
                self._make_repositories(answer.configuration)
            for command in answer.commands:
                self._obey(command)

    def _report(self, report: Report) -> None:
        self._number += 1
        self._reports.append(NumberedReport(self._number, report))

    def _make_repositories(self, configuration: Configuration) -> None:
        for repository in configuration.repositories:
            if repository.state is RepositoryState.CREATING:
                self._report(
                    RepositoryReport(
                        repository_uid=repository.uid,
                        state=RepositoryState.READY,
                        restic_id=uuid.uuid4().hex * 2,
                        capacity=2**40,
                        free_space=2**39,
                        used_space=1536,
                    )
                )

    def _obey(self, command: Command) -> None:
        self._results.append(CommandResult(command.serial, self.refusal))
        if self.refusal:
            return
        match command.order:
            case StartJob(job_uid=uid):
                self._run_job(next(job for job in self._jobs() if job.uid == uid))
            case RestorePointTo(session_uid=uid, file_share_uid=share_uid):
                self.restores.append(command.order)
                self._run_session(uid, SessionType.RESTORE, None, share_uid)
            case VerifyRepository(session_uid=uid, is_healing=is_healing):
                self._run_session(uid, SessionType.HEALING if is_healing else SessionType.VERIFICATION, None, None)
            case DrillCopy(session_uid=uid):
                self._run_session(uid, SessionType.DRILL, None, None)
            case ListFiles() | FindFiles() | SendFile():
                for part in self.parts_of(command.order):
                    self._link.send_part(part, self._token)
            case _:
                pass

    def _jobs(self) -> list[JobConfiguration]:
        assert self._configuration is not None
        return self._configuration.jobs

    def _run_job(self, job: JobConfiguration) -> None:
        kind = SessionType.COPY if job.is_copy else SessionType.BACKUP
        self._run_session(str(uuid.uuid4()), kind, job, job.file_share_uid)
        if self.aside is not None:
            self._run_session(str(uuid.uuid4()), self.aside, job, job.file_share_uid)
            self.aside = None
        if not self.state.is_final or self.state is SessionState.FAILED:
            return
        now = datetime.now(UTC)
        if job.is_copy:
            entries = [
                LedgerEntry(
                    source_snapshot_id=snapshot_id,
                    created_at=now,
                    state=CopyState.VERIFIED,
                    reason="Read back.",
                    target_snapshot_id=uuid.uuid4().hex * 2,
                    copied_at=now,
                    verified_at=now,
                    size=4096,
                )
                for snapshot_id in self._snapshot_ids
            ]
            self._later.append(LedgerReport(job_uid=job.uid, entries=entries))
            return
        self._snapshot_ids.append(uuid.uuid4().hex * 2)
        point = PointReport(
            point_uid=str(uuid.uuid4()),
            job_uid=job.uid,
            snapshot_id=self._snapshot_ids[-1],
            created_at=now - self.point_age,
            size=4096,
            added=4096,
            files=3,
            is_complete=self.state is SessionState.SUCCESS and not self.is_adopting,
            is_adopted=self.is_adopting,
        )
        # Before the end of its session, as a real agent does it.
        self._later.insert(0, point)
        if self.doubt:
            cause = HoldCause(reason=HoldReason.SHRUNK, message=self.doubt, seen_at=now)
            hold = Hold(uid=str(uuid.uuid4()), since=now, causes=[cause])
            self._later.insert(1, HoldReport(job_uid=job.uid, hold=hold))
            self.doubt = ""

    def _run_session(self, uid: str, kind: SessionType, job: JobConfiguration | None, share_uid: str | None) -> None:
        now = datetime.now(UTC)
        begun = Session(
            instance_uid=uid,
            job_uid=job.uid if job else None,
            job_unique_uid=job.unique_uid if job else None,
            file_share_uid=share_uid,
            type=kind,
            state=SessionState.RUNNING,
            started_at=now,
        )
        self._report(SessionReport(session=begun))
        self._running.append(RunningSession(uid, Progress(percent=50.0)))
        ended = Session(
            instance_uid=uid,
            job_uid=begun.job_uid,
            job_unique_uid=begun.job_unique_uid,
            file_share_uid=share_uid,
            type=kind,
            state=self.state,
            started_at=now,
            ended_at=now + timedelta(seconds=65),
            progress=Progress(percent=100.0),
            statistics=Statistics(files_total=3, transferred=4096, points_copied=2),
            messages=self.messages,
        )
        self._later.append(SessionReport(session=ended, log=zlib.compress(b"it began\nand \x1b[2Jended\n")))
