"""What repositories were found to hold, and what jobs have adopted of it, stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CompoundSelect, String, bindparam, exists, false, insert, select, update

from tandem.domain.adoption import Adoption, Origin, RepositorySnapshots
from tandem.domain.identity import Scope
from tandem.protocol.messages import SnapshotsReport
from tandem.store.database import Connection
from tandem.store.query import columns_of, records, visible
from tandem.store.schema.adoption_tables import adoptions, repository_snapshots
from tandem.store.schema.point_tables import IS_HELD_COPY
from tandem.store.schema.tables import (
    backup_repositories,
    file_share_copy_jobs,
    file_share_jobs,
    jobs,
    restore_point_copies,
    restore_points,
)


def find_snapshots(connection: Connection, scope: Scope, repository_uid: str) -> RepositorySnapshots | None:
    """Find what a repository held when somebody looked last; None if nobody has."""
    statement = select(*columns_of(repository_snapshots.c, RepositorySnapshots)).where(
        visible(repository_snapshots, scope), repository_snapshots.c.repository_uid == repository_uid
    )
    found = records(connection, statement, RepositorySnapshots)
    return found[0] if found else None


def apply_snapshots(connection: Connection, backup_server_uid: str, report: SnapshotsReport, now: datetime) -> None:
    """Note what an agent has found in a repository of its own."""
    own = backup_repositories.c
    is_own = (own.instance_uid == report.repository_uid) & (own.backup_server_uid == backup_server_uid)
    if not connection.scalar(select(exists().where(is_own))):
        return
    values: dict[str, Any] = {"request_uid": report.request_uid, "collected_at": now, "failure": report.failure}
    values["groups"] = report.groups
    same = repository_snapshots.c.repository_uid == report.repository_uid
    if not connection.execute(update(repository_snapshots).where(same).values(values)).rowcount:
        connection.execute(insert(repository_snapshots).values(repository_uid=report.repository_uid, **values))


def find_adoption(connection: Connection, scope: Scope, job_unique_uid: str) -> Adoption:
    """Find what a job has adopted; nothing, if nobody has said so."""
    statement = select(*columns_of(adoptions.c, Adoption)).where(
        visible(adoptions, scope), adoptions.c.job_unique_uid == job_unique_uid
    )
    found = records(connection, statement, Adoption)
    return found[0] if found else Adoption()


def put_adoption(connection: Connection, scope: Scope, job_unique_uid: str, adoption: Adoption, now: datetime) -> None:
    """Store what a job adopts, in place of what it did; nothing happens if the job is not there for the caller."""
    values = {"origins": adoption.origins, "may_forget": adoption.may_forget, "changed_at": now}
    is_job = visible(jobs, scope) & (jobs.c.unique_uid == job_unique_uid)
    if connection.scalar(select(jobs.c.unique_uid).where(is_job)) is None:
        return
    same = adoptions.c.job_unique_uid == job_unique_uid
    if not connection.execute(update(adoptions).where(same).values(values)).rowcount:
        connection.execute(insert(adoptions).values(job_unique_uid=job_unique_uid, **values))


def adopted_of_repository(connection: Connection, repository_uid: str) -> dict[str, list[Origin]]:
    """Get what the jobs of a repository have adopted there, by the job's unique uid."""
    joined = adoptions.join(file_share_jobs, file_share_jobs.c.unique_uid == adoptions.c.job_unique_uid)
    statement = select(adoptions.c.job_unique_uid, adoptions.c.origins).select_from(joined)
    rows = connection.execute(statement.where(file_share_jobs.c.target_repository_uid == repository_uid))
    return {row[0]: row[1] for row in rows}


def untold_of_server(connection: Connection, backup_server_uid: str) -> set[str]:
    """Get the jobs of a backup server, by unique uid, of whose points it is not known whether they are adopted.

    Only where they may be: points that may lack files; copies in a repository that was there before the job.
    """
    return set(connection.execute(_UNTOLD, {"backup_server_uid": backup_server_uid}).scalars())


def _select_untold() -> CompoundSelect[str]:
    of_server = bindparam("backup_server_uid", type_=String)
    points, copies = restore_points.c, restore_point_copies.c
    is_untold_point = exists().where(
        points.job_unique_uid == jobs.c.unique_uid,
        points.is_adopted.is_(None),
        points.forgotten_at.is_(None),
        points.is_complete.is_(false()),
    )
    is_untold_copy = exists().where(
        copies.job_unique_uid == file_share_copy_jobs.c.unique_uid, copies.is_adopted.is_(None), IS_HELD_COPY
    )
    joined = adoptions.join(jobs, jobs.c.unique_uid == adoptions.c.job_unique_uid)
    backups = select(jobs.c.unique_uid).select_from(joined).where(jobs.c.backup_server_uid == of_server)
    is_target = backup_repositories.c.instance_uid == file_share_copy_jobs.c.target_repository_uid
    existing = (
        select(file_share_copy_jobs.c.unique_uid)
        .select_from(file_share_copy_jobs.join(backup_repositories, is_target))
        .where(file_share_copy_jobs.c.backup_server_uid == of_server, backup_repositories.c.is_existing)
    )
    return backups.where(is_untold_point).union_all(existing.where(is_untold_copy))


# Made once: it is asked for every configuration that an agent is told.
_UNTOLD = _select_untold()


def adoptions_of_server(connection: Connection, backup_server_uid: str) -> dict[str, Adoption]:
    """Get what the jobs of a backup server adopt, by the job's unique uid."""
    joined = adoptions.join(jobs, jobs.c.unique_uid == adoptions.c.job_unique_uid)
    columns = adoptions.c.job_unique_uid, adoptions.c.origins, adoptions.c.may_forget
    statement = select(*columns).select_from(joined)
    rows = connection.execute(statement.where(jobs.c.backup_server_uid == backup_server_uid))
    return {row[0]: Adoption(origins=row[1], may_forget=row[2]) for row in rows}
