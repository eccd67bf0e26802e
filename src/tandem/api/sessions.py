"""Sessions over HTTP: an extension in the contract's style."""

from __future__ import annotations

from typing import Any

import msgspec

from tandem.api.answers import Many, One
from tandem.api.call import Call
from tandem.api.listing import Resource
from tandem.api.texts import Instant, Uid, instant, instant_or_none
from tandem.domain.sessions import Progress, Session, SessionState, SessionType, Statistics
from tandem.store import file_shares, jobs, sessions


class ProgressView(msgspec.Struct, rename="camel", kw_only=True):
    """How far a session is; sizes in bytes."""

    percent: float
    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    points_done: int
    points_total: int


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
    """A run of a job, or a restore; duration in seconds."""

    instance_uid: Uid
    job_uid: Uid | None
    unique_job_uid: Uid | None
    file_share_uid: Uid | None
    type: SessionType
    status: SessionState
    start_time: Instant
    end_time: Instant | None
    duration: int | None
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
    return Many(page, [view_session(row) for row in page.rows])


def list_file_share_sessions(call: Call) -> Many[SessionView]:
    """List a share's sessions, restores too, newest first."""
    query = SESSIONS.read(call)
    with call.reading() as connection:
        share = file_shares.get_file_share(connection, call.scope, call.uid("fileShareUid"))
        page = sessions.list_sessions(connection, call.scope, query, file_share_uid=share.instance_uid)
    return Many(page, [view_session(row) for row in page.rows])


def list_sessions(call: Call) -> Many[SessionView]:
    """List all sessions that the caller sees, newest first."""
    query = SESSIONS.read(call)
    with call.reading() as connection:
        page = sessions.list_sessions(connection, call.scope, query)
    return Many(page, [view_session(row) for row in page.rows])


def get_session(call: Call) -> One[SessionView]:
    """Get a session."""
    with call.reading() as connection:
        return One(view_session(sessions.get_session(connection, call.scope, call.uid("sessionUid"))))


def view_session(session: Session) -> SessionView:
    """Show a session."""
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
        progress=ProgressView(**{name: getattr(session.progress, name) for name in Progress.__struct_fields__}),
        statistics=StatisticsView(**{name: getattr(session.statistics, name) for name in Statistics.__struct_fields__}),
        messages=session.messages,
        plan=[
            {"action": entry.action, "snapshotId": entry.snapshot_id, "reason": entry.reason} for entry in session.plan
        ],
    )
