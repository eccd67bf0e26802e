"""The logs of sessions, stored compressed, for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, bindparam, delete, insert, select, update

from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.store.database import Connection
from tandem.store.query import visible
from tandem.store.schema.tables import session_logs, sessions

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


def put_logs(connection: Connection, told: list[tuple[str, str, bytes]], now: datetime) -> None:
    """Keep the logs of backup servers' sessions, in the place of earlier ones; too long a log is not taken.

    Args:
        connection: a transaction.
        told: (backup server, session, compressed log), each session once.
        now: when.
    """
    uids = sorted(uid for _server, uid, packed in told if len(packed) <= PACKED_BYTES_MAX)
    if not uids:
        return
    found = {(row[1], row[0]): row[2] for row in connection.execute(_OWNED, {"uids": uids})}
    new: list[dict[str, Any]] = []
    replacing: list[dict[str, Any]] = []
    for server_uid, uid, packed in sorted(told):
        if (server_uid, uid) in found and len(packed) <= PACKED_BYTES_MAX:
            row = {"packed": packed, "written_at": now}
            if found[server_uid, uid] is None:
                new.append(row | {"session_uid": uid})
            else:
                replacing.append(row | {"uid": uid})
    if replacing:
        connection.execute(_REPLACED, replacing)
    if new:
        connection.execute(insert(session_logs), new)


_OWNED = (
    select(sessions.c.instance_uid, sessions.c.backup_server_uid, session_logs.c.session_uid)
    .outerjoin(session_logs, session_logs.c.session_uid == sessions.c.instance_uid)
    .where(sessions.c.instance_uid.in_(bindparam("uids", expanding=True)))
)
_REPLACED = (
    update(session_logs)
    .where(session_logs.c.session_uid == bindparam("uid"))
    .values(packed=bindparam("packed"), written_at=bindparam("written_at"))
)


def drop_logs_but_newest(connection: Connection, job_unique_uids: list[str]) -> None:
    """Forget the logs of each of some jobs that has more than `KEPT_PER_JOB` newer ones."""
    if job_unique_uids:
        connection.execute(_DROPPED, [{"job": uid, "kept": KEPT_PER_JOB} for uid in sorted(job_unique_uids)])


_DROPPED = delete(session_logs).where(
    session_logs.c.session_uid.in_(
        select(sessions.c.instance_uid)
        .where(sessions.c.job_unique_uid == bindparam("job"))
        .order_by(sessions.c.position.desc())
        .offset(bindparam("kept", type_=Integer))
        .limit(bindparam("kept", type_=Integer))
    )
)


def delete_old_logs(connection: Connection, now: datetime) -> None:
    """Forget the logs that are older than they are kept for."""
    connection.execute(delete(session_logs).where(session_logs.c.written_at < now - KEPT_FOR))
