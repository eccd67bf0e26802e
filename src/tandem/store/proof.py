"""What is known of copies being whole, stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Table, and_, func, insert, or_, select, update

from tandem.domain.drills import DrillResult
from tandem.domain.identity import Scope
from tandem.domain.proof import CopyProof, CopyStand, ProtectedJob, RepositoryVerification
from tandem.domain.restore_points import LedgerEntry
from tandem.store.database import Connection
from tandem.store.query import columns_of, fetch_one, records, visible
from tandem.store.schema.proof_columns import report_keys
from tandem.store.schema.tables import (
    backup_repositories,
    file_share_copy_jobs,
    file_share_jobs,
    file_shares,
    jobs,
    restore_point_copies,
    restore_points,
)

_PROOF_COLUMNS: dict[str, Any] = {
    "unique_uid": file_share_copy_jobs.c.unique_uid,
    "created_at": backup_repositories.c.created_at,
    **{name: backup_repositories.c[name] for name in ("verify_every_days", "verified_at", "verification_problem")},
    **{name: file_share_copy_jobs.c[name] for name in ("drill_every_days", "last_drill_at", "last_drill_result")},
}
_PROOF = select(*(_PROOF_COLUMNS[name] for name in CopyProof.__struct_fields__)).select_from(
    file_share_copy_jobs.join(
        backup_repositories, backup_repositories.c.instance_uid == file_share_copy_jobs.c.target_repository_uid
    )
)


def get_verification(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> RepositoryVerification:
    """Get how far the reading back of a repository is; raises NotFound."""
    columns = backup_repositories.c
    statement = select(*columns_of(columns, RepositoryVerification)).where(
        visible(backup_repositories, scope),
        columns.instance_uid == uid,
        columns.backup_server_uid == backup_server_uid,
    )
    return fetch_one(connection, statement, RepositoryVerification, noun="backup repository", uid=uid)


def set_verify_every(connection: Connection, scope: Scope, uid: str, days: int) -> None:
    """Change the period in which every pack of a repository is read."""
    is_repository = backup_repositories.c.instance_uid == uid
    statement = update(backup_repositories).where(visible(backup_repositories, scope), is_repository)
    connection.execute(statement.values(verify_every_days=days))


def get_copy_proof(connection: Connection, scope: Scope, unique_uid: str) -> CopyProof:
    """Get what is known of the copies of a copy job; raises NotFound."""
    statement = _PROOF.where(visible(file_share_copy_jobs, scope), file_share_copy_jobs.c.unique_uid == unique_uid)
    return fetch_one(connection, statement, CopyProof, noun="file share copy job", uid=unique_uid)


def copy_proofs(connection: Connection, scope: Scope, unique_uids: list[str]) -> dict[str, CopyProof]:
    """Get what is known of the copies of several copy jobs, of those that the caller sees."""
    is_asked = file_share_copy_jobs.c.unique_uid.in_(unique_uids)
    found = records(connection, _PROOF.where(visible(file_share_copy_jobs, scope), is_asked), CopyProof)
    return {proof.unique_uid: proof for proof in found}


def set_drill_every(connection: Connection, scope: Scope, unique_uid: str, days: int) -> None:
    """Change how often the newest copy of a copy job is restored."""
    is_job = file_share_copy_jobs.c.unique_uid == unique_uid
    statement = update(file_share_copy_jobs).where(visible(file_share_copy_jobs, scope), is_job)
    connection.execute(statement.values(drill_every_days=days))


def note_drills(connection: Connection, backup_server_uid: str, job_uid: str, entries: list[LedgerEntry]) -> None:
    """Carry the newest restore drill among ledger entries over to their copy job."""
    drilled = [entry for entry in entries if entry.drilled_at is not None]
    if not drilled:
        return
    last = max(drilled, key=lambda entry: entry.drilled_at or entry.created_at)
    columns = file_share_copy_jobs.c
    is_job = (columns.instance_uid == job_uid) & (columns.backup_server_uid == backup_server_uid)
    is_newer = columns.last_drill_at.is_(None) | (columns.last_drill_at <= last.drilled_at)
    values = {"last_drill_at": last.drilled_at, "last_drill_result": last.drill_result}
    connection.execute(update(file_share_copy_jobs).where(is_job, is_newer).values(values))


def copy_stands(connection: Connection, scope: Scope, unique_uids: list[str]) -> list[CopyStand]:
    """Count the copies of copy jobs by state, of those that the caller sees."""
    copies = restore_point_copies.c
    joined = restore_point_copies.join(restore_points, restore_points.c.instance_uid == copies.restore_point_uid)
    statement = (
        select(
            copies.job_unique_uid,
            copies.state,
            func.count(),
            func.count(copies.damaged_at),
            func.max(restore_points.c.created_at),
        )
        .select_from(joined)
        .where(visible(restore_point_copies, scope), copies.job_unique_uid.in_(unique_uids))
        .group_by(copies.job_unique_uid, copies.state)
        .order_by(copies.job_unique_uid, copies.state)
    )
    return records(connection, statement, CopyStand)


def protected_jobs(connection: Connection, scope: Scope, organization_uid: str) -> list[ProtectedJob]:
    """List the jobs that are a company's or assigned to it: a row for each copy, and for a job without one."""
    points = (
        select(
            restore_points.c.job_unique_uid,
            func.count().label("points"),
            func.max(restore_points.c.created_at).label("newest"),
            func.count(restore_points.c.damaged_at).label("damaged"),
        )
        .where(restore_points.c.forgotten_at.is_(None))
        .group_by(restore_points.c.job_unique_uid)
        .subquery()
    )
    copies, copy_jobs = file_share_copy_jobs, jobs.alias("copy_jobs")
    is_copy = and_(copies.c.source_job_unique_uid == file_share_jobs.c.unique_uid, visible(copies, scope))
    joined = (
        file_share_jobs.join(jobs, jobs.c.unique_uid == file_share_jobs.c.unique_uid)
        .join(file_shares, file_shares.c.instance_uid == file_share_jobs.c.file_share_uid)
        .outerjoin(copies, is_copy)
        .outerjoin(copy_jobs, copy_jobs.c.unique_uid == copies.c.unique_uid)
        .outerjoin(points, points.c.job_unique_uid == file_share_jobs.c.unique_uid)
    )
    statement = (
        select(
            file_shares.c.instance_uid,
            file_shares.c.name,
            file_share_jobs.c.instance_uid,
            jobs.c.name,
            func.coalesce(points.c.points, 0),
            points.c.newest,
            func.coalesce(points.c.damaged, 0),
            copies.c.unique_uid,
            copy_jobs.c.name,
        )
        .select_from(joined)
        .where(visible(file_share_jobs, scope), _is_of(file_share_jobs, organization_uid))
        .order_by(file_share_jobs.c.position, copies.c.position)
    )
    return records(connection, statement, ProtectedJob)


