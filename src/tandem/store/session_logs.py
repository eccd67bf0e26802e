"""The logs of sessions, stored compressed, for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, exists, insert, select, update

from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.store.database import Connection
from tandem.store.query import visible
from tandem.store.tables import session_logs, sessions

# An agent packs 256 KiB at most; text that does not shrink is a little longer packed.
PACKED_BYTES_MAX = 300 * 1024
KEPT_FOR = timedelta(days=90)
KEPT_PER_JOB = 500


def get_log(connection: Connection, scope: Scope, session_uid: str) -> bytes:
    """Get the compressed log of a session; raises NotFound, also if it is there no longer, or not yet."""
    is_session = visible(session_logs, scope) & (session_logs.c.session_uid == session_uid)
    packed = connection.scalar(select(session_logs.c.packed).where(is_session))
    if packed is None:
        text = f"The session {session_uid} has no log"
        raise NotFound(f"{text}: logs are kept for {KEPT_FOR.days} days, and one appears half a minute after a start.")
    return bytes(packed)


def put_log(connection: Connection, backup_server_uid: str, session_uid: str, packed: bytes, now: datetime) -> None:
    """Keep the log of a backup server's session, in the place of an earlier one; too long a log is not taken."""
    is_session = (sessions.c.instance_uid == session_uid) & (sessions.c.backup_server_uid == backup_server_uid)
    if len(packed) > PACKED_BYTES_MAX or not connection.scalar(select(exists().where(is_session))):
        return
    values = {"packed": packed, "written_at": now}
    is_it = session_logs.c.session_uid == session_uid
    if connection.execute(update(session_logs).where(is_it).values(values)).rowcount == 0:
        connection.execute(insert(session_logs).values({**values, "session_uid": session_uid}))


def drop_logs_but_newest(connection: Connection, backup_server_uid: str, job_unique_uid: str) -> None:
    """Forget the logs of a job that has more than `KEPT_PER_JOB` newer ones."""
    older = (
        select(sessions.c.instance_uid)
        .where(sessions.c.job_unique_uid == job_unique_uid, sessions.c.backup_server_uid == backup_server_uid)
        .order_by(sessions.c.position.desc())
        .offset(KEPT_PER_JOB)
        .limit(KEPT_PER_JOB)
    )
    connection.execute(delete(session_logs).where(session_logs.c.session_uid.in_(older)))


def delete_old_logs(connection: Connection, now: datetime) -> None:
    """Forget the logs that are older than they are kept for."""
    connection.execute(delete(session_logs).where(session_logs.c.written_at < now - KEPT_FOR))
