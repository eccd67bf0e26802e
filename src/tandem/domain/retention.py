"""How long a restore point is kept: n minutes, hours, days, months or years, on the calendar.

The rule is the published contract's retention (a number and one of five units); the newest point is always kept,
as the vendor's guide promises for file shares.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import msgspec

RETENTION_MIN = 1
RETENTION_MAX = 10_000
FOREVER = datetime.max.replace(tzinfo=UTC)
MONTHS_IN_YEAR = 12

# Prune is worth its time when this share of the repository can be freed, or when dead data has waited this long.
PRUNE_SHARE = 0.05
PRUNE_AGE = timedelta(days=7)


class RetentionUnit(StrEnum):
    """The contract's five units."""

    MINUTES = "Minutes"
    HOURS = "Hours"
    DAYS = "Days"
    MONTHS = "Months"
    YEARS = "Years"


class Retention(msgspec.Struct, frozen=True):
    """Keep each restore point for `count` units."""

    count: int
    unit: RetentionUnit

    def expires_at(self, created_at: datetime) -> datetime:
        """Give the instant at which a point may go.

        Args:
            created_at: when the point was made; aware.

        Returns:
            an aware UTC instant, `FOREVER` where the calendar ends before it. An older point never outlives a
            younger one: a day that the month lacks (31 January plus one month) counts as the start of the next.
        """
        created_at = created_at.astimezone(UTC)
        try:
            match self.unit:
                case RetentionUnit.MINUTES:
                    return created_at + timedelta(minutes=self.count)
                case RetentionUnit.HOURS:
                    return created_at + timedelta(hours=self.count)
                case RetentionUnit.DAYS:
                    return created_at + timedelta(days=self.count)
                case RetentionUnit.MONTHS:
                    return _add_months(created_at, self.count)
                case RetentionUnit.YEARS:
                    return _add_months(created_at, self.count * MONTHS_IN_YEAR)
        except (OverflowError, ValueError):
            return FOREVER


class Point(msgspec.Struct, frozen=True):
    """What the rule needs to know of a restore point."""

    snapshot_id: str
    created_at: datetime


def kept(points: Iterable[Point], retention: Retention, now: datetime) -> set[str]:
    """Give the snapshot ids that the rule keeps at an instant.

    The newest point is kept whatever its age. A point dated in the future does not take that place from the newest
    real one: both are kept.

    Args:
        points: the points of one job.
        retention: the rule.
        now: the instant to decide for; aware.
    """
    points = list(points)
    keep = {point.snapshot_id for point in points if retention.expires_at(point.created_at) > now}
    for candidates in (points, [point for point in points if point.created_at <= now]):
        if candidates:
            keep.add(max(candidates, key=_age).snapshot_id)
    return keep


def is_prune_worth_it(
    *, forgotten_bytes: int, repository_bytes: int | None, oldest_forget: datetime | None, now: datetime
) -> bool:
    """Say whether pruning now frees enough to pay for itself.

    Args:
        forgotten_bytes: what the points forgotten since the last prune had added.
        repository_bytes: the size of the repository; None if that is not known, so that time alone tells.
        oldest_forget: the first forget since the last prune; None when there was none.
        now: the present; aware.
    """
    if oldest_forget is None:
        return False
    is_much = repository_bytes is not None and forgotten_bytes >= PRUNE_SHARE * repository_bytes
    return is_much or now - oldest_forget >= PRUNE_AGE


def _add_months(instant: datetime, months: int) -> datetime:
    total = instant.year * MONTHS_IN_YEAR + (instant.month - 1) + months
    year, month_index = divmod(total, MONTHS_IN_YEAR)
    try:
        return instant.replace(year=year, month=month_index + 1)
    except ValueError:
        year, month_index = divmod(total + 1, MONTHS_IN_YEAR)
        return datetime(year, month_index + 1, 1, tzinfo=UTC)


def _age(point: Point) -> tuple[datetime, str]:
    return point.created_at, point.snapshot_id
