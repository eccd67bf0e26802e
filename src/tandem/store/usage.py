"""What companies use, by location and day, counted from the restore points and copies that were held."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Subquery, cast, exists, func, literal, or_, select, true, type_coerce

from tandem.domain.identity import Scope
from tandem.domain.paging import Page, Window
from tandem.domain.restore_points import CopyState
from tandem.domain.usage import LocationUsage
from tandem.store.columns import EPOCH, MICROSECOND
from tandem.store.database import Connection
from tandem.store.query import visible
from tandem.store.tables import (
    backup_servers,
    companies,
    file_shares,
    locations,
    restore_point_copies,
    restore_points,
)

_DAY = timedelta(days=1) // MICROSECOND
_HELD = [state for state in CopyState if state.is_held]


def list_usage(
    connection: Connection,
    scope: Scope,
    window: Window,
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
        window: which rows.
        first: the first day, UTC.
        last: the last day.
        company_uid: one company, or None for all.
    """
    places = companies.join(locations, locations.c.organization_uid == companies.c.instance_uid)
    conditions = [visible(companies, scope), visible(locations, scope)]
    if company_uid is not None:
        conditions.append(companies.c.instance_uid == company_uid)
    count = select(func.count()).select_from(places).where(*conditions)
    total = (connection.scalar(count) or 0) * ((last - first).days + 1)
    days = _days(first, last)
    # The rows first, then what is counted for them: counting is much more work than finding the rows.
    rows = (
        select(
            days.c.begins,
            companies.c.instance_uid.label("company_uid"),
            companies.c.reseller_uid,
            locations.c.instance_uid.label("location_uid"),
            locations.c.position,
        )
        .select_from(places.join(days, true()))
        .where(*conditions)
        .order_by(days.c.begins, companies.c.position, locations.c.position)
        .limit(window.limit)
        .offset(window.offset)
        .subquery("usage_rows")
    )
    found: list[Any] = [*connection.execute(_counted(rows))] if window.offset < total else []
    usage = [_usage(*row) for row in found]
    return Page(rows=usage, total=total, offset=window.offset)


def _days(first: date, last: date) -> Any:
    days = select(literal(_microseconds(first), BigInteger).label("begins")).cte("days", recursive=True)
    following = days.c.begins + _DAY
    return days.union_all(select(following).where(following <= _microseconds(last)))


def _microseconds(day: date) -> int:
    return (datetime.combine(day, time_of_day(), EPOCH.tzinfo) - EPOCH) // MICROSECOND


def _counted(rows: Subquery) -> Any:
    ends = rows.c.begins + _DAY
    at_location = backup_servers.c.location_uid == rows.c.location_uid
    shares = file_shares.join(backup_servers, backup_servers.c.instance_uid == file_shares.c.backup_server_uid)
    points = shares.join(restore_points, restore_points.c.file_share_uid == file_shares.c.instance_uid)
    copies = points.join(
        restore_point_copies, restore_point_copies.c.restore_point_uid == restore_points.c.instance_uid
    )
    is_copied = restore_point_copies.c.state.in_(_HELD) & (_instant(restore_point_copies.c.copied_at) < ends)
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
    in_a_copy = exists().where(restore_point_copies.c.restore_point_uid == restore_points.c.instance_uid, is_copied)
    is_protected = exists().where(of_share, or_(_is_held(ends), in_a_copy)).correlate(file_shares, rows)
    counters = (
        select(func.count()).select_from(shares).where(at_location, is_protected),
        select(_sum(restore_points.c.added)).select_from(points).where(at_location, _is_held(ends)),
        select(_sum(restore_point_copies.c.added)).select_from(copies).where(at_location, is_copied),
        select(_sum(newest)).select_from(shares).where(at_location),
    )
    return select(
        rows.c.company_uid,
        rows.c.reseller_uid,
        rows.c.location_uid,
        rows.c.begins,
        *(counter.correlate(rows).scalar_subquery() for counter in counters),
    ).order_by(rows.c.begins, rows.c.position)


def _instant(column: ColumnElement[Any]) -> ColumnElement[int]:
    return type_coerce(column, BigInteger)


def _is_held(ends: ColumnElement[int]) -> ColumnElement[bool]:
    forgotten_at = restore_points.c.forgotten_at
    is_kept = or_(forgotten_at.is_(None), _instant(forgotten_at) >= ends)
    return (_instant(restore_points.c.created_at) < ends) & is_kept


def _sum(column: Any) -> ColumnElement[int]:
    # PostgreSQL adds up whole numbers to decimals.
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def _usage(company_uid: str, reseller_uid: str | None, location_uid: str, begins: int, *counted: int) -> LocationUsage:
    shares, first, copies, source = counted
    return LocationUsage(
        company_uid=company_uid,
        reseller_uid=reseller_uid,
        location_uid=location_uid,
        day=(EPOCH + begins * MICROSECOND).date(),
        protected_file_shares=shares,
        backup_size=first + copies,
        source_size=source,
    )
