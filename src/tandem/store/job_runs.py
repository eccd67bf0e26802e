"""What sessions change at their jobs: how and when they last ran, and how much they hold."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Integer, ScalarSelect, bindparam, cast, func, or_, select, update

from tandem.domain.jobs import JobStatus
from tandem.domain.sessions import FINAL, RUNS, Session, SessionState, SessionType
from tandem.store.database import Connection
from tandem.store.schema.point_tables import IS_HELD_COPY
from tandem.store.schema.tables import file_share_copy_jobs, jobs, restore_point_copies, restore_points, sessions

AVERAGE_OVER = 20
_JOB_STATUS = {
    SessionState.QUEUED: JobStatus.STARTING,
    SessionState.RUNNING: JobStatus.RUNNING,
    SessionState.STOPPING: JobStatus.STOPPING,
    SessionState.SUCCESS: JobStatus.SUCCESS,
    SessionState.WARNING: JobStatus.WARNING,
    SessionState.FAILED: JobStatus.FAILED,
}


def note_runs(connection: Connection, told: list[tuple[str, Session]]) -> None:
    """Carry sessions over to their jobs: the fields that speak of the last run, and what points take.

    Args:
        connection: a transaction in which the sessions are stored.
        told: (backup server, session), each job once: whoever tells of one job twice does it one after the other.
    """
    in_order = sorted((one for one in told if one[1].job_unique_uid), key=lambda one: str(one[1].job_unique_uid))
    queued: list[dict[str, Any]] = []
    going_on: list[dict[str, Any]] = []
    ended: list[dict[str, Any]] = []
    held: list[dict[str, Any]] = []
    for server_uid, session in in_order:
        names = {"uid": session.job_unique_uid, "server_uid": server_uid}
        if session.type not in RUNS:
            if session.type is SessionType.ADOPTION and session.state.is_final:
                held.append(names)
        elif session.state is SessionState.SKIPPED:
            _note_skipped(connection, server_uid, session)
            held.append(names)
        elif session.state is SessionState.QUEUED:
            queued.append(names | _status(session))
        elif session.ended_at is None:
            if session.state.is_final:
                held.append(names)
            going_on.append(names | _status(session) | {"last_run": session.started_at})
        else:
            ended.append(names | _end(session, session.ended_at))
    for statement, rows in ((_QUEUED, queued), (_GOING_ON, going_on), (_ENDED, ended), (_HELD, held)):
        if rows:
            connection.execute(statement, rows)
    _note_source_sizes(connection, told)


def _note_source_sizes(connection: Connection, told: list[tuple[str, Session]]) -> None:
    """Note the size of the share that a backup has read, in bytes, at every copy job of its job."""
    rows = [
        {"uid": session.job_unique_uid, "server_uid": server_uid, "size": session.statistics.source_size}
        for server_uid, session in sorted(told, key=lambda one: str(one[1].job_unique_uid))
        if session.job_unique_uid and session.type is SessionType.BACKUP and session.statistics.source_size
    ]
    if rows:
        connection.execute(_SIZED, rows)


def _status(session: Session) -> dict[str, Any]:
    return {"last_session_uid": session.instance_uid, "status": _JOB_STATUS[session.state]}


def _end(session: Session, ended_at: datetime) -> dict[str, Any]:
    return _status(session) | {
        "last_run": session.started_at,
        "last_end_time": ended_at,
        "last_duration": max(0, round((ended_at - session.started_at).total_seconds())),
        "transferred_data": session.statistics.transferred,
        "failure_message": _failure(session),
    }


def _failure(session: Session) -> str | None:
    return "\r\n".join(session.messages) or None if session.state is not SessionState.SUCCESS else None


def _note_skipped(connection: Connection, backup_server_uid: str, session: Session) -> None:
    # One that never waited has changed nothing at the job.
    is_waiting = (jobs.c.unique_uid == session.job_unique_uid) & (jobs.c.backup_server_uid == backup_server_uid)
    is_waiting &= jobs.c.last_session_uid == session.instance_uid
    before = _as_before(connection, str(session.job_unique_uid))
    connection.execute(update(jobs).where(is_waiting).values(before))


def _as_before(connection: Connection, job_unique_uid: str) -> dict[str, Any]:
    """Give what a job says of its last run, once the one that waited will not take place."""
    took_place = sessions.c.state.in_([state for state in FINAL if state is not SessionState.SKIPPED])
    last = (
        select(sessions.c.instance_uid, sessions.c.state)
        .where(sessions.c.job_unique_uid == job_unique_uid, sessions.c.type.in_(RUNS), took_place)
        .order_by(sessions.c.position.desc())
        .limit(1)
    )
    row = connection.execute(last).first()
    if row is None:
        return {"last_session_uid": None, "status": JobStatus.NONE}
    return {"last_session_uid": row[0], "status": _JOB_STATUS[row[1]]}


# In what is run for many rows, lists are written out: they have no fixed number of parameters.
def _average_duration() -> ScalarSelect[Any]:
    recent = (
        select((sessions.c.ended_at - sessions.c.started_at).label("taken"))
        .where(sessions.c.job_unique_uid == jobs.c.unique_uid, sessions.c.ended_at.is_not(None))
        .where(or_(*(sessions.c.type == kind for kind in RUNS)))
        .order_by(sessions.c.position.desc())
        .limit(AVERAGE_OVER)
        .correlate(jobs)
        .subquery()
    )
    return select(cast(func.round(func.avg(cast(recent.c.taken, Float)) / 1_000_000), Integer)).scalar_subquery()


def _chain_size() -> ScalarSelect[Any]:
    """Give the bytes that a job's points take, of whichever kind it is: what is adopted counts for either."""
    made = select(func.coalesce(func.sum(restore_points.c.added), 0)).where(
        restore_points.c.job_unique_uid == jobs.c.unique_uid, restore_points.c.forgotten_at.is_(None)
    )
    copied = select(func.coalesce(func.sum(restore_point_copies.c.added), 0)).where(
        restore_point_copies.c.job_unique_uid == jobs.c.unique_uid,
        IS_HELD_COPY,
    )
    parts = made.correlate(jobs).scalar_subquery(), copied.correlate(jobs).scalar_subquery()
    return select(cast(parts[0] + parts[1], BigInteger)).correlate(jobs).scalar_subquery()


def _told(*names: str) -> dict[str, Any]:
    return {name: bindparam(name) for name in names}


_JOB = update(jobs).where(jobs.c.unique_uid == bindparam("uid"), jobs.c.backup_server_uid == bindparam("server_uid"))
_QUEUED = _JOB.values(_told("last_session_uid", "status"))
_GOING_ON = _JOB.values(_told("last_session_uid", "status", "last_run"))
_HELD = _JOB.values(backup_chain_size=_chain_size())
_ENDED = _GOING_ON.values(
    _told("last_end_time", "last_duration", "transferred_data", "failure_message")
    | {"average_duration": _average_duration(), "backup_chain_size": _chain_size()}
)
_copy = file_share_copy_jobs.c
# Most sizes are as they were: their rows are left alone.
_SIZED = (
    update(file_share_copy_jobs)
    .where(_copy.source_job_unique_uid == bindparam("uid"), _copy.backup_server_uid == bindparam("server_uid"))
    .where(_copy.source_size.is_distinct_from(bindparam("size", type_=BigInteger)))
    .values(source_size=bindparam("size", type_=BigInteger))
)
