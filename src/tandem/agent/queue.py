"""The runs of this backup server that wait, and those that go on: the one place that says what begins.

It starts no thread and reads no clock: who owns it calls `look` whenever something may have changed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Event

import msgspec
import structlog

from tandem.agent.run import Run
from tandem.agent.run_log import RunLog
from tandem.agent.state import State
from tandem.domain.queue import Rules, Ticket, Verdict, judge, over_time
from tandem.domain.sessions import Meter, Progress, Session, SessionState, SessionType
from tandem.protocol.messages import Configuration, JobConfiguration, Order, SessionReport

log = structlog.get_logger()


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """A run that somebody wants.

    Attributes:
        key: of one key only one run waits or goes on at a time; a job's is its uid.
        type: of its session.
        label: what it is called towards others who wait, such as "the job Documents".
        work: what it does. It finds its configuration in the run: as it is when the run begins, not when it was wanted.
        writes: repositories that nobody else may use meanwhile.
        reads: repositories that others may read meanwhile too.
        job: whose session it is, if it is a job's.
        file_share_uid: the share that it is about.
        session_uid: of its session, where the console has chosen it.
        chains: whether the jobs that follow `job` are due when it has ended well.
        order: what brings it back when the agent ends while it waits; without one it is then given up.
        heeds_hours: whether it waits for the allowed hours and may be stopped at their end; not if somebody sits by.
    """

    key: str
    type: SessionType
    label: str
    work: Callable[[Run], None]
    writes: frozenset[str] = frozenset()
    reads: frozenset[str] = frozenset()
    job: JobConfiguration | None = None
    file_share_uid: str | None = None
    session_uid: str | None = None
    chains: bool = False
    order: Order | None = None
    heeds_hours: bool = True

    @property
    def ticket(self) -> Ticket:
        """What it needs."""
        return Ticket(
            key=self.key,
            label=self.label,
            writes=self.writes,
            reads=self.reads - self.writes,
            heeds_hours=self.heeds_hours,
        )


class Entry:
    """A run in the queue, from its wish to its end."""

    def __init__(self, wish: Wish, session: Session) -> None:
        """Begin to wait."""
        self.wish = wish
        self.session = session
        self.stop = Event()
        # Whose allowed hours have ended, if that is why it is stopped.
        self.hours_over = ""
        self.progress = Progress()
        self.meter = Meter()
        self.moved_at = 0.0
        self.log: RunLog | None = None
        self.log_due = 0.0
        self.verdict: Verdict | None = None
        self.is_reported = False

    @property
    def key(self) -> str:
        """The key of its wish."""
        return self.wish.key


class Queue:
    """Runs in the order in which they came; its owner guards it from being used by two threads at once."""

    def __init__(self, state: State, begin: Callable[[Entry], None]) -> None:
        """Start empty.

        Args:
            state: where what waits is remembered.
            begin: called for each run that may begin, once.
        """
        self._state = state
        self._begin = begin
        self._waiting: dict[str, Entry] = {}
        self._running: dict[str, Entry] = {}

    def find(self, key: str) -> Entry | None:
        """Find the run of a key, waiting or running."""
        return self._waiting.get(key) or self._running.get(key)

    @property
    def waiting(self) -> Sequence[Entry]:
        """Those that wait, first come first."""
        return list(self._waiting.values())

    @property
    def running(self) -> Sequence[Entry]:
        """Those that go on."""
        return list(self._running.values())

    def add(self, entry: Entry, note_plan: Callable[[], None] | None = None) -> None:
        """Put a run at the end, noting together with it when its job is due next: no planned run is lost."""
        with self._state.transaction():
            self._state.put_session(entry.session)
            self._state.put_wish(entry.session.instance_uid, entry.key, entry.wish.order)
            if note_plan is not None:
                note_plan()
        self._waiting[entry.key] = entry

    def look(self, configuration: Configuration, now: datetime) -> bool:
        """Begin whatever may begin, and stop what is over its time; says whether who waits has news."""
        rules = rules_of(configuration)
        for entry in self._running.values():
            if not entry.stop.is_set():
                entry.hours_over = over_time(entry.wish.ticket, rules, now)
                if entry.hours_over:
                    entry.stop.set()
        has_changed = False
        going_on = [entry.wish.ticket for entry in self._running.values()]
        for verdict in judge([entry.wish.ticket for entry in self._waiting.values()], going_on, rules, now):
            entry = self._waiting[verdict.ticket.key]
            if verdict.may_begin:
                self._running[entry.key] = self._waiting.pop(entry.key)
                self._begin(entry)
                continue
            has_changed |= entry.verdict != verdict
            entry.verdict = verdict
            self._report(entry)
        return has_changed

    def remove(self, key: str) -> Entry | None:
        """Take a run that has not begun out of the queue; None if it has."""
        return self._waiting.pop(key, None)

    def end(self, key: str) -> None:
        """Let go of what a run held."""
        del self._running[key]

    def _report(self, entry: Entry) -> None:
        if entry.is_reported:
            return
        try:
            self._state.add_report(SessionReport(session=entry.session))
            entry.is_reported = True
        except sqlite3.Error:  # the agent's disk is full, most likely: the next look says it
            log.exception("session not reported", session=entry.session.instance_uid, state=SessionState.QUEUED)


def rules_of(configuration: Configuration) -> Rules:
    """Give the limits that a configuration sets."""
    return Rules(
        server=configuration.limits,
        repositories={repository.uid: repository.limits for repository in configuration.repositories},
        names={repository.uid: repository.name for repository in configuration.repositories},
    )
