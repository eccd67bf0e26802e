"""Queueing a session whose work its agent is to do: the session, and the order that names it."""

from __future__ import annotations

from collections.abc import Callable

from tandem.actions.ask_agent import START_LIFETIME
from tandem.actions.context import Act, new_uid
from tandem.domain.jobs import Job
from tandem.domain.sessions import Session, SessionState, SessionType
from tandem.protocol.messages import Order
from tandem.store import agent_commands, sessions
from tandem.store.database import Connection


def queue_session(
    connection: Connection,
    act: Act,
    job: Job,
    kind: SessionType,
    *,
    file_share_uid: str | None,
    order: Callable[[str], Order],
) -> Session:
    """Queue a session on a job's backup server; gives it.

    Args:
        connection: the transaction of the action.
        act: who asks.
        job: whose session it is.
        kind: what the session does.
        file_share_uid: the share that it is about.
        order: makes the order from the session's uid.
    """
    session = Session(
        instance_uid=new_uid(),
        job_uid=job.instance_uid,
        job_unique_uid=job.unique_uid,
        file_share_uid=file_share_uid,
        type=kind,
        state=SessionState.QUEUED,
        started_at=act.now,
    )
    sessions.put_sessions(connection, [(job.backup_server_uid, session)])
    expires_at = act.now + START_LIFETIME
    command = order(session.instance_uid)
    agent_commands.insert_command(connection, job.backup_server_uid, command, now=act.now, expires_at=expires_at)
    return session
