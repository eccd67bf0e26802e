"""The heat map of job sessions, read from the sessions that started in a range of time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select

from tandem.domain.errors import Invalid
from tandem.domain.identity import Scope
from tandem.domain.job_session_heatmap import SESSIONS_MAX, Heatmap, HeatmapSession
from tandem.domain.sessions import RUNS, SessionState
from tandem.store.database import Connection
from tandem.store.query import records, visible
from tandem.store.schema.tables import backup_servers, jobs, locations, organizations, sessions


def read_heatmap(connection: Connection, scope: Scope, since: datetime, until: datetime) -> Heatmap:
    """Read the runs that started in a range and have ended; restores are no runs.

    Args:
        connection: of `reading()`: all reads see one state of the data.
        scope: the caller's.
        since: the first instant; aware.
        until: the first instant after the range; aware.

    Raises:
        Invalid: naming `to`, if the range has more runs than one answer holds.
    """
    is_run = and_(
        visible(sessions, scope),
        sessions.c.started_at >= since,
        sessions.c.started_at < until,
        sessions.c.ended_at.is_not(None),
        sessions.c.type.in_(RUNS),
    )
    total = connection.scalar(select(func.count()).select_from(sessions).where(is_run)) or 0
    if total > SESSIONS_MAX:
        text = f"to: {total} sessions started in this range, and an answer holds {SESSIONS_MAX}; choose a shorter one."
        raise Invalid(text, parameter="to")
    return Heatmap(jobs=_jobs_by_result(connection, is_run), sessions=_sessions(connection, scope, is_run))


def _jobs_by_result(connection: Connection, is_run: ColumnElement[bool]) -> dict[SessionState, int]:
    newest_first = (sessions.c.started_at.desc(), sessions.c.position.desc())
    age = func.row_number().over(partition_by=sessions.c.job_unique_uid, order_by=newest_first)
    runs = select(sessions.c.state, age.label("age")).where(is_run).subquery()
    counts = select(runs.c.state, func.count()).where(runs.c.age == 1).group_by(runs.c.state)
    return {row[0]: row[1] for row in connection.execute(counts)}


def _sessions(connection: Connection, scope: Scope, is_run: ColumnElement[bool]) -> list[HeatmapSession]:
    # Whoever sees an assigned job does not see, by this alone, the machine that it runs on, nor its owner's name.
    is_server = (backup_servers.c.instance_uid == jobs.c.backup_server_uid) & visible(backup_servers, scope)
    whose = func.coalesce(jobs.c.mapped_organization_uid, jobs.c.organization_uid)
    is_organization = (organizations.c.instance_uid == whose) & visible(organizations, scope)
    joined = (
        sessions.join(jobs, jobs.c.unique_uid == sessions.c.job_unique_uid)
        .outerjoin(backup_servers, is_server)
        .outerjoin(locations, locations.c.instance_uid == backup_servers.c.location_uid)
        .outerjoin(organizations, is_organization)
    )
    columns: dict[str, Any] = {name: sessions.c[name] for name in ("started_at", "ended_at", "type", "state")}
    columns |= {
        "session_uid": sessions.c.instance_uid,
        "job_name": jobs.c.name,
        "server_name": backup_servers.c.name,
        "management_agent_uid": backup_servers.c.management_agent_uid,
        "location_uid": backup_servers.c.location_uid,
        "location_name": locations.c.name,
        "organization_uid": whose,
        "organization_name": organizations.c.name,
        "messages": sessions.c.messages,
    }
    statement = select(*(columns[name] for name in HeatmapSession.__struct_fields__)).select_from(joined)
    statement = statement.where(is_run).order_by(sessions.c.started_at, sessions.c.position)
    return records(connection, statement, HeatmapSession)
