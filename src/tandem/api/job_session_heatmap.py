"""The heat map of job sessions over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.instants import read_instant
from tandem.api.http.texts import Date, Instant, Int32, Uid, instant
from tandem.domain.errors import Invalid
from tandem.domain.job_session_heatmap import RANGE_MAX, Heatmap, HeatmapSession
from tandem.domain.sessions import SessionState, SessionType
from tandem.store import job_session_heatmap


class JobSessionHeatmapJobResult(StrEnum):
    """How a run ended."""

    FAILED = "Failed"
    SUCCESS = "Success"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class JobSessionHeatmapJobType(StrEnum):
    """What a run did."""

    ARCHIVE = "Archive"
    BACKUP = "Backup"
    BACKUP_COPY = "BackupCopy"
    BACKUP_TO_TAPE = "BackupToTape"
    COPY = "Copy"
    FFILE_TO_TAPE = "FfileToTape"
    REMOTE_SNAPSHOT = "RemoteSnapshot"
    REPLICATION = "Replication"
    SNAPSHOT = "Snapshot"
    SURE_BACKUP = "SureBackup"
    UNKNOWN = "Unknown"


class JobSessionHeatmapPlatformType(StrEnum):
    """What the protected thing runs on."""

    AHV = "AHV"
    AWS = "Aws"
    AZURE = "Azure"
    GOOGLE = "Google"
    HYPER_V = "HyperV"
    MICROSOFT365 = "Microsoft365"
    PHYSICAL = "Physical"
    PROXMOX_VE = "ProxmoxVe"
    RHV = "RHV"
    SCALE_COMPUTING = "ScaleComputing"
    UNKNOWN = "Unknown"
    VCD = "VCD"
    V_SPHERE = "VSphere"


class JobSessionHeatmapWorkloadType(StrEnum):
    """What the protected thing is."""

    CLOUD_DATABASE = "CloudDatabase"
    CLOUD_FILE_SHARE = "CloudFileShare"
    CLOUD_NETWORK = "CloudNetwork"
    CLOUD_VM = "CloudVM"
    COMPUTER = "Computer"
    FILE = "File"
    FILE_SHARE = "FileShare"
    LOGS = "Logs"
    OBJECT_STORAGE = "ObjectStorage"
    UNKNOWN = "Unknown"
    USER = "User"
    VM = "Vm"


class HeatmapParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The range: its first instant, and the first one after it."""

    from_: Instant = msgspec.field(name="from")
    to: Instant


class HeatmapSessionView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's JobSessionHeatmapSession; duration in seconds.

    What the reader does not see of an assigned job's backup server is left out, as it may not be null.
    """

    job_name: str
    server_name: str | UnsetType
    management_agent_uid: Uid | UnsetType
    location_name: str | UnsetType
    location_uid: Uid | UnsetType
    organization_name: str | UnsetType
    organization_uid: Uid
    start_time: Instant
    end_time: Instant
    duration: Int32
    session_uid: Uid
    failure_message: str | None
    time_shift_minutes: Int32 = 0
    result: JobSessionHeatmapJobResult
    job_type: JobSessionHeatmapJobType
    workload_type: JobSessionHeatmapWorkloadType = JobSessionHeatmapWorkloadType.FILE_SHARE
    platform_type: JobSessionHeatmapPlatformType = JobSessionHeatmapPlatformType.UNKNOWN


class HeatmapDayView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's JobSessionHeatmapDailyData: a day in UTC, and the sessions that started in it."""

    date: Date
    sessions: list[HeatmapSessionView] | None


class HeatmapView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's JobSessionHeatmap: jobs counted by how the last session of each ended, and every day."""

    success_jobs_count: Int32
    warning_jobs_count: Int32
    fail_jobs_count: Int32
    data_per_days: list[HeatmapDayView] | None


_Result = JobSessionHeatmapJobResult
# A job skips a run for a reason that somebody should know.
_RESULTS = {
    SessionState.SUCCESS: _Result.SUCCESS,
    SessionState.WARNING: _Result.WARNING,
    SessionState.SKIPPED: _Result.WARNING,
    SessionState.FAILED: _Result.FAILED,
}
_JOB_TYPES = {
    SessionType.BACKUP: JobSessionHeatmapJobType.BACKUP,
    SessionType.COPY: JobSessionHeatmapJobType.COPY,
}


def get_heatmap(call: Call, query: HeatmapParameters) -> One[HeatmapView]:
    """Show how the runs that started from `from` until before `to` ended."""
    since, until = read_instant(query.from_, "from"), read_instant(query.to, "to")
    if until <= since:
        raise Invalid("to: this instant is not after `from`.", parameter="to")
    if until - since > RANGE_MAX:
        text = f"to: the range is longer than {RANGE_MAX.days} days, which is the most; choose a shorter one."
        raise Invalid(text, parameter="to")
    with call.reading() as connection:
        heatmap = job_session_heatmap.read_heatmap(connection, call.scope, since, until)
    return One(_view(heatmap, since, until))


def _view(heatmap: Heatmap, since: datetime, until: datetime) -> HeatmapView:
    days: dict[str, list[HeatmapSessionView]] = {}
    last = (until.astimezone(UTC) - timedelta(microseconds=1)).date()
    for number in range((last - since.astimezone(UTC).date()).days + 1):
        days[str(since.astimezone(UTC).date() + timedelta(days=number))] = []
    for session in heatmap.sessions:
        days[str(session.started_at.astimezone(UTC).date())].append(_view_session(session))
    counts = dict.fromkeys(_Result, 0)
    for state, count in heatmap.jobs.items():
        counts[_RESULTS[state]] += count
    return HeatmapView(
        success_jobs_count=counts[_Result.SUCCESS],
        warning_jobs_count=counts[_Result.WARNING],
        fail_jobs_count=counts[_Result.FAILED],
        data_per_days=[HeatmapDayView(date=date, sessions=sessions) for date, sessions in days.items()],
    )


def _view_session(session: HeatmapSession) -> HeatmapSessionView:
    has_failed = session.state is not SessionState.SUCCESS
    return HeatmapSessionView(
        job_name=session.job_name,
        server_name=session.server_name or UNSET,
        management_agent_uid=session.management_agent_uid or UNSET,
        location_uid=session.location_uid or UNSET,
        location_name=session.location_name or UNSET,
        organization_name=session.organization_name or UNSET,
        organization_uid=session.organization_uid,
        start_time=instant(session.started_at),
        end_time=instant(session.ended_at),
        duration=max(0, round((session.ended_at - session.started_at).total_seconds())),
        session_uid=session.session_uid,
        failure_message="\r\n".join(session.messages) or None if has_failed else None,
        result=_RESULTS[session.state],
        job_type=_JOB_TYPES.get(session.type, JobSessionHeatmapJobType.UNKNOWN),
    )
