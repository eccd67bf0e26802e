"""How long a restore point is kept: n minutes, hours, days, months or years, on the calendar.

The rule is the published contract's retention (a number and one of five units); the newest point is always kept,
as the vendor's guide promises for file shares. Beside it, grandfather-father-son counts keep one point of each of the
last days, weeks, months and years, and a repository may hold each point for an immutable period.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

import msgspec

RETENTION_MIN = 1
RETENTION_MAX = 10_000
GFS_MAX = 999
IMMUTABLE_DAYS_MAX = 10_000
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


class Gfs(msgspec.Struct, frozen=True, kw_only=True):
    """Keep one point of each of the last n days, weeks, months and years, the present one included; 0 is none.

    It is the first whole point of the period: nothing that is made later, an emptied share for instance, can take its
    place, and until when it is kept is known from the beginning. Periods are those of a time zone, weeks begin on
    Monday. Older periods count whether or not they have a point, so that no number of points pushes another out.
    """

    daily: int = 0
    weekly: int = 0
    monthly: int = 0
    yearly: int = 0
    time_zone: str = "UTC"

    @property
    def is_enabled(self) -> bool:
        """Whether anything is kept by it."""
        return bool(self.daily or self.weekly or self.monthly or self.yearly)


class Rule(msgspec.Struct, frozen=True):
    """All that says how long the points of a job are kept in a repository.

    Attributes:
        retention: for how long every point is.
        gfs: which are kept longer.
        immutable_days: how long the repository lets none go, from when it got it.
    """

    retention: Retention
    gfs: Gfs = Gfs()
    immutable_days: int = 0

    def __str__(self) -> str:
        """Tell the part that every point has in common."""
        return f"{self.retention.count} {self.retention.unit}"


class Point(msgspec.Struct, frozen=True):
    """What the rule needs to know of a restore point.

    Attributes:
        snapshot_id: tells it from others.
        created_at: when it was made.
        is_whole: every file was read and there was something to read; no other point stands for a period.
        held_since: when its repository got it, if not as it was made.
        is_complete: every file was read, as far as is known; the rule itself asks only whether it is whole.
        is_adopted: somebody made it without Tandem; the rule itself does not ask.
    """

    snapshot_id: str
    created_at: datetime
    is_whole: bool = True
    held_since: datetime | None = None
    is_complete: bool = True
    is_adopted: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """What the rule says of a point: whether it is kept, until when, and why.

    The newest point stays after its `expires_at`, until there is a newer one.
    """

    is_kept: bool
    expires_at: datetime
    reason: str


def judge(points: Iterable[Point], rule: Rule, now: datetime) -> dict[str, Verdict]:
    """Say of each point, by its snapshot id, whether it is kept at an instant.

    The newest point is kept whatever its age. A point dated in the future does not take that place from the newest
    real one: both are kept. So is the newest whole one, however many come after it that are not.

    Args:
        points: the points of one job in one repository.
        rule: how long they are kept.
        now: the instant to decide for; aware.
    """
    points = sorted(points, key=_age)
    periods = _periods(points, rule.gfs)
    past, whole = ([each for each in points if each.created_at <= now], [each for each in points if each.is_whole])
    newest = {some[-1].snapshot_id for some in (points, past, whole) if some}
    young = f"younger than {rule}"
    return {
        point.snapshot_id: _verdict(
            point, rule, now, periods.get(point.snapshot_id, []), young=young, is_newest=point.snapshot_id in newest
        )
        for point in points
    }


def kept(points: Iterable[Point], rule: Rule, now: datetime) -> set[str]:
    """Give the snapshot ids that the rule keeps at an instant; see `judge`."""
    return {snapshot_id for snapshot_id, verdict in judge(points, rule, now).items() if verdict.is_kept}


def is_confirmation_needed(*, held: int, kept_after: int) -> bool:
    """Say whether a change takes so much that somebody must confirm it: more than half of the points held."""
    return 2 * (held - kept_after) > held


def _verdict(
    point: Point, rule: Rule, now: datetime, periods: list[tuple[str, datetime]], *, young: str, is_newest: bool
) -> Verdict:
    expires_at = rule.retention.expires_at(point.created_at)
    if expires_at > now and not periods and not rule.immutable_days:
        # Of thousands of points nearly all are kept for their age alone.
        return Verdict(is_kept=True, expires_at=expires_at, reason=f"Kept: {young}.")
    ends = [(young, expires_at), *periods]
    if rule.immutable_days:
        until = _days_after(point.held_since or point.created_at, rule.immutable_days)
        ends.append((f"immutable until {_shown(until)}", until))
    why = [word for word, end in ends if end > now]
    last = max(end for _word, end in ends)
    if why or is_newest:
        return Verdict(is_kept=True, expires_at=last, reason=f"Kept: {', '.join(why or ['the newest'])}.")
    past = "".join(f"; {word} until {_shown(end)}" for word, end in periods)
    return Verdict(is_kept=False, expires_at=last, reason=f"Older than {rule}: expired {_shown(expires_at)}{past}.")


def _periods(points: list[Point], gfs: Gfs) -> dict[str, list[tuple[str, datetime]]]:
    """Give, by snapshot id, for what periods a point stands and until when that keeps it; of points oldest first."""
    counts = {"daily": gfs.daily, "weekly": gfs.weekly, "monthly": gfs.monthly, "yearly": gfs.yearly}
    found: dict[str, list[tuple[str, datetime]]] = {}
    if not gfs.is_enabled:
        return found
    zone = ZoneInfo(gfs.time_zone)
    seen: set[tuple[str, date]] = set()
    for point in points:
        if not point.is_whole:
            continue
        day = _day(point.created_at, zone)
        for kind, count in counts.items():
            start = _start(kind, day)
            if count and (kind, start) not in seen:
                seen.add((kind, start))
                until = _midnight(kind, start, count, zone)
                found.setdefault(point.snapshot_id, []).append((_told(kind, start), until))
    return found


def _day(instant: datetime, zone: ZoneInfo) -> date:
    try:
        return instant.astimezone(zone).date()
    except OverflowError:  # at either end of the calendar
        return instant.astimezone(UTC).date()


def _start(kind: str, day: date) -> date:
    match kind:
        case "weekly":
            return date.fromordinal(max(1, day.toordinal() - day.weekday()))
        case "monthly":
            return day.replace(day=1)
        case "yearly":
            return day.replace(month=1, day=1)
        case _:
            return day


def _midnight(kind: str, start: date, count: int, zone: ZoneInfo) -> datetime:
    """Give the instant at which a period has left the last `count` of its kind."""
    try:
        match kind:
            case "monthly":
                year, month_index = divmod(start.year * MONTHS_IN_YEAR + start.month - 1 + count, MONTHS_IN_YEAR)
                end = date(year, month_index + 1, 1)
            case "yearly":
                end = date(start.year + count, 1, 1)
            case _:
                end = start + timedelta(weeks=count) if kind == "weekly" else start + timedelta(days=count)
        return datetime.combine(end, time(), tzinfo=zone).astimezone(UTC)
    except (OverflowError, ValueError):
        return FOREVER


def _told(kind: str, start: date) -> str:
    match kind:
        case "weekly":
            year, week, _weekday = start.isocalendar()
            return f"weekly for {year}-W{week:02}"
        case "monthly":
            return f"monthly for {start.year:04}-{start.month:02}"
        case "yearly":
            return f"yearly for {start.year:04}"
        case _:
            return f"daily for {start}"


def _days_after(instant: datetime, days: int) -> datetime:
    try:
        return instant.astimezone(UTC) + timedelta(days=days)
    except OverflowError:
        return FOREVER


def _shown(instant: datetime) -> str:
    return "never" if instant >= FOREVER else f"{instant:%Y-%m-%d %H:%M} UTC"


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
