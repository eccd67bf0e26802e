"""Sessions, stored, and what they change at their jobs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Float, cast, exists, func, insert, select, update

from tandem.domain.identity import Scope
from tandem.domain.jobs import JobStatus
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.domain.sessions import RUNS, Session, SessionState, SessionTask
from tandem.protocol.messages import RunningSession
from tandem.store.database import Connection
from tandem.store.listing import Collection
from tandem.store.query import columns_of, fetch_one, records, visible, visible_one_by_one
from tandem.store.tables import file_shares, jobs, sessions

_SESSION = select(*columns_of(sessions.c, Session))
SESSIONS = Collection(
    sessions,
    Session,
    columns={
        "status": sessions.c.state,
        "start_time": sessions.c.started_at,
        "end_time": sessions.c.ended_at,
        "unique_job_uid": sessions.c.job_unique_uid,
    },
    order=[(sessions.c.position, True)],
)
_FINAL = [state for state in SessionState if state.is_final]
AVERAGE_OVER = 20
IDLE_SECONDS_MAX = 1e8


def list_sessions(
    connection: Connection,
    scope: Scope,
    query: Query,
    *,
    job_unique_uid: str | None = None,
    file_share_uid: str | None = None,
) -> Page[Session]:
    """List sessions that the caller sees, newest first: all, those of a job, or those of a share."""
    return SESSIONS.page(connection, scope, query, job_unique_uid=job_unique_uid, file_share_uid=file_share_uid)


def get_session(connection: Connection, scope: Scope, uid: str) -> Session:
    """Get one session; raises NotFound."""
    statement = _SESSION.where(visible(sessions, scope), sessions.c.instance_uid == uid)
    return fetch_one(connection, statement, Session, noun="session", uid=uid)


def last_tasks_of(connection: Connection, scope: Scope, job_unique_uids: list[str]) -> dict[str, SessionTask]:
    """Get what the last session of each of several jobs worked on, by job; of those that the caller sees."""
    columns: dict[str, Any] = {column.name: column for column in sessions.c}
    columns |= {"session_uid": sessions.c.instance_uid, "file_share_name": file_shares.c.name}
    joined = jobs.join(sessions, sessions.c.instance_uid == jobs.c.last_session_uid)
    joined = joined.join(file_shares, file_shares.c.instance_uid == sessions.c.file_share_uid)
    statement = select(*(columns[name] for name in SessionTask.__struct_fields__)).select_from(joined)
    statement = statement.where(visible_one_by_one(jobs, scope), jobs.c.unique_uid.in_(job_unique_uids))
    return {task.job_unique_uid: task for task in records(connection, statement, SessionTask)}


def put_session(connection: Connection, backup_server_uid: str, session: Session) -> bool:
    """Store a session as it is now; False if it is not the backup server's, or has ended and so never changes again."""
    values = {name: getattr(session, name) for name in Session.__struct_fields__}
    is_session = (sessions.c.instance_uid == session.instance_uid) & (sessions.c.backup_server_uid == backup_server_uid)
    if connection.scalar(select(sessions.c.state).where(sessions.c.instance_uid == session.instance_uid)) is None:
        # An agent speaks for the jobs of its own backup server only.
        is_job = (jobs.c.unique_uid == session.job_unique_uid) & (jobs.c.backup_server_uid == backup_server_uid)
        is_share = (file_shares.c.instance_uid == session.file_share_uid) & (
            file_shares.c.backup_server_uid == backup_server_uid
        )
        if not connection.scalar(select(exists().where(is_job) & exists().where(is_share))):
            return False
        connection.execute(insert(sessions).values({**values, "backup_server_uid": backup_server_uid}))
        return True
    # Who it belongs to was decided when it was first stored; when it was last heard of is not the report's to say.
    for fixed in ("instance_uid", "job_uid", "job_unique_uid", "file_share_uid", "type"):
        del values[fixed]
    for noted in ("last_heartbeat", "last_progress"):
        del values[noted]
    is_open = is_session & sessions.c.state.not_in(_FINAL)
    return connection.execute(update(sessions).where(is_open).values(values)).rowcount == 1


