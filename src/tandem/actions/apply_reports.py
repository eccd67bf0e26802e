"""Applying what many agents report at once: each agent's reports in order, and those of a kind together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from tandem.domain.errors import Conflict
from tandem.domain.sessions import Session
from tandem.protocol.messages import (
    HoldReport,
    LedgerReport,
    NumberedReport,
    PointReport,
    Report,
    RepositoryReport,
    RunningSession,
    SessionReport,
    SnapshotsReport,
)
from tandem.store import adoption, holds, job_runs, proof, repositories, restore_points, session_logs, sessions
from tandem.store.database import Connection, alone

log = structlog.get_logger()

Told = tuple[str, NumberedReport]


def apply_reports(connection: Connection, waiting: dict[str, list[NumberedReport]], now: datetime) -> None:
    """Apply reports of agents, which are locked: to the rows as if one after another, with few statements for all.

    Args:
        connection: a transaction.
        waiting: by backup server, in the order in which they are to be applied.
        now: the present.
    """
    begun = dict.fromkeys(waiting, 0)
    while True:
        wave: list[Told] = []
        for uid in sorted(waiting):
            alike = _first_alike(waiting[uid], begun[uid])
            begun[uid] += len(alike)
            wave += [(uid, numbered) for numbered in alike]
        if not wave:
            return
        for kind, apply in _APPLY.items():
            some = [(uid, numbered) for uid, numbered in wave if isinstance(numbered.report, kind)]
            if some:
                _apply_together(connection, some, apply, now)


def note_running(connection: Connection, told: list[tuple[str, RunningSession]], now: datetime) -> None:
    """Note where the sessions of agents are that go on or wait."""
    if not told:
        return
    # The newest word on each: a session is told of twice only by mistake.
    newest = list({(uid, running.session_uid): (uid, running) for uid, running in told}.values())
    try:
        with alone(connection):
            sessions.note_running(connection, newest, now)
            if with_log := [(uid, one.session_uid, one.log) for uid, one in newest if one.log]:
                going_on = sessions.open_ones(connection, [(uid, session_uid) for uid, session_uid, _log in with_log])
                session_logs.put_logs(connection, [each for each in with_log if each[:2] in going_on], now)
    except Conflict as error:
        if len(newest) > 1:
            log.warning("applied one by one", kind="RunningSession", reason=error.message)
            for one in newest:
                note_running(connection, [one], now)
        else:
            log.exception("progress refused", backup_server=newest[0][0], reason=error.message)


def _first_alike(reports: list[NumberedReport], begin: int) -> list[NumberedReport]:
    """Give the reports that come next and do not depend on each other: of one kind, and of nothing twice."""
    alike: list[NumberedReport] = []
    seen: set[str] = set()
    for numbered in reports[begin:]:
        report = numbered.report
        if alike and type(report) is not type(alike[0].report):
            break
        about = _about(report)
        if about & seen:
            break
        seen |= about
        alike.append(numbered)
    return alike


def _about(report: Report) -> set[str]:
    match report:
        case SessionReport(session=session):
            return {session.instance_uid, session.job_unique_uid or session.instance_uid}
        case PointReport():
            return {report.point_uid, report.snapshot_id}
        case RepositoryReport():
            return {report.repository_uid}
        case _:
            return set()


def _apply_together(
    connection: Connection, some: list[Told], apply: Callable[[Connection, list[Told], datetime], None], now: datetime
) -> None:
    # One thing that cannot be applied must not hold up all that come with it and after it.
    try:
        with alone(connection):
            apply(connection, some, now)
    except Conflict as error:
        if len(some) > 1:
            log.warning("applied one by one", kind=type(some[0][1].report).__name__, reason=error.message)
            for one in some:
                _apply_together(connection, [one], apply, now)
            return
        ((uid, numbered),) = some
        kind = type(numbered.report).__name__
        log.exception("report refused", backup_server=uid, number=numbered.number, kind=kind, reason=error.message)


def _apply_sessions(connection: Connection, told: list[Told], now: datetime) -> None:
    reports = {
        (uid, numbered.report.session.instance_uid): numbered.report
        for uid, numbered in told
        if isinstance(numbered.report, SessionReport)
    }
    taken = sessions.put_sessions(connection, [(uid, report.session) for (uid, _), report in reports.items()])
    job_runs.note_runs(connection, taken)
    logs = [(uid, each, report.log) for (uid, each), report in reports.items() if report.log is not None]
    session_logs.put_logs(connection, logs, now)
    session_logs.drop_logs_but_newest(connection, _jobs_of(taken))


def _jobs_of(taken: list[tuple[str, Session]]) -> list[str]:
    return [session.job_unique_uid for _uid, session in taken if session.state.is_final and session.job_unique_uid]


def _apply_repositories(connection: Connection, told: list[Told], now: datetime) -> None:
    del now
    reports = [(uid, numbered.report) for uid, numbered in told if isinstance(numbered.report, RepositoryReport)]
    repositories.apply_repository_reports(connection, reports)


def _apply_points(connection: Connection, told: list[Told], now: datetime) -> None:
    del now
    points = [(uid, numbered.report) for uid, numbered in told if isinstance(numbered.report, PointReport)]
    restore_points.apply_point_reports(connection, points)


def _apply_ledgers(connection: Connection, told: list[Told], now: datetime) -> None:
    del now
    for uid, numbered in told:
        if isinstance(numbered.report, LedgerReport):
            job_uid, entries = numbered.report.job_uid, numbered.report.entries
            restore_points.apply_ledger(connection, uid, job_uid, entries)
            proof.note_drills(connection, uid, job_uid, entries)


def _apply_snapshots(connection: Connection, told: list[Told], now: datetime) -> None:
    for uid, numbered in told:
        if isinstance(numbered.report, SnapshotsReport):
            adoption.apply_snapshots(connection, uid, numbered.report, now)


def _apply_holds(connection: Connection, told: list[Told], now: datetime) -> None:
    del now
    for uid, numbered in told:
        if isinstance(numbered.report, HoldReport):
            holds.apply_hold(connection, uid, numbered.report.job_uid, numbered.report.hold)


_APPLY: dict[type, Callable[[Connection, list[Told], datetime], None]] = {
    RepositoryReport: _apply_repositories,
    PointReport: _apply_points,
    LedgerReport: _apply_ledgers,
    SessionReport: _apply_sessions,
    SnapshotsReport: _apply_snapshots,
    HoldReport: _apply_holds,
}
