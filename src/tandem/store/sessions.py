"""Sessions, stored; what they change at their jobs is in `job_runs`."""

from __future__ import annotations

from collections.abc import Collection as Names
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, union_all, update

from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.domain.sessions import FINAL, Session, SessionState, SessionTask
from tandem.protocol.messages import RunningSession
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import columns_of, fetch_one, records, visible, visible_one_by_one
from tandem.store.schema.tables import file_shares, jobs, sessions

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


def put_sessions(connection: Connection, told: list[tuple[str, Session]]) -> list[tuple[str, Session]]:
    """Store sessions as they are now, each with its backup server; gives those that were taken.

    One is not taken if it is not the backup server's, or has ended and so never changes again.

    Args:
        connection: a transaction.
        told: (backup server, session), each session once.
    """
    uids = [session.instance_uid for _uid, session in told]
    known = {row[0]: row for row in connection.execute(_STORED, {"uids": uids})}
    new = _of_own_jobs(connection, [one for one in told if one[1].instance_uid not in known])
    changed = [one for one in told if one[1].instance_uid in known and _is_open(known[one[1].instance_uid], one[0])]
    if new:
        connection.execute(insert(sessions), [_values(one) | {"backup_server_uid": uid} for uid, one in new])
    if changed:
        connection.execute(_CHANGED, [_values(one, leave_out=_FIXED) | {"uid": one.instance_uid} for _, one in changed])
    return [*new, *changed]


_STORED = (
    select(sessions.c.instance_uid, sessions.c.backup_server_uid, sessions.c.state)
    .where(sessions.c.instance_uid.in_(bindparam("uids", expanding=True)))
    .order_by(sessions.c.instance_uid)
    .with_for_update(key_share=True)
)
_OWNERS = union_all(
    select(jobs.c.unique_uid, jobs.c.backup_server_uid).where(jobs.c.unique_uid.in_(bindparam("jobs", expanding=True))),
    select(file_shares.c.instance_uid, file_shares.c.backup_server_uid).where(
        file_shares.c.instance_uid.in_(bindparam("file_shares", expanding=True))
    ),
)
# Who it belongs to was decided when it was first stored; when it was last heard of is not the report's to say.
_FIXED = {
    "instance_uid",
    "job_uid",
    "job_unique_uid",
    "file_share_uid",
    "type",
    "last_heartbeat",
    "last_progress",
}
_CHANGING = sorted(set(Session.__struct_fields__) - _FIXED)
_CHANGED = (
    update(sessions)
    .where(sessions.c.instance_uid == bindparam("uid"))
    .values({name: bindparam(name) for name in _CHANGING})
)


def _is_open(row: Row[*tuple[Any, ...]], backup_server_uid: str) -> bool:
    return row.backup_server_uid == backup_server_uid and not row.state.is_final


def _values(session: Session, leave_out: Names[str] = ()) -> dict[str, Any]:
    return {name: getattr(session, name) for name in Session.__struct_fields__ if name not in leave_out}


def _of_own_jobs(connection: Connection, told: list[tuple[str, Session]]) -> list[tuple[str, Session]]:
    """Leave out what agents say of jobs and shares that are not their own backup server's."""
    if not told:
        return []
    given = {
        "jobs": sorted({session.job_unique_uid for _uid, session in told if session.job_unique_uid}),
        "file_shares": sorted({session.file_share_uid for _uid, session in told if session.file_share_uid}),
    }
    owned = {(row[0], row[1]) for row in connection.execute(_OWNERS, given)}
    return [
        (uid, session)
        for uid, session in told
        if {(session.job_unique_uid, uid), (session.file_share_uid, uid)} <= owned
    ]


def note_running(connection: Connection, told: list[tuple[str, RunningSession]], now: datetime) -> None:
    """Note where sessions are that go on or wait, each with its backup server; nothing of one that has ended.

    How long one has not moved is told, not since when: the agent's clock may be another.
    """
    rows: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for server_uid, running in sorted(told, key=lambda one: one[1].session_uid):
        row: dict[str, Any] = {
            "uid": running.session_uid,
            "server_uid": server_uid,
            "progress": running.progress,
            "last_heartbeat": now,
            "queue_position": running.queue_position,
            "waiting_reason": running.waiting_reason,
        }
        if running.idle_seconds is not None:
            row["last_progress"] = now - timedelta(seconds=min(max(0.0, running.idle_seconds), IDLE_SECONDS_MAX))
        rows["last_progress" in row].append(row)
    for tells_idleness, some in rows.items():
        if some:
            connection.execute(_MOVED_ON if tells_idleness else _ALIVE, some)


_ALIVE = (
    update(sessions)
    .where(sessions.c.instance_uid == bindparam("uid"), sessions.c.backup_server_uid == bindparam("server_uid"))
    # One by one: a list has no fixed number of parameters, which a statement run for many rows must have.
    .where(*(sessions.c.state != state for state in FINAL))
    .values(
        {name: bindparam(name) for name in ("progress", "last_heartbeat", "queue_position", "waiting_reason")},
    )
)
_MOVED_ON = _ALIVE.values(last_progress=bindparam("last_progress"))


def open_ones(connection: Connection, told: list[tuple[str, str]]) -> set[tuple[str, str]]:
    """Give of (backup server, session) those that have not ended."""
    statement = select(sessions.c.backup_server_uid, sessions.c.instance_uid)
    is_open = sessions.c.instance_uid.in_([uid for _server, uid in told]) & sessions.c.state.not_in(FINAL)
    return {(row[0], row[1]) for row in connection.execute(statement.where(is_open))} & set(told)


def fail_queued_session(connection: Connection, uid: str, message: str, now: datetime) -> None:
    """End a session that never began."""
    statement = update(sessions).where(sessions.c.instance_uid == uid, sessions.c.state == SessionState.QUEUED)
    connection.execute(statement.values(state=SessionState.FAILED, ended_at=now, messages=[message]))