def _is_of(family: Table, organization_uid: str) -> Any:
    return or_(family.c.organization_uid == organization_uid, family.c.mapped_organization_uid == organization_uid)


def report_keys_newest_first(connection: Connection) -> list[tuple[str, str, str]]:
    """Get the keys of reports: uid, sealed key, public key."""
    columns = (report_keys.c.instance_uid, report_keys.c.sealed_key, report_keys.c.public_key)
    rows = connection.execute(select(*columns).order_by(report_keys.c.created_at.desc(), report_keys.c.instance_uid))
    return [(row[0], row[1], row[2]) for row in rows]


def insert_report_key(connection: Connection, uid: str, *, sealed_key: str, public_key: str, now: datetime) -> None:
    """Store a key that signs reports."""
    values = {"instance_uid": uid, "sealed_key": sealed_key, "public_key": public_key, "created_at": now}
    connection.execute(insert(report_keys).values(values))


def count_trouble(connection: Connection, now: datetime) -> dict[str, int]:
    """Count over all tenants, for those who watch the installation: repositories and copy jobs, and what is wrong."""
    verifications = records(
        connection, select(*columns_of(backup_repositories.c, RepositoryVerification)), RepositoryVerification
    )
    results = connection.execute(
        select(file_share_copy_jobs.c.last_drill_result, func.count()).group_by(
            file_share_copy_jobs.c.last_drill_result
        )
    )
    drills = {row[0]: row[1] for row in results}
    return {
        "tandem_repositories": len(verifications),
        "tandem_repositories_verification_overdue": sum(one.is_overdue(now) for one in verifications),
        "tandem_repositories_damaged": sum(bool(one.verification_problem) for one in verifications),
        "tandem_copy_jobs_drilled": drills.get(DrillResult.SAME, 0),
        "tandem_copy_jobs_drill_failed": drills.get(DrillResult.FAILED, 0) + drills.get(DrillResult.DIFFERENT, 0),
    }
