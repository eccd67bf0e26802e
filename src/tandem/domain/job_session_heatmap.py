"""The heat map of job sessions: how the runs of a range of days ended."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from tandem.domain.sessions import SessionState, SessionType

RANGE_MAX = timedelta(days=366)
# A row is half a kilobyte: more than these is no answer but a download.
SESSIONS_MAX = 10_000


class HeatmapSession(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a job that has ended; what the reader does not see of the backup server is None.

    The organization is the company that the job is assigned to, else the job's owner.
    """

    session_uid: str
    job_name: str
    server_name: str | None
    management_agent_uid: str | None
    location_uid: str | None
    location_name: str | None
    organization_uid: str
    organization_name: str | None
    started_at: datetime
    ended_at: datetime
    type: SessionType
    state: SessionState
    messages: list[str]


class Heatmap(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs ended their last run of the range how, and all its runs, in the order of their start."""

    jobs: dict[SessionState, int]
    sessions: list[HeatmapSession]