def note_running(connection: Connection, backup_server_uid: str, running: RunningSession, now: datetime) -> bool:
    """Note where a session is that goes on or waits; False if it is not the backup server's, or has ended.

    How long it has not moved is told, not since when: the agent's clock may be another.
    """
    is_open = (sessions.c.backup_server_uid == backup_server_uid) & sessions.c.state.not_in(_FINAL)
    values: dict[str, Any] = {
        "progress": running.progress,
        "last_heartbeat": now,
        "queue_position": running.queue_position,
        "waiting_reason": running.waiting_reason,
    }
    if running.idle_seconds is not None:
        values["last_progress"] = now - timedelta(seconds=min(max(0.0, running.idle_seconds), IDLE_SECONDS_MAX))
    statement = update(sessions).where(sessions.c.instance_uid == running.session_uid, is_open)
    return connection.execute(statement.values(values)).rowcount == 1


def fail_queued_session(connection: Connection, uid: str, message: str, now: datetime) -> None:
    """End a session that never began."""
    statement = update(sessions).where(sessions.c.instance_uid == uid, sessions.c.state == SessionState.QUEUED)
    connection.execute(statement.values(state=SessionState.FAILED, ended_at=now, messages=[message]))


def note_run(connection: Connection, backup_server_uid: str, session: Session) -> None:
    """Carry a session over to the fields of its job that speak of the last run."""
    job_unique_uid = session.job_unique_uid
    if job_unique_uid is None or session.type not in RUNS:
        return
    is_job = (jobs.c.unique_uid == session.job_unique_uid) & (jobs.c.backup_server_uid == backup_server_uid)
    if session.state is SessionState.SKIPPED:
        # One that never waited has changed nothing at the job.
        is_waiting = is_job & (jobs.c.last_session_uid == session.instance_uid)
        connection.execute(update(jobs).where(is_waiting).values(_as_before(connection, job_unique_uid)))
        return
    values: dict[str, Any] = {"last_session_uid": session.instance_uid, "status": _JOB_STATUS[session.state]}
    if session.state is not SessionState.QUEUED:
        values["last_run"] = session.started_at
    if session.ended_at is not None:
        values |= {
            "last_end_time": session.ended_at,
            "last_duration": _seconds(session.started_at, session.ended_at),
            "transferred_data": session.statistics.transferred,
            "failure_message": _failure(session),
            "average_duration": _average_duration(connection, job_unique_uid),
        }
    connection.execute(update(jobs).where(is_job).values(values))


def set_chain_size(connection: Connection, backup_server_uid: str, job_unique_uid: str, size: int) -> None:
    """Note the bytes that the points of a backup server's job take."""
    is_job = (jobs.c.unique_uid == job_unique_uid) & (jobs.c.backup_server_uid == backup_server_uid)
    connection.execute(update(jobs).where(is_job).values(backup_chain_size=size))


_JOB_STATUS = {
    SessionState.QUEUED: JobStatus.STARTING,
    SessionState.RUNNING: JobStatus.RUNNING,
    SessionState.STOPPING: JobStatus.STOPPING,
    SessionState.SUCCESS: JobStatus.SUCCESS,
    SessionState.WARNING: JobStatus.WARNING,
    SessionState.FAILED: JobStatus.FAILED,
}


def _as_before(connection: Connection, job_unique_uid: str) -> dict[str, Any]:
    """Give what a job says of its last run, once the one that waited will not take place."""
    took_place = sessions.c.state.in_([state for state in _FINAL if state is not SessionState.SKIPPED])
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


def _failure(session: Session) -> str | None:
    return "\r\n".join(session.messages) or None if session.state is not SessionState.SUCCESS else None


def _seconds(start: datetime, end: datetime) -> int:
    return max(0, round((end - start).total_seconds()))


def _average_duration(connection: Connection, job_unique_uid: str) -> int | None:
    recent = (
        select((sessions.c.ended_at - sessions.c.started_at).label("taken"))
        .where(sessions.c.job_unique_uid == job_unique_uid, sessions.c.ended_at.is_not(None))
        .where(sessions.c.type.in_(RUNS))
        .order_by(sessions.c.position.desc())
        .limit(AVERAGE_OVER)
        .subquery()
    )
    microseconds = connection.execute(select(func.avg(cast(recent.c.taken, Float)))).scalar()
    return None if microseconds is None else round(float(microseconds) / 1_000_000)
