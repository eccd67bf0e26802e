"""Backups of file shares, put together by the database from the points and copies that are held."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, func, select, union_all

from tandem.domain.file_share_backups import FileShareBackup
from tandem.domain.identity import Scope
from tandem.domain.paging import Page, Window
from tandem.domain.restore_points import CopyState
from tandem.store.database import Connection
from tandem.store.query import fetch_page, visible
from tandem.store.tables import file_shares, jobs, restore_point_copies, restore_points

_HELD = [state for state in CopyState if state.is_held]


def list_file_share_backups(
    connection: Connection, scope: Scope, window: Window, file_share_uid: str | None = None
) -> Page[FileShareBackup]:
    """List the backups of all jobs that the caller sees, or of one share; those without a point are none."""
    first = _held_in_first_repository().where(visible(restore_points, scope))
    copied = _held_in_copies().where(visible(restore_point_copies, scope))
    if file_share_uid is not None:
        first = first.where(restore_points.c.file_share_uid == file_share_uid)
        copied = copied.where(restore_points.c.file_share_uid == file_share_uid)
    held = union_all(first, copied).subquery("held")
    groups = (held.c.job_unique_uid, held.c.repository_uid, held.c.file_share_uid)
    backups = (
        select(
            *groups,
            func.count().label("restore_points"),
            # PostgreSQL adds up whole numbers to decimals.
            cast(func.sum(held.c.added), BigInteger).label("short_term_backup_size"),
            func.max(held.c.created_at).label("latest_restore_point_date"),
            func.max(case((held.c.age == 1, held.c.size))).label("source_size"),
        )
        .group_by(*groups)
        .subquery("backups")
    )
    joined = backups.join(jobs, jobs.c.unique_uid == backups.c.job_unique_uid)
    joined = joined.join(file_shares, file_shares.c.instance_uid == backups.c.file_share_uid)
    columns: dict[str, Any] = {column.name: column for column in backups.c}
    columns |= {
        "backup_uid": jobs.c.unique_uid,
        "job_uid": jobs.c.instance_uid,
        "backup_server_uid": jobs.c.backup_server_uid,
        "path": file_shares.c.path,
    }
    statement = select(*(columns[name] for name in FileShareBackup.__struct_fields__)).select_from(joined)
    # A job has one repository and one share; the others make the order total whatever agents report.
    order = (jobs.c.position, backups.c.repository_uid, backups.c.file_share_uid)
    return fetch_page(connection, statement.order_by(*order), window, FileShareBackup)


def _held_in_first_repository() -> Select[*tuple[Any, ...]]:
    point = restore_points.c
    columns = _columns(point.job_unique_uid, point.repository_uid, point.size, point.added)
    return select(*columns).where(point.forgotten_at.is_(None))


def _held_in_copies() -> Select[*tuple[Any, ...]]:
    copy = restore_point_copies.c
    joined = restore_point_copies.join(restore_points, restore_points.c.instance_uid == copy.restore_point_uid)
    # A copy that came in before agents told its size has the size of its point.
    size = case((copy.size > 0, copy.size), else_=restore_points.c.size)
    columns = _columns(copy.job_unique_uid, copy.repository_uid, size, copy.added)
    return select(*columns).select_from(joined).where(copy.state.in_(_HELD))


def _columns(
    job: ColumnElement[str], repository: ColumnElement[str], size: ColumnElement[int], added: ColumnElement[int]
) -> list[ColumnElement[Any]]:
    point = restore_points.c
    newest_first = (point.created_at.desc(), point.position.desc())
    return [
        job.label("job_unique_uid"),
        repository.label("repository_uid"),
        point.file_share_uid.label("file_share_uid"),
        point.created_at.label("created_at"),
        size.label("size"),
        added.label("added"),
        func.row_number().over(partition_by=(job, repository), order_by=newest_first).label("age"),
    ]
