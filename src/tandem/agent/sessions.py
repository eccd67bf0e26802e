"""Sessions of this agent: each run in a thread of its own, begun when the queue says so."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from threading import Event, RLock, Thread
from typing import Any

import msgspec
import structlog

from tandem.agent import retries
from tandem.agent.queue import Entry, Queue, Wish
from tandem.agent.restore import run_restore
from tandem.agent.run import Means, Run
from tandem.agent.run_file_share_copy_job import run_file_share_copy_job
from tandem.agent.run_file_share_job import run_file_share_job
from tandem.agent.state import State
from tandem.domain.schedule import ScheduleType
from tandem.domain.sessions import Progress, Session, SessionState, SessionType, bounded
from tandem.protocol.messages import (
    Configuration,
    JobConfiguration,
    Order,
    RestorePointTo,
    RunningSession,
    SessionReport,
    StartJob,
)
from tandem.restic.errors import ResticError, Stopped

log = structlog.get_logger()

NOTE_AGAIN_SECONDS = 1.0
INTERRUPTED = "The agent was interrupted while this session ran; the next run goes on from what was done."
NOT_BEGUN = "The agent ended before this session began."
TAKEN_OUT = "The session was stopped on request before it began."


class Sessions:
    """Starts runs, stops them, and lets none be lost."""

    def __init__(self, means: Means, host_name: str, data: Path, wake: Callable[[], None]) -> None:
        """Begin: sessions that a crash cut short are ended, those that waited are kept for `resume`.

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
        self._threads: dict[str, Thread] = {}
        self._closing = Event()
        self._queue = Queue(means.state, self._begin)
        self._configuration: Configuration | None = None
        self._left, self._orders = _left_waiting(means.state)
        for session in means.state.open_sessions():
            if session.state is not SessionState.QUEUED:
                self._end(session, SessionState.FAILED, [INTERRUPTED])
            elif session not in self._left.values():
                self._end(session, SessionState.FAILED, [NOT_BEGUN])

    def resume(self, obey: Callable[[Order], str]) -> None:
        """Queue again what waited when the agent ended, in the same order and with the same sessions.

        Args:
            obey: carries an order out; gives what is wrong.
        """
        for order in self._orders:
            try:
                reason = obey(order)
            except Exception as error:  # one that cannot be queued must not keep the others from it
                log.exception("session not resumed")
                reason = f"The agent failed: {error}"
            if reason:
                log.warning("session not resumed", reason=reason)
        self._orders = []
        for session in self._left.values():
            self._end(session, SessionState.FAILED, [NOT_BEGUN])
        self._left = {}

    def start_job(
        self, job: JobConfiguration, configuration: Configuration, note_plan: Callable[[], None] | None = None
    ) -> str:
        """Start a run of a job; gives what is wrong, empty when it runs or waits.

        Args:
            job: what to run.
            configuration: as it is now.
            note_plan: notes when the job is due next: together with the session, so that no planned run is lost.
        """
        sources = {other.target_repository_uid for other in configuration.jobs if other.uid == job.source_job_uid}

        def work(run: Run) -> None:
            # As it is when the run begins: it may have waited for long.
            now = run.job(job.uid)
            if now.is_copy:
                run_file_share_copy_job(run, now)
            else:
                run_file_share_job(run, now, self._host_name)

        wish = Wish(
            key=job.uid,
            type=SessionType.COPY if job.is_copy else SessionType.BACKUP,
            label=f"the job {job.name}",
            work=work,
            writes=frozenset({job.target_repository_uid}),
            reads=frozenset(sources),
            job=job,
            file_share_uid=job.file_share_uid,
            chains=True,
            order=StartJob(job.uid),
        )
        return self.start(wish, configuration, note_plan)

    def start_restore(self, order: RestorePointTo, configuration: Configuration) -> str:
        """Start a restore; gives what is wrong, empty when it runs or waits."""

        def work(run: Run) -> None:
            run_restore(run, order, self._data)

        wish = Wish(
            key=order.session_uid,
            type=SessionType.RESTORE,
            label="a restore",
            work=work,
            reads=frozenset({order.repository_uid}),
            file_share_uid=order.file_share_uid,
            session_uid=order.session_uid,
            order=order,
        )
        return self.start(wish, configuration)

    def start(self, wish: Wish, configuration: Configuration, note_plan: Callable[[], None] | None = None) -> str:
        """Start a run of any kind, at once or when its turn comes; gives what is wrong, empty when it runs or waits."""
        with self._guard:
            if self._closing.is_set():
                return "The agent is stopping."
            if self._queue.find(wish.key) is not None:
                return "The job is running already."
            left = self._left.get(wish.key)
            session = left or _session(wish, self._means.clock(), SessionState.QUEUED)
            self._queue.add(Entry(wish, session), note_plan)
            self._left.pop(wish.key, None)
            self.look(configuration)
        return ""

    def look(self, configuration: Configuration | None = None) -> None:
        """Begin whatever may begin now.

        Args:
            configuration: the newest, if there is news of it.
        """
        with self._guard:
            self._configuration = configuration or self._configuration
            if self._configuration is None or self._closing.is_set():
                return
            has_changed = self._queue.look(self._configuration)
        if has_changed:
            self._wake()

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

    def stop_job(self, key: str) -> str:
        """Tell a job's run, or another one by its key, to end; gives what is wrong, empty when it was told."""
        with self._guard:
            entry = self._queue.find(key)
            if entry is None:
                return "The job is not running on this backup server."
            if key in {waiting.key for waiting in self._queue.waiting}:
                self._end(entry.session, SessionState.SKIPPED, [TAKEN_OUT])
                self._queue.remove(key)
                retries.give_up(self._means.state, key)
                self.look()
                self._wake()
            else:
                entry.stop.set()
            return ""

    def is_running(self, key: str) -> bool:
        """Say whether a job's run is going on or waits."""
        with self._guard:
            return self._queue.find(key) is not None

    def running(self) -> list[RunningSession]:
        """Give how far the running sessions are."""
        with self._guard:
            return [RunningSession(entry.session.instance_uid, entry.progress) for entry in self._queue.running]

    def close(self, timeout_seconds: float) -> None:
        """End all runs and wait for them; what has not begun waits for the next start of the agent."""
        end = time.monotonic() + timeout_seconds
        with self._guard:
            self._closing.set()
            threads = list(self._threads.values())
            for entry in self._queue.running:
                entry.stop.set()
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _begin(self, entry: Entry) -> None:
        # A daemon: one that hangs on a dead mount must not keep the agent's process from ending.
        name = f"session {entry.session.instance_uid}"
        thread = Thread(target=self._attend, args=(entry,), name=name, daemon=True)
        self._threads[entry.key] = thread
        thread.start()

    def _attend(self, entry: Entry) -> None:
        with self._guard:
            configuration = self._configuration
        assert configuration is not None  # noqa: S101  (nothing begins without one)
        run = Run(self._means, configuration, entry.stop, partial(self._show, entry))
        state, retried = SessionState.FAILED, _job_of(entry)
        try:
            self._note_begin(entry)
            entry.wish.work(run)
            state = run.result()[0]
        except Stopped:
            retried = None
            why = "The agent was stopped" if self._closing.is_set() else "The session was stopped on request"
            run.messages.append(f"{why}; the next run goes on from what was done.")
        except (ResticError, OSError) as error:
            run.messages.append(str(error))
        except Exception as error:  # a fault of ours must end the session, not leave it running for ever
            log.exception("session failed", session=entry.session.instance_uid)
            run.messages.append(f"The agent failed: {type(error).__name__}: {error}. Its log has more.")
        ended = msgspec.structs.replace(
            entry.session, statistics=run.result()[1], plan=run.plan, progress=entry.progress
        )
        self._end_surely(ended, state, run.messages, self._chained_to(entry, state), retried)
        with self._guard:
            self._queue.end(entry.key)
            del self._threads[entry.key]
            self.look()
        self._wake()

    def _note_begin(self, entry: Entry) -> None:
        session = msgspec.structs.replace(entry.session, state=SessionState.RUNNING, started_at=self._means.clock())
        log.info("session started", session=session.instance_uid, type=session.type)
        with self._means.state.transaction():
            self._means.state.put_session(session)
            self._means.state.drop_wish(session.instance_uid)
            if (job := _job_of(entry)) is not None:
                retries.begin(self._means.state, job, session.started_at)
            self._means.state.add_report(SessionReport(session=session))
        entry.session = session
        self._wake()

    def _show(self, entry: Entry, progress: Progress) -> None:
        with self._guard:
            entry.progress = progress
        self._wake()

    def _chained_to(self, entry: Entry, state: SessionState) -> list[str]:
        if not entry.wish.chains or state not in {SessionState.SUCCESS, SessionState.WARNING}:
            return []
        with self._guard:
            jobs = self._configuration.jobs if self._configuration else []
        return [
            other.uid
            for other in jobs
            if other.source_job_uid == entry.key and other.is_enabled and other.schedule.type is ScheduleType.CHAINED
        ]

    def _end_surely(
        self,
        session: Session,
        state: SessionState,
        messages: list[str],
        chained: Iterable[str],
        retried: JobConfiguration | None,
    ) -> None:
        while True:
            try:
                return self._end(session, state, messages, chained, retried)
            except sqlite3.Error:  # the agent's disk is full, most likely: that passes
                log.exception("session not noted", session=session.instance_uid, state=state)
                if self._closing.wait(NOTE_AGAIN_SECONDS):
                    return None  # the next start ends it

    def _end(
        self,
        session: Session,
        state: SessionState,
        messages: list[str],
        chained: Iterable[str] = (),
        retried: JobConfiguration | None = None,
    ) -> None:
        now = self._means.clock()
        progress = session.progress
        if state is SessionState.SUCCESS:
            progress = msgspec.structs.replace(progress, percent=100.0)
        with self._means.state.transaction():
            told = retries.note_end(self._means.state, retried, state, now) if retried else []
            ended = msgspec.structs.replace(
                session, state=state, ended_at=now, messages=bounded([*messages, *told]), progress=progress
            )
            self._means.state.add_report(SessionReport(session=ended))
            self._means.state.drop_session(session.instance_uid)
            self._means.state.drop_wish(session.instance_uid)
            for job_uid in chained:
                self._means.state.set_next_run(job_uid, now, ScheduleType.CHAINED)
        log.info("session ended", session=session.instance_uid, state=state)


def _session(wish: Wish, now: Any, state: SessionState) -> Session:
    return Session(
        instance_uid=wish.session_uid or str(uuid.uuid4()),
        job_uid=wish.job.uid if wish.job else None,
        job_unique_uid=wish.job.unique_uid if wish.job else None,
        file_share_uid=wish.file_share_uid,
        type=wish.type,
        state=state,
        started_at=now,
    )


def _job_of(entry: Entry) -> JobConfiguration | None:
    """Give the job whose run this is; other work on a job is not tried again by itself."""
    return entry.wish.job if entry.wish.job is not None and entry.wish.job.uid == entry.key else None


def _left_waiting(state: State) -> tuple[dict[str, Session], list[Order]]:
    """Give the sessions that waited when the agent ended, by key, and the orders that bring them back."""
    sessions = {session.instance_uid: session for session in state.open_sessions()}
    left: dict[str, Session] = {}
    orders: list[Order] = []
    for session_uid, (key, order) in state.wishes().items():
        if session_uid in sessions and order is not None:
            left[key] = sessions[session_uid]
            orders.append(order)
    return left, orders
