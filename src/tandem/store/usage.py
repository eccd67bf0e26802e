"""What companies use, by location and day, counted from the restore points and copies that were held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    cast,
    column,
    exists,
    func,
    or_,
    select,
    true,
    type_coerce,
    values,
)

from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.domain.usage import LocationUsage
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection, shape_of
from tandem.store.query import visible, visible_parts
from tandem.store.schema.columns import MICROSECOND, microseconds
from tandem.store.schema.point_tables import IS_HELD_COPY
from tandem.store.schema.tables import (
    backup_servers,
    companies,
    file_shares,
    locations,
    restore_point_copies,
    restore_points,
)

_DAY = timedelta(days=1) // MICROSECOND


class _Row(msgspec.Struct, frozen=True):
    """A location on a day, nothing counted yet."""

    company_uid: str
    reseller_uid: str | None
    location_uid: str
    date: str
    begins: int


def list_usage(
    connection: Connection,
    scope: Scope,
    query: Query,
    *,
    first: date,
    last: date,
    company_uid: str | None = None,
) -> Page[LocationUsage]:
    """List the usage of the locations that the caller sees: a row for each day and location of a company.

    A copy that is held no more is not counted, nor on the days when it was held: nobody noted when it went.

    Args:
        connection: of `reading()`.
        scope: the caller's.
        query: what is asked for.
        first: the first day, UTC.
        last: the last day.
        company_uid: one company, or None for all.
    """
    held = [visible(companies, scope)]
    if company_uid is not None:
        held.append(companies.c.instance_uid == company_uid)
    listed, parts = _collection(first, last), visible_parts(locations, scope)
    total = connection.scalar(listed.statements.counted(parts, query, held)) or 0
    found = [
        _Row(*row) for row in connection.execute(listed.statements.searched(parts, query, shape_of(_Row).columns, held))
    ]
    # The rows first, then what is counted for them: counting is much more work than finding the rows.
    places: set[tuple[str, int]] = {(row.location_uid, row.begins) for row in found}
    sums: list[Any] = [*connection.execute(_counted(places))] if places else []
    counted: dict[tuple[str, int], Sequence[int]] = {(row[0], row[1]): row[2:] for row in sums}
    usage = [_usage(row, counted[row.location_uid, row.begins]) for row in found]
    return Page(rows=usage, total=total, offset=query.window.offset)


def _collection(first: date, last: date) -> Collection[Any]:
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    listed = values(column("begins", BigInteger), column("day", String), name="days")
    listed = listed.data([(_microseconds(day), day.isoformat()) for day in days]).cte()
    places = locations.join(companies, companies.c.instance_uid == locations.c.organization_uid)
    return Collection(
        locations,
        _Row,
        source=places.join(listed, true()),
        columns={
            "company_uid": companies.c.instance_uid,
            "reseller_uid": companies.c.reseller_uid,
            "location_uid": locations.c.instance_uid,
            "date": listed.c.day,
            "begins": listed.c.begins,
            "key": listed.c.day + locations.c.instance_uid,
        },
        order=[(listed.c.begins, False), (companies.c.position, False), (locations.c.position, False)],
        uid="key",
    )


def _microseconds(day: date) -> int:
    return microseconds(datetime.combine(day, time_of_day(), UTC))


def _counted(places: set[tuple[str, int]]) -> Any:
    """Give the select of what was held at places at the ends of days."""
    rows = values(column("location_uid", String), column("begins", BigInteger), name="places")
    rows = rows.data(sorted(places)).cte()
    ends = rows.c.begins + _DAY
    at_location = backup_servers.c.location_uid == rows.c.location_uid
    shares = file_shares.join(backup_servers, backup_servers.c.instance_uid == file_shares.c.backup_server_uid)
    points = shares.join(restore_points, restore_points.c.file_share_uid == file_shares.c.instance_uid)
    copies = points.join(
        restore_point_copies, restore_point_copies.c.restore_point_uid == restore_points.c.instance_uid
    )
    is_copied = IS_HELD_COPY & (_instant(restore_point_copies.c.copied_at) < ends)
    of_share = restore_points.c.file_share_uid == file_shares.c.instance_uid
    was_made = _instant(restore_points.c.created_at) < ends
    newest = (
        select(restore_points.c.size)
        .where(of_share, was_made)
        .order_by(restore_points.c.created_at.desc())
        .limit(1)
        .correlate(file_shares, rows)
        .scalar_subquery()
    )
    of_point = restore_point_copies.c.restore_point_uid == restore_points.c.instance_uid
    in_a_copy = exists().where(of_point, is_copied).correlate(restore_points, rows)
    is_protected = exists().where(of_share, or_(_is_held(ends), in_a_copy)).correlate(file_shares, rows)
    counters = (
        select(func.count()).select_from(shares).where(at_location, is_protected),
        select(_sum(restore_points.c.added)).select_from(points).where(at_location, _is_held(ends)),
        select(_sum(restore_point_copies.c.added)).select_from(copies).where(at_location, is_copied),
        select(_sum(newest)).select_from(shares).where(at_location),
    )
    counted = (counter.correlate(rows).scalar_subquery() for counter in counters)
    return select(rows.c.location_uid, rows.c.begins, *counted)


def _instant(column: ColumnElement[Any]) -> ColumnElement[int]:
    return type_coerce(column, BigInteger)


def _is_held(ends: ColumnElement[int]) -> ColumnElement[bool]:
    forgotten_at = restore_points.c.forgotten_at
    is_kept = or_(forgotten_at.is_(None), _instant(forgotten_at) >= ends)
    return (_instant(restore_points.c.created_at) < ends) & is_kept


def _sum(column: Any) -> ColumnElement[int]:
    # PostgreSQL adds up whole numbers to decimals.
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _usage(row: _Row, counted: Sequence[int]) -> LocationUsage:
    shares, first, copies, source = counted
    return LocationUsage(
        company_uid=row.company_uid,
        reseller_uid=row.reseller_uid,
        location_uid=row.location_uid,
        day=date.fromisoformat(row.date),
        protected_file_shares=shares,
        backup_size=first + copies,
        source_size=source,
    )


# Declares what can be asked for; each request makes one of its own, with its days.
USAGE = _collection(date(2000, 1, 1), date(2000, 1, 1))
