"""Sessions over HTTP: an extension in the contract's style."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import Any

import msgspec
from starlette.responses import Response

from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Instant, Uid, instant, instant_or_none
from tandem.domain.errors import NotFound
from tandem.domain.sessions import Liveness, Progress, Session, SessionState, SessionType, Statistics
from tandem.store import file_shares, jobs, session_logs, sessions

# What an agent may pack; more, however small it is packed, is not shown.
LOG_BYTES_MAX = 512 * 1024


class ProgressView(msgspec.Struct, rename="camel", kw_only=True):
    """How far a session is; sizes in bytes, `rate` in bytes per second and smoothed, 0 while it is not known."""

    percent: float
    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    points_done: int
    points_total: int
    rate: int
    remaining_seconds: int | None


class StatisticsView(msgspec.Struct, rename="camel", kw_only=True):
    """What a session did; sizes in bytes."""

    files_total: int
    files_changed: int
    files_skipped: int
    source_size: int
    transferred: int
    points_copied: int
    points_forgotten: int
    restic_processes: int


class SessionView(msgspec.Struct, rename="camel", kw_only=True):
    """A run of a job, or a restore; duration in seconds.

    `lastHeartbeat` is when its agent last spoke of it, `lastProgress` when it last got any further. `liveness` tells
    them apart while it has not ended: Silent is without a word from the agent, Hanging without progress though alive.
    """

    instance_uid: Uid
    job_uid: Uid | None
    unique_job_uid: Uid | None
    file_share_uid: Uid | None
    type: SessionType
    status: SessionState
    start_time: Instant
    end_time: Instant | None
    duration: int | None
    last_heartbeat: Instant | None
    last_progress: Instant | None
    liveness: Liveness | None
    queue_position: int | None
    waiting_reason: str | None
    progress: ProgressView
    statistics: StatisticsView
    messages: list[str]
    plan: list[dict[str, Any]]


SESSIONS = Resource(SessionView, sessions.SESSIONS)


def list_job_sessions(call: Call) -> Many[SessionView]:
    """List a job's sessions, newest first."""
    query = SESSIONS.read(call)
    with call.reading() as connection:
        job = jobs.get_job(connection, call.scope, call.uid("jobUid"))
        page = sessions.list_sessions(connection, call.scope, query, job_unique_uid=job.unique_uid)
    return Many(page, [view_session(row, call.context.clock()) for row in page.rows])


def list_file_share_sessions(call: Call) -> Many[SessionView]:
    """List a share's sessions, restores too, newest first."""
    query = SESSIONS.read(call)
    with call.reading() as connection:
        share = file_shares.get_file_share(connection, call.scope, call.uid("fileShareUid"))
        page = sessions.list_sessions(connection, call.scope, query, file_share_uid=share.instance_uid)
    return Many(page, [view_session(row, call.context.clock()) for row in page.rows])


def list_sessions(call: Call) -> Many[SessionView]:
    """List all sessions that the caller sees, newest first."""
    query = SESSIONS.read(call)
    with call.reading() as connection:
        page = sessions.list_sessions(connection, call.scope, query)
    return Many(page, [view_session(row, call.context.clock()) for row in page.rows])


def get_session(call: Call) -> One[SessionView]:
    """Get a session."""
    with call.reading() as connection:
        found = sessions.get_session(connection, call.scope, call.uid("sessionUid"))
    return One(view_session(found, call.context.clock()))


def get_session_log(call: Call) -> Response:
    """Get what a session did, line by line, as text: also of one that goes on, half a minute old at most."""
    with call.reading() as connection:
        session = sessions.get_session(connection, call.scope, call.uid("sessionUid"))
        packed = session_logs.get_log(connection, call.scope, session.instance_uid)
    try:
        text = zlib.decompressobj().decompress(packed, LOG_BYTES_MAX)
    except zlib.error as error:
        raise NotFound(
            f"The log of the session {session.instance_uid} cannot be read; its agent sent no log."
        ) from error
    name = f"session-{session.instance_uid}.log"
    headers = {"content-disposition": f'attachment; filename="{name}"', "x-content-type-options": "nosniff"}
    return Response(text, media_type="text/plain", headers=headers)


def view_session(session: Session, now: datetime) -> SessionView:
    """Show a session, at an instant."""
    duration = None
    if session.ended_at is not None:
        duration = max(0, round((session.ended_at - session.started_at).total_seconds()))
    return SessionView(
        instance_uid=session.instance_uid,
        job_uid=session.job_uid,
        unique_job_uid=session.job_unique_uid,
        file_share_uid=session.file_share_uid,
        type=session.type,
        status=session.state,
        start_time=instant(session.started_at),
        end_time=instant_or_none(session.ended_at),
        duration=duration,
        last_heartbeat=instant_or_none(session.last_heartbeat),
        last_progress=instant_or_none(session.last_progress),
        liveness=session.liveness(now),
        queue_position=session.queue_position,
        waiting_reason=session.waiting_reason,
        progress=ProgressView(**{name: getattr(session.progress, name) for name in Progress.__struct_fields__}),
        statistics=StatisticsView(**{name: getattr(session.statistics, name) for name in Statistics.__struct_fields__}),
        messages=session.messages,
        plan=[
            {"action": entry.action, "snapshotId": entry.snapshot_id, "reason": entry.reason} for entry in session.plan
        ],
    )
