"""How long jobs keep their points, over HTTP: looking at what a retention means, and changing it."""

from __future__ import annotations

import msgspec

from tandem.actions import change_retention as change
from tandem.actions.change_retention import Prospect
from tandem.api import file_share_copy_jobs as copy_jobs
from tandem.api import file_share_jobs as backup_jobs
from tandem.api.http.answers import One
from tandem.api.http.call import Call
from tandem.api.http.json_patch import JsonPatches, read_patch
from tandem.api.http.listing import window_of
from tandem.api.http.texts import GfsCount, Instant, Int32, Int64, RetentionCount, Uid, instant
from tandem.domain.errors import NotFound
from tandem.domain.fates import Fate, Foreseen
from tandem.domain.jobs import Job, JobType
from tandem.domain.restore_points import CopyState
from tandem.domain.retention import FOREVER, RetentionUnit, Rule
from tandem.store import file_share_copy_jobs, file_share_jobs, jobs, retention
from tandem.store.database import Connection
from tandem.store.retention import PointOfJob


class RetentionPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of how long a job keeps its points."""

    retention: RetentionCount
    retention_unit: RetentionUnit
    gfs_daily: GfsCount
    gfs_weekly: GfsCount
    gfs_monthly: GfsCount
    gfs_yearly: GfsCount


class ChangeParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The query: whether the change may delete more than half of the restore points that are held."""

    confirm_deletion: bool = False


class PreviewParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The query: the retention to look at; what is left out is as the job has it."""

    retention: RetentionCount | None = None
    retention_unit: RetentionUnit | None = None
    gfs_daily: GfsCount | None = None
    gfs_weekly: GfsCount | None = None
    gfs_monthly: GfsCount | None = None
    gfs_yearly: GfsCount | None = None


class PreviewedPointView(msgspec.Struct, rename="camel", kw_only=True):
    """What becomes of one restore point with the next run, why, and until when it is kept; sizes in bytes.

    `actionOnceConfirmed` is null, but for an adopted point while nobody has confirmed that such may go: what would
    become of it then.
    """

    restore_point_uid: Uid
    restore_point_date: Instant
    size: Int64
    held_bytes: Int64
    state: CopyState | None
    action: Fate
    action_once_confirmed: Fate | None
    reason: str
    expiration_time: Instant | None


class RetentionPreviewView(msgspec.Struct, rename="camel", kw_only=True):
    """What a retention means for the points of a job; `points` is a page of `pointsTotal`, newest first.

    `deletedBytes` is what the points that go had added; as much is freed only if no other point needs it.
    `pointsUnconfirmed` are adopted ones that stay only as nobody has confirmed that they may go.
    """

    job_uid: Uid
    unique_job_uid: Uid
    retention: Int32
    retention_unit: RetentionUnit
    gfs_daily: Int32
    gfs_weekly: Int32
    gfs_monthly: Int32
    gfs_yearly: Int32
    time_zone: str
    immutability_interval: Int32
    points_held: Int32
    points_kept: Int32
    points_deleted: Int32
    points_copied: Int32
    points_unconfirmed: Int32
    deleted_bytes: Int64
    is_confirmation_needed: bool
    points_total: Int32
    points: list[PreviewedPointView]


def patch_file_share_job(
    call: Call, body: JsonPatches, query: ChangeParameters
) -> One[backup_jobs.OldestFileShareJob | backup_jobs.FileShareJobView]:
    """Change how long a file share job keeps its points."""
    job = _change(call, body, query, JobType.BACKUP_FILE)
    with call.reading() as connection:
        found = file_share_jobs.get_file_share_job(connection, call.scope, job.unique_uid)
    return One(backup_jobs.view_file_share_job(call, found))


def patch_file_share_copy_job(
    call: Call, body: JsonPatches, query: ChangeParameters
) -> One[copy_jobs.OldestFileShareCopyJob | copy_jobs.FileShareCopyJobView]:
    """Change how long a file share copy job keeps its copies."""
    job = _change(call, body, query, JobType.BACKUP_FILE_COPY)
    with call.reading() as connection:
        found = file_share_copy_jobs.get_file_share_copy_job(connection, call.scope, job.unique_uid)
    return One(copy_jobs.view_file_share_copy_job(call, found))


def preview_file_share_job(call: Call, query: PreviewParameters) -> One[RetentionPreviewView]:
    """Say which points of a file share job go with its next run, and why."""
    return _preview(call, query, JobType.BACKUP_FILE)


def preview_file_share_copy_job(call: Call, query: PreviewParameters) -> One[RetentionPreviewView]:
    """Say which points a copy job copies and which copies go with its next run, and why."""
    return _preview(call, query, JobType.BACKUP_FILE_COPY)


def changed_rule(rule: Rule, **changes: object) -> Rule:
    """Give a rule with other members, named as the API does in snake case; None stays."""
    given = {name: value for name, value in changes.items() if value is not None}
    counts = {name.removeprefix("gfs_"): value for name, value in given.items() if name.startswith("gfs_")}
    times = {"retention": "count", "retention_unit": "unit"}
    other = {times[name]: value for name, value in given.items() if name in times}
    return msgspec.structs.replace(
        rule,
        retention=msgspec.structs.replace(rule.retention, **other),
        gfs=msgspec.structs.replace(rule.gfs, **counts),
    )


def _change(call: Call, body: JsonPatches, query: ChangeParameters, kind: JobType) -> Job:
    patch = read_patch(body, RetentionPatch)
    is_copy = kind is JobType.BACKUP_FILE_COPY

    def decide(connection: Connection, job: Job, rule: Rule) -> Rule:
        if is_copy:
            copied = file_share_copy_jobs.get_file_share_copy_job(connection, call.scope, job.unique_uid)
            return changed_rule(rule, **patch.changes(copy_jobs.view_current(copied)))
        backup = file_share_jobs.get_file_share_job(connection, call.scope, job.unique_uid)
        return changed_rule(rule, **patch.changes(backup_jobs.view_current(backup)))

    return change.change_retention(call.act, call.uid("jobUid"), kind, decide, is_confirmed=query.confirm_deletion)


def _preview(call: Call, query: PreviewParameters, kind: JobType) -> One[RetentionPreviewView]:
    window = window_of(call)
    with call.reading() as connection:
        job = jobs.get_job(connection, call.scope, call.uid("jobUid"))
        if job.type is not kind:
            raise NotFound.of("job", call.uid("jobUid"))
        present = retention.retention_of(connection, call.scope, job)
        rule = changed_rule(present.rule, **msgspec.structs.asdict(query))
        prospect = change.prospect_of(connection, call.act, job, present, rule)
    page = prospect.points[window.offset : window.offset + window.limit]
    return One(_view(job, prospect, [_view_point(point, fate) for point, fate in page]))


def _view(job: Job, prospect: Prospect, points: list[PreviewedPointView]) -> RetentionPreviewView:
    rule = prospect.rule
    return RetentionPreviewView(
        job_uid=job.instance_uid,
        unique_job_uid=job.unique_uid,
        retention=rule.retention.count,
        retention_unit=rule.retention.unit,
        gfs_daily=rule.gfs.daily,
        gfs_weekly=rule.gfs.weekly,
        gfs_monthly=rule.gfs.monthly,
        gfs_yearly=rule.gfs.yearly,
        time_zone=rule.gfs.time_zone,
        immutability_interval=rule.immutable_days,
        points_held=prospect.held,
        points_kept=sum(fate.fate is Fate.KEEP for _point, fate in prospect.points),
        points_deleted=sum(fate.fate is Fate.DELETE for _point, fate in prospect.points),
        points_copied=sum(fate.fate is Fate.COPY for _point, fate in prospect.points),
        points_unconfirmed=sum(fate.is_unconfirmed for _point, fate in prospect.points),
        deleted_bytes=sum(_held_bytes(point) for point, fate in prospect.points if fate.fate is Fate.DELETE),
        is_confirmation_needed=prospect.needs_confirmation,
        points_total=len(prospect.points),
        points=points,
    )


def _view_point(point: PointOfJob, fate: Foreseen) -> PreviewedPointView:
    return PreviewedPointView(
        restore_point_uid=point.restore_point_uid,
        restore_point_date=instant(point.point.created_at),
        size=point.size,
        held_bytes=_held_bytes(point),
        state=point.entry.state if point.entry else None,
        action=fate.fate,
        action_once_confirmed=fate.once_confirmed,
        reason=fate.reason,
        expiration_time=None if fate.expires_at >= FOREVER else instant(fate.expires_at),
    )


def _held_bytes(point: PointOfJob) -> int:
    return point.entry.added if point.entry else point.added
