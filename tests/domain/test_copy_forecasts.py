"""What a copy is going to take: never less because of points in between, and full no later than it can be."""

from datetime import UTC, datetime, timedelta

import pytest

from tandem.domain.copy_forecasts import Change, Made, after, bytes_to_copy, change_of, full_at
from tandem.domain.retention import Gfs, Point, Retention, RetentionUnit, Rule

NOW = datetime(2026, 3, 31, tzinfo=UTC)
WEEK = Rule(Retention(7, RetentionUnit.DAYS))
# The first holds all, each later one a change.
MADE = [Made(f"day {day}", NOW - timedelta(days=20 - day), 1_000, 900 if day == 0 else 100) for day in range(20)]


@pytest.mark.parametrize(
    ("wanted", "held", "expected"),
    [
        ({"day 0"}, set[str](), 900),
        ({"day 19"}, {"day 18"}, 100),
        # What was added by points that are not copied comes with the next one that is, at most a whole point.
        ({"day 19"}, {"day 14"}, 500),
        ({"day 19"}, set[str](), 1_000),
        ({"day 0", "day 5", "day 6"}, set[str](), 900 + 500 + 100),
        (set[str](), {"day 3"}, 0),
    ],
)
def test_a_point_brings_what_was_added_since_the_one_before(wanted: set[str], held: set[str], expected: int) -> None:
    assert bytes_to_copy(reversed(MADE), wanted, held) == expected


def test_the_first_point_is_no_change_and_the_last_days_tell() -> None:
    change = change_of(MADE, NOW)
    assert change.points_per_day == pytest.approx(19 / 20)
    assert change.bytes_per_day == pytest.approx(1_900 / 20)
    assert change_of(MADE[:1], NOW) == Change(points_per_day=0.0, bytes_per_day=0.0, seen_days=0.0)
    assert change_of(MADE, NOW + timedelta(days=400)).bytes_per_day == 0


def test_a_copy_grows_until_retention_takes_as_much_as_comes() -> None:
    change = Change(points_per_day=24, bytes_per_day=100, seen_days=30)
    points = [Point("now", NOW)]

    def held(days: float, rule: Rule = WEEK) -> tuple[int, int]:
        forecast = after(points, rule, change, whole_size=1_000, now=NOW, days=days)
        return forecast.points, forecast.size

    assert held(1) == (25, 1_100)
    count, size = held(400)
    assert count == pytest.approx(24 * 7, rel=0.1)
    assert size == pytest.approx(1_000 + 7 * 100, rel=0.1)
    assert held(400, Rule(WEEK.retention, Gfs(monthly=12)))[1] > size
    still = Change(points_per_day=0, bytes_per_day=0, seen_days=30)
    assert after(points, WEEK, still, whole_size=1_000, now=NOW, days=400).points == 1


def test_the_disk_is_full_where_the_growth_passes_what_is_free() -> None:
    sizes = {10: 2_000, 20: 3_000, 30: 3_000}
    assert full_at(sizes, free=1_500, held=1_000, now=NOW) == NOW + timedelta(days=15)
    assert full_at(sizes, free=500, held=1_000, now=NOW) == NOW + timedelta(days=5)
    assert full_at(sizes, free=2_000, held=1_000, now=NOW) is None
    assert full_at({}, free=0, held=0, now=NOW) is None
