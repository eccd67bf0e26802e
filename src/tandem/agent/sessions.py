"""Sessions of this agent: each run in a thread of its own, one at a time on a repository."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Event, Lock, RLock, Thread

import msgspec
import structlog

from tandem.agent.restore import run_restore
from tandem.agent.run import Means, Run
from tandem.agent.run_file_share_copy_job import adopt_copies, run_file_share_copy_job
from tandem.agent.run_file_share_job import adopt_points, run_file_share_job
from tandem.domain.schedule import ScheduleType
from tandem.domain.sessions import Progress, Session, SessionState, SessionType, bounded
from tandem.protocol.messages import (
    AdoptPoints,
    Configuration,
    JobConfiguration,
    RestorePointTo,
    RunningSession,
    SessionReport,
)
from tandem.restic.errors import ResticError, Stopped

log = structlog.get_logger()

NOTE_AGAIN_SECONDS = 1.0
INTERRUPTED = "The agent was interrupted while this session ran; the next run goes on from what was done."


class _Task(msgspec.Struct, frozen=True, kw_only=True):
    """A run to be: what it does, on which repositories, and which jobs are due after it."""

    key: str
    session: Session
    configuration: Configuration
    repositories: frozenset[str]
    work: Callable[[Run], None]
    chained: tuple[str, ...] = ()
    note_plan: Callable[[], None] | None = None


class Sessions:
    """Starts runs, stops them, and lets none be lost."""

    def __init__(self, means: Means, host_name: str, data: Path, wake: Callable[[], None]) -> None:
        """Begin: sessions that a crash cut short are ended.

        Args:
            means: the agent's.
            host_name: the name that points carry.
            data: the agent's folder.
            wake: called when there is something to report.
        """
        self._means = means
        self._host_name = host_name
        self._data = data
        self._wake = wake
        self._guard = RLock()
        self._stops: dict[str, Event] = {}
        self._threads: dict[str, Thread] = {}
        self._progress: dict[str, Progress] = {}
        self._repository_locks: dict[str, Lock] = {}
        self._closing = Event()
        for session in means.state.open_sessions():
            self._end(session, SessionState.FAILED, [INTERRUPTED])

    def start_job(
        self, job: JobConfiguration, configuration: Configuration, note_plan: Callable[[], None] | None = None
    ) -> str:
        """Start a run of a job; gives what is wrong, empty when it was started.

        Args:
            job: what to run.
            configuration: as it is now.
            note_plan: notes when the job is due next: together with the session, so that no planned run is lost.
        """
        session = Session(
            instance_uid=str(uuid.uuid4()),
            job_uid=job.uid,
            job_unique_uid=job.unique_uid,
            file_share_uid=job.file_share_uid,
            type=SessionType.COPY if job.is_copy else SessionType.BACKUP,
            state=SessionState.RUNNING,
            started_at=self._means.clock(),
        )
        sources = {other.target_repository_uid for other in configuration.jobs if other.uid == job.source_job_uid}

        def work(run: Run) -> None:
            if job.is_copy:
                run_file_share_copy_job(run, job)
            else:
                run_file_share_job(run, job, self._host_name)

        return self._start(
            _Task(
                key=job.uid,
                session=session,
                configuration=configuration,
                repositories=frozenset({job.target_repository_uid} | sources),
                work=work,
                chained=_chained_to(job, configuration),
                note_plan=note_plan,
            )
        )

    def start_restore(self, order: RestorePointTo, configuration: Configuration) -> str:
        """Start a restore; gives what is wrong, empty when it was started."""
        session = Session(
            instance_uid=order.session_uid,
            job_uid=None,
            job_unique_uid=None,
            file_share_uid=order.file_share_uid,
            type=SessionType.RESTORE,
            state=SessionState.RUNNING,
            started_at=self._means.clock(),
        )

        def work(run: Run) -> None:
            run_restore(run, order, self._data)

        return self._start(
            _Task(
                key=order.session_uid,
                session=session,
                configuration=configuration,
                repositories=frozenset({order.repository_uid}),
                work=work,
            )
        )

    def start_adoption(self, order: AdoptPoints, configuration: Configuration) -> str:
        """Start to take in what a job adopts; gives what is wrong, empty when it was started."""
        job = next((found for found in configuration.jobs if found.uid == order.job_uid), None)
        if job is None:
            return "This agent does not know the job."
        session = Session(
            instance_uid=order.session_uid,
            job_uid=job.uid,
            job_unique_uid=job.unique_uid,
            file_share_uid=job.file_share_uid,
            type=SessionType.ADOPTION,
            state=SessionState.RUNNING,
            started_at=self._means.clock(),
        )

        def work(run: Run) -> None:
            if job.is_copy:
                adopt_copies(run, job)
            else:
                adopt_points(run, job, self._host_name)

        return self._start(
            _Task(
                key=order.session_uid,
                session=session,
                configuration=configuration,
                repositories=frozenset({job.target_repository_uid}),
                work=work,
            )
        )

    def skip(self, job: JobConfiguration, reason: str) -> None:
        """Leave a session for a planned run that did not take place."""
        now = self._means.clock()
        session = Session(
            instance_uid=str(uuid.uuid4()),
            job_uid=job.uid,
            job_unique_uid=job.unique_uid,
            file_share_uid=job.file_share_uid,
            type=SessionType.COPY if job.is_copy else SessionType.BACKUP,
            state=SessionState.SKIPPED,
            started_at=now,
            ended_at=now,
            messages=[reason],
        )
        self._means.state.add_report(SessionReport(session=session))
        self._wake()

    def stop_job(self, job_uid: str) -> str:
        """Tell a job's run to end; gives what is wrong, empty when it was told."""
        with self._guard:
            stop = self._stops.get(job_uid)
            if stop is None:
                return "The job is not running on this backup server."
            stop.set()
            return ""

    def is_running(self, job_uid: str) -> bool:
        """Say whether a job's run is going on."""
        with self._guard:
            return job_uid in self._stops

    def running(self) -> list[RunningSession]:
        """Give how far the running sessions are."""
        with self._guard:
            return [RunningSession(uid, progress) for uid, progress in self._progress.items()]

    def close(self, timeout_seconds: float) -> None:
        """End all runs and wait for them."""
        end = time.monotonic() + timeout_seconds
        with self._guard:
            self._closing.set()
            threads = list(self._threads.values())
            for stop in self._stops.values():
                stop.set()
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _start(self, task: _Task) -> str:
        with self._guard:
            if self._closing.is_set():
                return "The agent is stopping."
            if task.key in self._stops:
                return "The job is running already."
            with self._means.state.transaction():
                self._means.state.put_session(task.session)
                if task.note_plan is not None:
                    task.note_plan()
            stop = Event()
            # A daemon: one that hangs on a dead mount must not keep the agent's process from ending.
            name = f"session {task.session.instance_uid}"
            thread = Thread(target=self._attend, args=(task, stop), name=name, daemon=True)
            thread.start()
            self._stops[task.key], self._threads[task.key] = stop, thread
        return ""

    def _attend(self, task: _Task, stop: Event) -> None:
        run = Run(self._means, task.configuration, stop, partial(self._show, task.session.instance_uid))
        state = SessionState.FAILED
        try:
            with ExitStack() as held:
                # In one order for all, so that two runs cannot wait for each other.
                for uid in sorted(task.repositories):
                    held.enter_context(self._repository_lock(uid))
                self._begin(task.session)
                task.work(run)
            state = run.result()[0]
        except Stopped:
            why = "The agent was stopped" if self._closing.is_set() else "The session was stopped on request"
            run.messages.append(f"{why}; the next run goes on from what was done.")
        except (ResticError, OSError) as error:
            run.messages.append(str(error))
        except Exception as error:  # a fault of ours must end the session, not leave it running for ever
            log.exception("session failed", session=task.session.instance_uid)
            run.messages.append(f"The agent failed: {type(error).__name__}: {error}. Its log has more.")
        is_done = state in {SessionState.SUCCESS, SessionState.WARNING}
        ended = msgspec.structs.replace(task.session, statistics=run.result()[1], plan=run.plan)
        self._end_surely(ended, state, run.messages, task.chained if is_done else ())
        with self._guard:
            del self._stops[task.key], self._threads[task.key]
        self._wake()

    def _show(self, session_uid: str, progress: Progress) -> None:
        with self._guard:
            self._progress[session_uid] = progress
        self._wake()

    def _repository_lock(self, uid: str) -> Lock:
        with self._guard:
            return self._repository_locks.setdefault(uid, Lock())

    def _begin(self, session: Session) -> None:
        log.info("session started", session=session.instance_uid, type=session.type)
        self._means.state.add_report(SessionReport(session=session))
        with self._guard:
            self._progress[session.instance_uid] = Progress()
        self._wake()

    def _end_surely(self, session: Session, state: SessionState, messages: list[str], chained: Iterable[str]) -> None:
        while True:
            try:
                return self._end(session, state, messages, chained)
            except sqlite3.Error:  # the agent's disk is full, most likely: that passes
                log.exception("session not noted", session=session.instance_uid, state=state)
                if self._closing.wait(NOTE_AGAIN_SECONDS):
                    return None  # the next start ends it

    def _end(self, session: Session, state: SessionState, messages: list[str], chained: Iterable[str] = ()) -> None:
        now = self._means.clock()
        with self._guard:
            progress = self._progress.pop(session.instance_uid, session.progress)
        if state is SessionState.SUCCESS:
            progress = msgspec.structs.replace(progress, percent=100.0)
        ended = msgspec.structs.replace(
            session, state=state, ended_at=now, messages=bounded(messages), progress=progress
        )
        with self._means.state.transaction():
            self._means.state.add_report(SessionReport(session=ended))
            self._means.state.drop_session(session.instance_uid)
            for job_uid in chained:
                self._means.state.set_next_run(job_uid, now, ScheduleType.CHAINED)
        log.info("session ended", session=session.instance_uid, state=state)


def _chained_to(job: JobConfiguration, configuration: Configuration) -> tuple[str, ...]:
    return tuple(
        other.uid
        for other in configuration.jobs
        if other.source_job_uid == job.uid and other.is_enabled and other.schedule.type is ScheduleType.CHAINED
    )
