"""Sessions over HTTP: an extension in the contract's style."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, single
from tandem.api.texts import instant, instant_or_none
from tandem.domain.sessions import Progress, Session, Statistics
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

    instance_uid: str
    job_uid: str | None
    unique_job_uid: str | None
    file_share_uid: str | None
    type: str
    status: str
    start_time: str
    end_time: str | None
    duration: int | None
    progress: ProgressView
    statistics: StatisticsView
    messages: list[str]
    plan: list[dict[str, Any]]


def list_job_sessions(call: Call) -> Response:
    """List a job's sessions, newest first."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        job = jobs.get_job(connection, call.scope, call.uid("jobUid"))
        page = sessions.list_sessions(connection, call.scope, call.window(), job_unique_uid=job.unique_uid)
    return collection(page, [view_session(row) for row in page.rows])


def list_file_share_sessions(call: Call) -> Response:
    """List a share's sessions, restores too, newest first."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        share = file_shares.get_file_share(connection, call.scope, call.uid("fileShareUid"))
        page = sessions.list_sessions(connection, call.scope, call.window(), file_share_uid=share.instance_uid)
    return collection(page, [view_session(row) for row in page.rows])


def list_sessions(call: Call) -> Response:
    """List all sessions that the caller sees, newest first."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        page = sessions.list_sessions(connection, call.scope, call.window())
    return collection(page, [view_session(row) for row in page.rows])


def get_session(call: Call) -> Response:
    """Get a session."""
    with call.reading() as connection:
        return single(view_session(sessions.get_session(connection, call.scope, call.uid("sessionUid"))))


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
