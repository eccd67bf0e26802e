"""What the agent remembers, in its own SQLite file: each change with the report of it, in one transaction."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from threading import RLock
from typing import Any, TypeVar

import msgspec

from tandem.agent.remembered import HeldPoint, KnownRepository, StartedProcess
from tandem.decoding import decode
from tandem.domain.restore_points import LedgerEntry
from tandem.domain.sessions import Session
from tandem.protocol.messages import Configuration, LedgerReport, NumberedReport, Order, Report
from tandem.sealing import Seal

REPORTS_LENGTH_MAX = 2_000_000
ENTRIES_PER_REPORT_MAX = 1_000

Note = TypeVar("Note", bound=msgspec.Struct)

SCHEMA = """
create table if not exists configuration (id integer primary key check (id = 1), sealed text not null);
create table if not exists spool (id integer primary key check (id = 1), uid text not null);
create table if not exists outbox (number integer primary key autoincrement, report text not null);
create table if not exists commands (serial integer primary key, error text, is_sent integer not null default 0);
create table if not exists next_runs (job_uid text primary key, at text not null, schedule text not null);
create table if not exists sessions (uid text primary key, session text not null);
create table if not exists wishes (
    number integer primary key autoincrement, session_uid text not null unique, key text not null, wanted text);
create table if not exists points (
    repository_uid text not null, snapshot_id text not null, job_uid text not null, point text not null,
    is_going integer not null default 0, primary key (repository_uid, snapshot_id));
create table if not exists ledger (
    job_uid text not null, snapshot_id text not null, entry text not null, primary key (job_uid, snapshot_id));
create table if not exists repositories (
    uid text primary key, is_begun integer not null default 0, restic_id text, fingerprint text,
    forgotten_bytes integer not null default 0, oldest_forget text);
create table if not exists processes (
    id integer primary key autoincrement, pid integer not null, start_ticks integer not null, boot_id text not null,
    host_name text not null, started_at text not null);
create table if not exists notes (
    kind text not null, subject text not null, note text not null, primary key (kind, subject));
