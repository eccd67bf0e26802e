"""Backups of file shares: jobs, with what the database finds to be held by each."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, exists, func, select

from tandem.domain.file_share_backups import FileShareBackup
from tandem.domain.identity import Scope
from tandem.domain.jobs import JobType
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.schema.point_tables import IS_HELD_COPY
from tandem.store.schema.tables import file_shares, jobs, restore_point_copies, restore_points

_point, _copy = restore_points.c, restore_point_copies.c
_IN_FIRST = (_point.job_unique_uid == jobs.c.unique_uid) & _point.forgotten_at.is_(None)
_IN_COPY = (_copy.job_unique_uid == jobs.c.unique_uid) & IS_HELD_COPY
_COPIED = restore_point_copies.join(restore_points, _point.instance_uid == _copy.restore_point_uid)
# A copy that was noted without its size has the size of its point.
_COPIED_SIZE = case((_copy.size > 0, _copy.size), else_=_point.size)


def _held(of_point: ColumnElement[Any], of_copy: ColumnElement[Any], *, is_newest: bool = False) -> ColumnElement[Any]:
    """Give a value of what a job holds: of its points, or, for a copy job, of its copies.

    Args:
        of_point: what is read of restore points.
        of_copy: the same of copies.
        is_newest: whether it is that of the newest, or put together of all.
    """

    def read(value: ColumnElement[Any], held: ColumnElement[bool], source: Any) -> Select[*tuple[Any, ...]]:
        statement = select(value).select_from(source).where(held).correlate(jobs)
        newest_first = (_point.created_at.desc(), _point.position.desc())
        return statement.order_by(*newest_first).limit(1) if is_newest else statement

    first = read(of_point, _IN_FIRST, restore_points).scalar_subquery()
    copies = read(of_copy, _IN_COPY, _COPIED).scalar_subquery()
    return case((jobs.c.type == JobType.BACKUP_FILE, first), else_=copies)


def _total(column: ColumnElement[Any]) -> ColumnElement[Any]:
    return cast(func.sum(column), BigInteger)  # PostgreSQL adds up whole numbers to decimals.


_SHARE_UID = _held(_point.file_share_uid, _point.file_share_uid, is_newest=True)

FILE_SHARE_BACKUPS = Collection(
    jobs,
    FileShareBackup,
    columns={
        "backup_uid": jobs.c.unique_uid,
        "job_uid": jobs.c.instance_uid,
        "file_share_uid": _SHARE_UID,
        "repository_uid": _held(_point.repository_uid, _copy.repository_uid, is_newest=True),
        "path": select(file_shares.c.path)
        .where(file_shares.c.instance_uid == _SHARE_UID)
        .correlate(jobs)
        .scalar_subquery(),
        "restore_points": _held(func.count(), func.count()),
        "short_term_backup_size": _held(_total(_point.added), _total(_copy.added)),
        "latest_restore_point_date": _held(func.max(_point.created_at), func.max(_point.created_at)),
        "source_size": _held(_point.size, _COPIED_SIZE, is_newest=True),
    },
    where=[
        case(
            (jobs.c.type == JobType.BACKUP_FILE, exists().where(_IN_FIRST).correlate(jobs)),
            else_=exists().where(_IN_COPY).correlate(jobs),
        )
    ],
    uid="unique_uid",
)


def list_file_share_backups(
    connection: Connection, scope: Scope, query: Query, file_share_uid: str | None = None
) -> Page[FileShareBackup]:
    """List the backups of all jobs that the caller sees, or of one share; those without a point are none."""
    return FILE_SHARE_BACKUPS.page(connection, scope, query, file_share_uid=file_share_uid)
