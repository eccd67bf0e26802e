"""The retention of jobs as it is stored, and the points that it is about."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import func, or_, select, update

from tandem.domain.copy_forecasts import Made
from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.domain.jobs import Job, JobType
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.retention import Gfs, Point, Retention, RetentionUnit, Rule
from tandem.domain.schedule import periods_zone
from tandem.store.database import Connection
from tandem.store.query import visible
from tandem.store.restore_points import ENTRY_FIELDS
from tandem.store.schema.point_tables import IS_HELD_COPY
from tandem.store.schema.tables import (
    backup_repositories,
    file_share_copy_jobs,
    file_share_jobs,
    jobs,
    restore_point_copies,
    restore_points,
)

MADE_MAX = 5_000


class RetentionOfJob(msgspec.Struct, frozen=True, kw_only=True):
    """How long a job keeps its points, and when that was last changed.

    Attributes:
        rule: the job's, with the immutable period of its target.
        source_job_unique_uid: for a copy job, the job whose points it copies.
        changed_at: when the first of the changes was that are looked at as one.
        points_at_change: how many points it held then.
    """

    rule: Rule
    source_job_unique_uid: str | None
    changed_at: datetime | None
    points_at_change: int


class PointOfJob(msgspec.Struct, frozen=True, kw_only=True):
    """A restore point as one job sees it; sizes in bytes.

    Attributes:
        restore_point_uid: the console's.
        point: what rules of retention need to know.
        is_in_first_repository: whether the first repository holds it.
        size: of what is restored from it.
        added: what it took in the first repository.
        entry: for a copy job, where its copy stands.
        is_adoption_known: whether its agent has told whether it, or its copy, is adopted.
    """

    restore_point_uid: str
    point: Point
    is_in_first_repository: bool
    size: int
    added: int
    entry: LedgerEntry | None
    is_adoption_known: bool


def retention_of(connection: Connection, scope: Scope, job: Job) -> RetentionOfJob:
    """Get how long a job keeps its points; raises NotFound."""
    is_copy = job.type is JobType.BACKUP_FILE_COPY
    family = file_share_copy_jobs if is_copy else file_share_jobs
    repository, source = backup_repositories.c, jobs.alias("source")
    joined = family.join(backup_repositories, repository.instance_uid == family.c.target_repository_uid)
    columns = [*_rule_columns(family.c), repository.immutability_interval]
    if is_copy:
        joined = joined.join(source, source.c.unique_uid == family.c.source_job_unique_uid)
        columns += [family.c.source_job_unique_uid, source.c.schedule]
    statement = select(*columns).select_from(joined)
    row = connection.execute(statement.where(visible(family, scope), family.c.unique_uid == job.unique_uid)).first()
    if row is None:
        raise NotFound.of("job", job.unique_uid)
    values: tuple[Any, ...] = tuple(row) if is_copy else (*row, None, None)
    count, unit, daily, weekly, monthly, yearly, changed_at, points, immutable_days, source_uid, source_schedule = (
        values
    )
    gfs = Gfs(
        daily=daily,
        weekly=weekly,
        monthly=monthly,
        yearly=yearly,
        time_zone=periods_zone(job.schedule, source_schedule),
    )
    return RetentionOfJob(
        rule=Rule(Retention(count, RetentionUnit(unit)), gfs, immutable_days),
        source_job_unique_uid=source_uid,
        changed_at=changed_at,
        points_at_change=points,
    )


def _rule_columns(family: Any) -> list[Any]:
    names = ("retention", "retention_unit", "gfs_daily", "gfs_weekly", "gfs_monthly", "gfs_yearly")
    return [family[name] for name in (*names, "retention_changed_at", "points_at_change")]


def set_retention(
    connection: Connection, scope: Scope, job: Job, rule: Rule, *, changed_at: datetime | None, points_at_change: int
) -> None:
    """Change how long a job keeps its points."""
    gfs = rule.gfs
    counts = {"gfs_daily": gfs.daily, "gfs_weekly": gfs.weekly, "gfs_monthly": gfs.monthly, "gfs_yearly": gfs.yearly}
    common = {"retention": rule.retention.count, "retention_unit": rule.retention.unit}
    series = {"retention_changed_at": changed_at, "points_at_change": points_at_change}
    family = file_share_copy_jobs if job.type is JobType.BACKUP_FILE_COPY else file_share_jobs
    for table, values in ((jobs, {"is_gfs_option_enabled": gfs.is_enabled}), (family, counts | series)):
        statement = update(table).where(visible(table, scope), table.c.unique_uid == job.unique_uid)
        connection.execute(statement.values(**common, **values))


def points_of_job(connection: Connection, scope: Scope, unique_uid: str) -> list[PointOfJob]:
    """Get the points that a file share job holds in its repository, newest first."""
    is_held = (restore_points.c.job_unique_uid == unique_uid) & restore_points.c.forgotten_at.is_(None)
    statement = select(*_POINT).where(visible(restore_points, scope), is_held).order_by(*_NEWEST_FIRST)
    return [_point(tuple(row), None) for row in connection.execute(statement)]


def points_of_copy_job(
    connection: Connection, scope: Scope, source_job_unique_uid: str, unique_uid: str | None
) -> list[PointOfJob]:
    """Get the points that the source of a copy job or the copy itself holds, newest first.

    Args:
        connection: an open connection.
        scope: the caller's.
        source_job_unique_uid: the job whose points are copied.
        unique_uid: the copy job; None for one that is about to be made.
    """
    copy = restore_point_copies.c
    of_job = (copy.restore_point_uid == restore_points.c.instance_uid) & (copy.job_unique_uid == (unique_uid or ""))
    # In a repository that Tandem made no copy is adopted.
    repository = backup_repositories.c
    of_copy = repository.instance_uid == copy.repository_uid
    there = [copy.state == state for state in CopyState if state is not CopyState.EXPIRED]
    statement = (
        select(*_POINT, *(copy[name] for name in ENTRY_FIELDS), repository.is_existing)
        .select_from(restore_points.outerjoin(restore_point_copies, of_job).outerjoin(backup_repositories, of_copy))
        .where(visible(restore_points, scope) | visible(restore_point_copies, scope))
        .where(restore_points.c.job_unique_uid == source_job_unique_uid)
        .where(or_(restore_points.c.forgotten_at.is_(None), *there))
        .order_by(*_NEWEST_FIRST)
    )
    return [_point(tuple(row[: len(_POINT)]), tuple(row[len(_POINT) :])) for row in connection.execute(statement)]


_POINT = tuple(
    restore_points.c[name]
    for name in (
        "instance_uid",
        "snapshot_id",
        "created_at",
        "size",
        "added",
        "is_complete",
        "forgotten_at",
        "is_adopted",
    )
)
_NEWEST_FIRST = (restore_points.c.created_at.desc(), restore_points.c.position.desc())


def _point(row: tuple[Any, ...], copy: tuple[Any, ...] | None) -> PointOfJob:
    uid, snapshot_id, created_at, size, added, is_complete, forgotten_at, is_adopted = row
    is_whole = is_complete and size > 0
    *of_entry, is_existing = copy or [None]
    values: dict[str, Any] = dict(zip(ENTRY_FIELDS, of_entry, strict=True)) if copy else {}
    entry = None
    # Whether one that is adopted has all files is never known.
    is_known = is_adopted is not None or is_complete
    if copy is not None:
        is_known = values["is_adopted"] is not None or not is_existing
    if values.get("state") is not None:
        values |= {"is_whole": is_whole, "is_adopted": bool(values["is_adopted"])}
        entry = LedgerEntry(source_snapshot_id=snapshot_id, created_at=created_at, **values)
    return PointOfJob(
        restore_point_uid=uid,
        point=Point(snapshot_id, created_at, is_whole=is_whole, is_complete=is_complete, is_adopted=bool(is_adopted)),
        is_in_first_repository=forgotten_at is None,
        size=size,
        added=added,
        entry=entry,
        is_adoption_known=is_known,
    )


def last_arrival(connection: Connection, repository_uid: str) -> datetime | None:
    """Get when a repository got the newest point that it holds."""
    point, copy = restore_points.c, restore_point_copies.c
    made = select(func.max(point.created_at)).where(
        point.repository_uid == repository_uid, point.forgotten_at.is_(None)
    )
    copied = select(func.max(copy.copied_at)).where(copy.repository_uid == repository_uid, IS_HELD_COPY)
    return max(filter(None, (connection.scalar(made), connection.scalar(copied))), default=None)


def set_immutability(connection: Connection, scope: Scope, repository_uid: str, days: int) -> None:
    """Change for how many days a repository lets no point go."""
    is_repository = backup_repositories.c.instance_uid == repository_uid
    statement = update(backup_repositories).where(visible(backup_repositories, scope), is_repository)
    connection.execute(statement.values(immutability_interval=days))


def points_made(connection: Connection, scope: Scope, job_unique_uid: str) -> list[Made]:
    """Get the points that a file share job has made, also those that are gone, oldest first: the newest of many."""
    columns = [restore_points.c[name] for name in Made.__struct_fields__]
    of_job = restore_points.c.job_unique_uid == job_unique_uid
    statement = select(*columns).where(visible(restore_points, scope), of_job).order_by(*_NEWEST_FIRST)
    return [Made(*row) for row in connection.execute(statement.limit(MADE_MAX))][::-1]
