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
from tandem.agent.queue import Entry, Queue, Wish, rules_of
from tandem.agent.run import Means, Run
from tandem.agent.run_log import RunLog, remove_logs, secrets_of
from tandem.agent.wishes import job_of, job_wish, left_waiting, new_session, restore_wish
from tandem.domain.limits import bandwidth_of_run
from tandem.domain.schedule import ScheduleType
from tandem.domain.sessions import RUNS, Progress, Session, SessionState, SessionType, bounded
from tandem.protocol.messages import (
    Configuration,
    JobConfiguration,
    Order,
    RestorePointTo,
    RunningSession,
    SessionReport,
)
from tandem.restic.errors import ResticError, Stopped

log = structlog.get_logger()

NOTE_AGAIN_SECONDS = 1.0
LOG_EVERY_SECONDS = 30.0
INTERRUPTED = "The agent was interrupted while this session ran; the next run goes on from what was done."
NOT_BEGUN = "The agent ended before this session began."
TAKEN_OUT = "The session was stopped on request before it began."


class Sessions:
    """Starts runs, stops them, and lets none be lost."""

    def __init__(
        self,
        means: Means,
        host_name: str,
        data: Path,
        wake: Callable[[], None],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin: sessions that a crash cut short are ended, those that waited are kept for `resume`.

        Args:
            means: the agent's.
            host_name: the name that points carry.
            data: the agent's folder.
            wake: called when there is something to report.
            ticks: gives seconds that never go back.
        """
        self._means = means
        self._host_name = host_name
        self._data = data
        self._wake = wake
        self._ticks = ticks
        self._logs = data / "logs"
        self._guard = RLock()
        self._threads: dict[str, Thread] = {}
        self._closing = Event()
        self._queue = Queue(means.state, self._begin)
        self._configuration: Configuration | None = None
        self._has_line_moved = False
        self._left, self._orders = left_waiting(means.state)
        configuration = means.state.configuration()
        jobs = {job.uid: job for job in configuration.jobs} if configuration is not None else {}
        for session in means.state.open_sessions():
            if session.state is not SessionState.QUEUED:
                log_file = self._log_of(session, frozenset())
                retried = jobs.get(session.job_uid or "") if session.type in RUNS else None
                self._end(session, SessionState.FAILED, [INTERRUPTED], log_file=log_file, retried=retried)
            elif session not in self._left.values():
                self._end(session, SessionState.FAILED, [NOT_BEGUN])
        remove_logs(self._logs)

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
        return self.start(job_wish(job, configuration, self._host_name), configuration, note_plan)

    def start_restore(self, order: RestorePointTo, configuration: Configuration) -> str:
        """Start a restore; gives what is wrong, empty when it runs or waits."""
        return self.start(restore_wish(order, self._data), configuration)

    def start(self, wish: Wish, configuration: Configuration, note_plan: Callable[[], None] | None = None) -> str:
        """Start a run of any kind, at once or when its turn comes; gives what is wrong, empty when it runs or waits."""
        with self._guard:
            if self._closing.is_set():
                return "The agent is stopping."
            if self._queue.find(wish.key) is not None:
                return "The job is running already."
            left = self._left.get(wish.key)
            session = left or new_session(wish, self._means.clock())
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
            has_changed = self._queue.look(self._configuration, self._means.clock())
            self._has_line_moved |= has_changed
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
            if self.is_waiting(key):
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

    def is_waiting(self, key: str) -> bool:
        """Say whether a job's run has not begun yet."""
        with self._guard:
            return any(entry.key == key for entry in self._queue.waiting)

    def running(self) -> list[RunningSession]:
        """Give where the sessions are that go on, then those that wait."""
        now = self._ticks()
        with self._guard:
            going_on = [
                RunningSession(
                    session_uid=entry.session.instance_uid,
                    progress=entry.meter.read(entry.progress, now),
                    idle_seconds=round(now - entry.moved_at, 1),
                    log=self._news_of_log(entry, now),
                )
                for entry in self._queue.running
            ]
            waiting = [
                RunningSession(
                    session_uid=entry.session.instance_uid,
                    progress=entry.progress,
                    idle_seconds=0,
                    queue_position=entry.verdict.position,
                    waiting_reason=entry.verdict.reason,
                )
                for entry in self._queue.waiting
                if entry.verdict is not None
            ]
        return going_on + waiting

    def has_news(self) -> bool:
        """Say whether the console should be told at once where the sessions are."""
        with self._guard:
            return bool(self._queue.running) or self._has_line_moved

    def note_told(self) -> None:
        """Note that the console is being told."""
        self._has_line_moved = False

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
        entry.moved_at = self._ticks()
        self._threads[entry.key] = thread
        thread.start()

    def _attend(self, entry: Entry) -> None:
        with self._guard:
            configuration = self._configuration
        assert configuration is not None  # noqa: S101  (nothing begins without one)
        entry.log = log_file = self._log_of(entry.session, secrets_of(configuration))
        run = Run(
            self._means,
            configuration,
            entry.stop,
            partial(self._show, entry),
            bandwidth=bandwidth_of_run(rules_of(configuration).limits_of(entry.wish.ticket)),
            tell=partial(self._tell, entry, log_file),
        )
        state, retried = SessionState.FAILED, job_of(entry.wish)
        try:
            self._note_begin(entry, run)
            entry.wish.work(run)
            state = run.result()[0]
        except Stopped:
            # Nobody wanted this run to end where the agent itself was told to: it is made good as after a crash.
            retried = retried if self._closing.is_set() else None
            state = SessionState.WARNING if entry.hours_over else SessionState.FAILED
            run.messages.append(self._why_stopped(entry))
        except (ResticError, OSError) as error:
            run.messages.append(str(error))
        except Exception as error:  # a fault of ours must end the session, not leave it running for ever
            log.exception("session failed", session=entry.session.instance_uid)
            run.messages.append(f"The agent failed: {type(error).__name__}: {error}. Its log has more.")
        run.tell("\n".join([f"The session ended as {state}.", *run.messages]))
        self._finish(entry, run, state, log_file, retried)
        self._wake()

    def _finish(
        self, entry: Entry, run: Run, state: SessionState, log_file: RunLog, retried: JobConfiguration | None
    ) -> None:
        ended = msgspec.structs.replace(
            entry.session, statistics=run.result()[1], plan=run.plan, progress=entry.progress
        )
        is_cut_short = bool(entry.hours_over) and not self._closing.is_set()
        is_done = state in {SessionState.SUCCESS, SessionState.WARNING} and not entry.hours_over
        chained = self._chained_to(entry) if is_done else []
        again = Entry(entry.wish, new_session(entry.wish, self._means.clock())) if is_cut_short else None
        self._end_surely(ended, state, run.messages, chained, log_file=log_file, again=again, retried=retried)
        log_file.remove()
        with self._guard:
            self._queue.end(entry.key)
            del self._threads[entry.key]
            self.look()

    def _why_stopped(self, entry: Entry) -> str:
        if self._closing.is_set():
            why = "The agent was stopped"
        elif entry.hours_over:
            why = f"The allowed hours of {entry.hours_over} have ended"
        else:
            why = "The session was stopped on request"
        return f"{why}; the next run goes on from what was done."

    def _note_begin(self, entry: Entry, run: Run) -> None:
        session = msgspec.structs.replace(entry.session, state=SessionState.RUNNING, started_at=self._means.clock())
        log.info("session started", session=session.instance_uid, type=session.type)
        waited = (session.started_at - entry.session.started_at).total_seconds()
        run.tell(f"{entry.wish.label} begins as {session.type}, {waited:.0f} s after it was asked for.")
        with self._means.state.transaction():
            self._means.state.put_session(session)
            self._means.state.drop_wish(session.instance_uid)
            if (job := job_of(entry.wish)) is not None:
                retries.begin(self._means.state, job, session.started_at)
            self._means.state.add_report(SessionReport(session=session))
        entry.session = session
        self._wake()

    def _log_of(self, session: Session, secrets: frozenset[str]) -> RunLog:
        return RunLog(self._logs, session.instance_uid, self._means.clock, secrets)

    def _news_of_log(self, entry: Entry, now: float) -> bytes | None:
        if entry.log is None or not entry.log.has_news or now < entry.log_due:
            return None
        entry.log_due = now + LOG_EVERY_SECONDS
        return entry.log.packed()

    def _tell(self, entry: Entry, log_file: RunLog, text: str) -> None:
        entry.moved_at = self._ticks()
        log_file.write(text)

    def _show(self, entry: Entry, progress: Progress) -> None:
        with self._guard:
            if entry.progress != progress:
                entry.moved_at = self._ticks()
            entry.progress = progress
        self._wake()

    def _chained_to(self, entry: Entry) -> list[str]:
        if not entry.wish.chains:
            return []
        with self._guard:
            jobs = self._configuration.jobs if self._configuration else []
        return [
            other.uid
            for other in jobs
            if other.source_job_uid == entry.key and other.is_enabled and other.schedule.type is ScheduleType.CHAINED
        ]

    def _end_surely(self, session: Session, state: SessionState, messages: list[str], *rest: Any, **more: Any) -> None:
        while True:
            try:
                return self._end(session, state, messages, *rest, **more)
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
        *,
        log_file: RunLog | None = None,
        again: Entry | None = None,
        retried: JobConfiguration | None = None,
    ) -> None:
        """End a session, together with what follows from it.

        Args:
            session: which.
            state: how it ended.
            messages: what is said of it.
            chained: the jobs that are due now.
            log_file: what it did.
            again: a run that goes on with its work, and waits anew.
            retried: its job, if that is tried again by itself after a failure.
        """
        now = self._means.clock()
        progress = msgspec.structs.replace(session.progress, rate=0, remaining_seconds=None)
        if state is SessionState.SUCCESS:
            progress = msgspec.structs.replace(progress, percent=100.0)
        packed = None if log_file is None else log_file.packed()
        with self._guard, self._means.state.transaction():
            told = retries.note_end(self._means.state, retried, state, now) if retried else []
            ended = msgspec.structs.replace(
                session, state=state, ended_at=now, messages=bounded([*messages, *told]), progress=progress
            )
            self._means.state.add_report(SessionReport(session=ended, log=packed))
            self._means.state.drop_session(session.instance_uid)
            self._means.state.drop_wish(session.instance_uid)
            for job_uid in chained:
                self._means.state.set_next_run(job_uid, now, ScheduleType.CHAINED)
            if again is not None:
                self._queue.add(again)
        log.info("session ended", session=session.instance_uid, state=state)