"""


class State:
    """The agent's memory; used from any thread, one transaction at a time."""

    def __init__(self, file: Path, seal: Seal) -> None:
        """Open the file, making it at the first start."""
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._seal = seal
        self._lock = RLock()
        self._depth = 0
        self._database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=10000"):
            self._database.execute(f"pragma {pragma}")
        self._database.executescript(SCHEMA)
        self._run("insert or ignore into spool values (1, ?)", str(uuid.uuid4()))

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Make several changes one; nested ones join the outermost."""
        with self._lock:
            if self._depth == 0:
                self._database.execute("begin immediate")
            self._depth += 1
            try:
                yield
                if self._depth == 1:
                    self._database.execute("commit")
            except BaseException:
                # SQLite itself has undone everything when its disk is full.
                if self._depth == 1 and self._database.in_transaction:
                    self._database.execute("rollback")
                raise
            finally:
                self._depth -= 1

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    # Configuration

    def configuration(self) -> Configuration | None:
        """Give the newest configuration that the console sent."""
        row = self._one("select sealed from configuration")
        if row is None:
            return None
        return decode(self._seal.open(row[0], "configuration"), Configuration)

    def set_configuration(self, configuration: Configuration) -> None:
        """Keep a configuration, sealed: it holds passwords."""
        sealed = self._seal.close(msgspec.json.encode(configuration).decode(), "configuration")
        self._run("insert or replace into configuration (id, sealed) values (1, ?)", sealed)

    # Reports

    def spool_uid(self) -> str:
        """Give the name of this memory: reports are numbered within it."""
        return str(self._all("select uid from spool")[0][0])

    def begin_spool(self) -> str:
        """Give this memory another name, so that its reports count as new."""
        self._run("insert or replace into spool values (1, ?)", str(uuid.uuid4()))
        return self.spool_uid()

    def last_number(self) -> int:
        """Give the highest number that a report has had; 0 when there was none."""
        row = self._one("select seq from sqlite_sequence where name = 'outbox'")
        return 0 if row is None else int(row[0])

    def add_report(self, report: Report) -> None:
        """Put a report into the spool."""
        self._run("insert into outbox (report) values (?)", _text(report))

    def reports(self, limit: int) -> list[NumberedReport]:
        """Give the oldest reports that the console has not acknowledged: as many as one message may hold."""
        rows = self._all("select number, report from outbox order by number limit ?", limit)
        sizes = accumulate(len(text) for _number, text in rows)
        fitting = [row for row, size in zip(rows, sizes, strict=True) if size <= REPORTS_LENGTH_MAX]
        return [NumberedReport(row[0], decode(row[1], Report)) for row in fitting or rows[:1]]

    def drop_reports(self, up_to: int) -> None:
        """Drop the reports that the console has applied."""
        self._run("delete from outbox where number <= ?", up_to)

    # Commands

    def take_command(self, serial: int) -> bool:
        """Note that a command is being carried out; False if it was before."""
        return self._run("insert or ignore into commands (serial) values (?)", serial) == 1

    def answer_command(self, serial: int, error: str) -> None:
        """Note what came of a command; empty means that it was carried out or taken on."""
        self._run("update commands set error = ?, is_sent = 0 where serial = ?", error, serial)

    def unsent_results(self) -> list[tuple[int, str]]:
        """Give (serial, error) of the answers that the console has not got."""
        rows = self._all("select serial, error from commands where is_sent = 0 and error is not null order by serial")
        return [(row[0], row[1]) for row in rows]

    def mark_results_sent(self, serials: Iterable[int]) -> None:
        """Note that the console has got answers."""
        with self.transaction():
            for serial in serials:
                self._run("update commands set is_sent = 1 where serial = ?", serial)

    def close_open_commands(self, error: str) -> None:
        """Answer the commands that a crash cut short."""
        self._run("update commands set error = ?, is_sent = 0 where error is null", error)

    # Schedule

    def next_run(self, job_uid: str) -> tuple[datetime, str] | None:
        """Give when a job is due, and the schedule that this was computed from."""
        row = self._one("select at, schedule from next_runs where job_uid = ?", job_uid)
        return None if row is None else (_instant(row[0]), row[1])

    def set_next_run(self, job_uid: str, at: datetime | None, schedule: str) -> None:
        """Note when a job is due; None means never."""
        if at is None:
            self._run("delete from next_runs where job_uid = ?", job_uid)
        else:
            self._run("insert or replace into next_runs values (?, ?, ?)", job_uid, _plain(at), schedule)

    # Sessions

    def put_session(self, session: Session) -> None:
        """Remember a session that is going on."""
        self._run("insert or replace into sessions values (?, ?)", session.instance_uid, _text(session))

    def drop_session(self, uid: str) -> None:
        """Forget a session that has ended."""
        self._run("delete from sessions where uid = ?", uid)

    def open_sessions(self) -> list[Session]:
        """Give the sessions that have not ended: after a start, those that a crash cut short."""
        return [decode(row[0], Session) for row in self._all("select session from sessions")]

    # Queue

    def put_wish(self, session_uid: str, key: str, order: Order | None) -> None:
        """Remember what a session waits for, and the order that brings it back."""
        sql = "insert or replace into wishes (session_uid, key, wanted) values (?, ?, ?)"
        self._run(sql, session_uid, key, None if order is None else _text(order))

    def drop_wish(self, session_uid: str) -> None:
        """Forget that a session waits."""
        self._run("delete from wishes where session_uid = ?", session_uid)

    def wishes(self) -> dict[str, tuple[str, Order | None]]:
        """Give the key and the order of each session that waits, first come first."""
        rows = self._all("select session_uid, key, wanted from wishes order by number")
        return {row[0]: (row[1], None if row[2] is None else _order(row[2])) for row in rows}

    # Restore points

    def points(self, job_uid: str, *, is_going: bool | None = None) -> list[HeldPoint]:
        """Give the points of a file share job; with `is_going`, only those that are, or are not, being forgotten."""
        sql = "select point from points where job_uid = ?"
        rows = self._all(sql, job_uid) if is_going is None else self._all(f"{sql} and is_going = ?", job_uid, is_going)
        return [decode(row[0], HeldPoint) for row in rows]

    def put_point(self, repository_uid: str, job_uid: str, point: HeldPoint) -> None:
        """Remember a point."""
        sql = "insert or replace into points (repository_uid, snapshot_id, job_uid, point) values (?, ?, ?, ?)"
        self._run(sql, repository_uid, point.snapshot_id, job_uid, _text(point))

    def mark_points_going(self, repository_uid: str, snapshot_ids: Iterable[str], *, is_going: bool = True) -> None:
        """Note that points are about to be forgotten, or that they were refused to go."""
        with self.transaction():
            for snapshot_id in snapshot_ids:
                sql = "update points set is_going = ? where repository_uid = ? and snapshot_id = ?"
                self._run(sql, is_going, repository_uid, snapshot_id)

    def drop_point(self, repository_uid: str, snapshot_id: str) -> None:
        """Forget a point that is gone."""
        self._run("delete from points where repository_uid = ? and snapshot_id = ?", repository_uid, snapshot_id)

    def known_snapshots(self, repository_uid: str, copy_job_uids: Iterable[str]) -> set[str]:
        """Give the snapshot ids of a repository that some job knows: its points, and copies of these copy jobs."""
        known = {row[0] for row in self._all("select snapshot_id from points where repository_uid = ?", repository_uid)}
        for job_uid in copy_job_uids:
            known |= {entry.target_snapshot_id for entry in self.ledger(job_uid).values() if entry.target_snapshot_id}
        return known

    # Ledger

    def ledger(self, job_uid: str) -> dict[str, LedgerEntry]:
        """Give a copy job's entries by source snapshot id."""
        rows = self._all("select entry from ledger where job_uid = ?", job_uid)
        entries = [decode(row[0], LedgerEntry) for row in rows]
        return {entry.source_snapshot_id: entry for entry in entries}

    def put_entries(self, job_uid: str, entries: Iterable[LedgerEntry]) -> None:
        """Remember where copies stand."""
        with self.transaction():
            for entry in entries:
                sql = "insert or replace into ledger values (?, ?, ?)"
                self._run(sql, job_uid, entry.source_snapshot_id, _text(entry))

    def report_entries(self, job_uid: str, entries: Sequence[LedgerEntry]) -> None:
        """Put into the spool where copies stand, as many of them in a report as one may hold."""
        for start in range(0, len(entries), ENTRIES_PER_REPORT_MAX):
            some = [*entries[start : start + ENTRIES_PER_REPORT_MAX]]
            self.add_report(LedgerReport(job_uid=job_uid, entries=some))

    # Repositories

    def repository(self, uid: str) -> KnownRepository:
        """Give what is remembered of a repository."""
        columns = KnownRepository.__struct_fields__
        row = self._one(f"select {', '.join(columns)} from repositories where uid = ?", uid)  # noqa: S608  (own names)
        if row is None:
            return KnownRepository()
        oldest = None if row[4] is None else _instant(row[4])
        return KnownRepository(
            is_begun=bool(row[0]), restic_id=row[1], fingerprint=row[2], forgotten_bytes=row[3], oldest_forget=oldest
        )

    def put_repository(self, uid: str, known: KnownRepository) -> None:
        """Remember a repository."""
        oldest = None if known.oldest_forget is None else _plain(known.oldest_forget)
        self._run(
            "insert or replace into repositories values (?, ?, ?, ?, ?, ?)",
            uid,
            known.is_begun,
            known.restic_id,
            known.fingerprint,
            known.forgotten_bytes,
            oldest,
        )

    # Processes

    def add_process(self, process: StartedProcess) -> None:
        """Remember a restic process that was started."""
        self._run(
            "insert into processes (pid, start_ticks, boot_id, host_name, started_at) values (?, ?, ?, ?, ?)",
            process.pid,
            process.start_ticks,
            process.boot_id,
            process.host_name,
            _plain(process.started_at),
        )

    def processes(self, pid: int) -> list[StartedProcess]:
        """Give the processes with this id that were started."""
        sql = "select pid, start_ticks, boot_id, host_name, started_at from processes where pid = ?"
        return [
            StartedProcess(
                pid=row[0], start_ticks=row[1], boot_id=row[2], host_name=row[3], started_at=_instant(row[4])
            )
            for row in self._all(sql, pid)
        ]

    def drop_processes(self, before: datetime) -> None:
        """Forget processes that were started long ago."""
        self._run("delete from processes where started_at < ?", _plain(before))

    # Notes: one of a kind on a subject

    def note(self, subject: str, kind: type[Note]) -> Note | None:
        """Give the note of a kind on a subject."""
        row = self._one("select note from notes where kind = ? and subject = ?", kind.__name__, subject)
        return None if row is None else decode(row[0], kind)

    def put_note(self, subject: str, note: msgspec.Struct) -> None:
        """Keep a note on a subject, in place of the one of its kind."""
        self._run("insert or replace into notes values (?, ?, ?)", type(note).__name__, subject, _text(note))

    def drop_note(self, subject: str, kind: type[msgspec.Struct]) -> None:
        """Drop the note of a kind on a subject."""
        self._run("delete from notes where kind = ? and subject = ?", kind.__name__, subject)

    def _run(self, sql: str, *values: Any) -> int:
        with self.transaction():
            return self._database.execute(sql, values).rowcount

    def _one(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        with self._lock:
            return self._database.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _order(text: str) -> Order:
    return decode(text, Order)


def _plain(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)
