"""Restore points and the state of each in each copy, stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Boolean, bindparam, case, func, insert, select, tuple_, update

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.jobs import Job
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.domain.restore_points import LedgerEntry, RestorePoint, RestorePointCopy
from tandem.domain.retention import FOREVER
from tandem.protocol.messages import PointReport
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import columns_of, fetch_one, visible
from tandem.store.schema.point_tables import IS_HELD_COPY
from tandem.store.schema.tables import (
    file_share_copy_jobs,
    file_share_jobs,
    jobs,
    restore_point_copies,
    restore_points,
)

# What the console keeps of an entry; the rest is the agent's own.
ENTRY_FIELDS = tuple(name for name in LedgerEntry.__struct_fields__ if name in restore_point_copies.c)
_RESTORE_POINT = select(*columns_of(restore_points.c, RestorePoint))
_IN_COPY = select(restore_point_copies.c.restore_point_uid).where(IS_HELD_COPY)
RESTORE_POINTS = Collection(
    restore_points,
    RestorePoint,
    columns={
        "backup_uid": restore_points.c.job_unique_uid,
        "restore_point_date": restore_points.c.created_at,
        "expiration_time": case((restore_points.c.expires_at < FOREVER, restore_points.c.expires_at)),
        "is_in_first_repository": restore_points.c.forgotten_at.is_(None),
        "files_count": restore_points.c.files,
        "verification_time": restore_points.c.verified_at,
        "damage_time": restore_points.c.damaged_at,
    },
    where=[restore_points.c.forgotten_at.is_(None) | restore_points.c.instance_uid.in_(_IN_COPY)],
    order=[(restore_points.c.created_at, True), (restore_points.c.position, True)],
)


def list_restore_points(
    connection: Connection, scope: Scope, query: Query, file_share_uid: str | None = None
) -> Page[RestorePoint]:
    """List points, newest first, that are held anywhere: in the first repository or in a copy."""
    if scope.kind is ScopeKind.EVERYTHING:
        return RESTORE_POINTS.page(connection, scope, query, file_share_uid=file_share_uid)
    # A copy that the caller does not see, as its job is not assigned to him, is none that he could restore from.
    seen = _IN_COPY.where(visible(restore_point_copies, scope))
    is_held = restore_points.c.forgotten_at.is_(None) | restore_points.c.instance_uid.in_(seen)
    return RESTORE_POINTS.page(connection, scope, query, is_held, file_share_uid=file_share_uid)


def get_restore_point(connection: Connection, scope: Scope, uid: str) -> RestorePoint:
    """Get one point; raises NotFound."""
    statement = _RESTORE_POINT.where(visible(restore_points, scope), restore_points.c.instance_uid == uid)
    return fetch_one(connection, statement, RestorePoint, noun="restore point", uid=uid)


def copies_of(connection: Connection, scope: Scope, point_uids: list[str]) -> dict[str, list[RestorePointCopy]]:
    """Get the state of points in every copy, by point."""
    joined = restore_point_copies.join(
        restore_points, restore_points.c.instance_uid == restore_point_copies.c.restore_point_uid
    )
    statement = (
        select(restore_point_copies, restore_points.c.snapshot_id, restore_points.c.created_at)
        .select_from(joined)
        .where(visible(restore_point_copies, scope), restore_point_copies.c.restore_point_uid.in_(point_uids))
        .order_by(restore_point_copies.c.job_unique_uid)
    )
    found: dict[str, list[RestorePointCopy]] = {uid: [] for uid in point_uids}
    for row in connection.execute(statement).mappings():
        found[row["restore_point_uid"]].append(_copy_from(dict(row)))
    return found


def _copy_from(row: dict[str, Any]) -> RestorePointCopy:
    # While its agent has not told whether it is adopted, it counts as the job's own.
    values: dict[str, Any] = {name: row[name] for name in ENTRY_FIELDS}
    values["is_adopted"] = bool(row["is_adopted"])
    entry = LedgerEntry(source_snapshot_id=row["snapshot_id"], created_at=row["created_at"], **values)
    return RestorePointCopy(
        restore_point_uid=row["restore_point_uid"],
        job_uid=row["job_uid"],
        job_unique_uid=row["job_unique_uid"],
        repository_uid=row["repository_uid"],
        entry=entry,
    )


def apply_point_reports(connection: Connection, told: list[tuple[str, PointReport]]) -> None:
    """Note points that were made, or that they were forgotten.

    Args:
        connection: a transaction.
        told: (backup server, report), each point once; what is told of jobs of other backup servers counts for nothing.
    """
    job_uids = sorted({report.job_uid for _uid, report in told})
    jobs_told: dict[tuple[str, str], Sequence[Any]] = {
        (row[0], row[1]): row for row in connection.execute(_JOBS_TOLD, {"uids": job_uids})
    }
    own = [(jobs_told[uid, report.job_uid], report) for uid, report in told if (uid, report.job_uid) in jobs_told]
    # By snapshot, not by uid: an agent that has lost its memory gives its points new uids.
    keys = sorted({(job[4], report.snapshot_id) for job, report in own})
    known = {(row[0], row[1]) for row in connection.execute(_KNOWN, {"keys": keys})}
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for job, report in own:
        values = {name: getattr(report, name) for name in _POINT_CHANGES}
        if (job[4], report.snapshot_id) in known:
            changed.append(values | {"in_repository": job[4], "snapshot": report.snapshot_id})
            continue
        values |= {name: getattr(report, name) for name in _POINT_FACTS}
        values |= {"instance_uid": report.point_uid, "backup_server_uid": job[0]}
        new.append(values | {"job_unique_uid": job[2], "file_share_uid": job[3], "repository_uid": job[4]})
    if changed:
        connection.execute(_CHANGED_POINT, sorted(changed, key=lambda row: (row["in_repository"], row["snapshot"])))
    if new:
        connection.execute(insert(restore_points), new)


_JOBS_TOLD = select(
    file_share_jobs.c.backup_server_uid,
    file_share_jobs.c.instance_uid,
    file_share_jobs.c.unique_uid,
    file_share_jobs.c.file_share_uid,
    file_share_jobs.c.target_repository_uid,
).where(file_share_jobs.c.instance_uid.in_(bindparam("uids", expanding=True)))
_KNOWN = select(restore_points.c.repository_uid, restore_points.c.snapshot_id).where(
    tuple_(restore_points.c.repository_uid, restore_points.c.snapshot_id).in_(bindparam("keys", expanding=True))
)
_POINT_CHANGES = ("expires_at", "forgotten_at", "verified_at", "damaged_at", "is_adopted")
_POINT_FACTS = ("job_uid", "snapshot_id", "created_at", "size", "added", "files", "is_complete")
_CHANGED_POINT = (
    update(restore_points)
    .where(
        restore_points.c.repository_uid == bindparam("in_repository"),
        restore_points.c.snapshot_id == bindparam("snapshot"),
    )
    .values({name: bindparam(name) for name in _POINT_CHANGES})
    # An agent of an older release does not say it; what a newer one said stays.
    .values(is_adopted=func.coalesce(bindparam("is_adopted", type_=Boolean), restore_points.c.is_adopted))
)


def apply_ledger(connection: Connection, backup_server_uid: str, job_uid: str, entries: list[LedgerEntry]) -> None:
    """Note where copies stand; entries whose point the console does not know are left out."""
    columns = select(
        file_share_copy_jobs.c.unique_uid,
        file_share_copy_jobs.c.source_job_unique_uid,
        file_share_copy_jobs.c.target_repository_uid,
    )
    is_job = (file_share_copy_jobs.c.instance_uid == job_uid) & (
        file_share_copy_jobs.c.backup_server_uid == backup_server_uid
    )
    job = connection.execute(columns.where(is_job)).first()
    if job is None:
        return
    unique_uid, source_unique_uid, repository_uid = job
    points = _points_by_snapshot(connection, source_unique_uid, [entry.source_snapshot_id for entry in entries])
    for entry in entries:
        point_uid = points.get(entry.source_snapshot_id)
        if point_uid is None:
            continue
        key = {"restore_point_uid": point_uid, "job_unique_uid": unique_uid}
        values = {name: getattr(entry, name) for name in ENTRY_FIELDS}
        same = [restore_point_copies.c[name] == value for name, value in key.items()]
        if not connection.execute(update(restore_point_copies).where(*same).values(values)).rowcount:
            owner = {"job_uid": job_uid, "repository_uid": repository_uid}
            connection.execute(insert(restore_point_copies).values({**key, **values, **owner}))


def _points_by_snapshot(connection: Connection, job_unique_uid: str, snapshot_ids: list[str]) -> dict[str, str]:
    statement = select(restore_points.c.snapshot_id, restore_points.c.instance_uid).where(
        restore_points.c.job_unique_uid == job_unique_uid, restore_points.c.snapshot_id.in_(snapshot_ids)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def job_of_point(connection: Connection, uid: str) -> Job:
    """Get the job that made a point, whether or not it has been deleted since."""
    joined = restore_points.join(jobs, jobs.c.unique_uid == restore_points.c.job_unique_uid)
    statement = select(*columns_of(jobs.c, Job)).select_from(joined).where(restore_points.c.instance_uid == uid)
    return fetch_one(connection, statement, Job, noun="restore point", uid=uid)
