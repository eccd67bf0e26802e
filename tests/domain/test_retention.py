"""How long a point is kept: never shorter than promised, never out of order, and never down to nothing."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.retention import (
    FOREVER,
    PRUNE_AGE,
    RETENTION_MAX,
    Point,
    Retention,
    RetentionUnit,
    Rule,
    is_prune_worth_it,
    kept,
)

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
UNITS = {unit.value.lower(): unit for unit in RetentionUnit}

instants = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 (their zone is beside)
retentions = st.builds(Retention, st.integers(1, RETENTION_MAX), st.sampled_from(RetentionUnit))
points = st.lists(
    st.builds(Point, st.uuids().map(str), instants), max_size=12, unique_by=lambda point: point.snapshot_id
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("made", "rule", "expires"),
    [
        ("2026-03-31T12:00", "90 minutes", "2026-03-31T13:30"),
        ("2026-03-31T12:00", "36 hours", "2026-04-02T00:00"),
        ("2026-03-31T12:00", "28 days", "2026-04-28T12:00"),
        ("2026-01-15T12:00", "1 months", "2026-02-15T12:00"),
        ("2026-11-15T12:00", "3 months", "2027-02-15T12:00"),
        # A day that the month lacks counts as the start of the next: a month is never cut short.
        ("2026-01-31T12:00", "1 months", "2026-03-01T00:00"),
        ("2028-01-30T12:00", "1 months", "2028-03-01T00:00"),
        ("2028-01-29T12:00", "1 months", "2028-02-29T12:00"),
        ("2026-08-31T12:00", "1 months", "2026-10-01T00:00"),
        ("2026-10-31T12:00", "1 months", "2026-12-01T00:00"),
        ("2025-12-31T12:00", "1 months", "2026-01-31T12:00"),
        ("2028-02-29T12:00", "1 years", "2029-03-01T00:00"),
        ("2028-02-29T12:00", "4 years", "2032-02-29T12:00"),
        ("2026-02-28T12:00", "1 years", "2027-02-28T12:00"),
    ],
)
def test_a_point_is_kept_as_long_as_the_calendar_says(made: str, rule: str, expires: str) -> None:
    count, unit = rule.split()
    assert Retention(int(count), UNITS[unit]).expires_at(at(made)) == at(expires)


def test_the_longest_retention_is_for_ever_and_no_fault() -> None:
    assert Retention(10_000, RetentionUnit.YEARS).expires_at(NOW) == FOREVER
    assert Retention(RETENTION_MAX, RetentionUnit.MONTHS).expires_at(NOW) == at("2859-07-31T12:00")
    assert Retention(1, RetentionUnit.MINUTES).expires_at(FOREVER) == FOREVER


def test_the_zone_in_which_a_point_was_dated_does_not_move_its_end() -> None:
    abroad = NOW.astimezone(timezone(timedelta(hours=14)))
    for unit in RetentionUnit:
        assert Retention(1, unit).expires_at(abroad) == Retention(1, unit).expires_at(NOW)


@given(retentions, instants, instants)
def test_an_older_point_never_outlives_a_younger_one(retention: Retention, one: datetime, other: datetime) -> None:
    older, younger = sorted([one, other])
    assert retention.expires_at(older) <= retention.expires_at(younger)


@given(instants, st.integers(1, RETENTION_MAX - 1), st.sampled_from(RetentionUnit))
def test_a_longer_retention_never_keeps_a_point_for_less(made: datetime, count: int, unit: RetentionUnit) -> None:
    assert made < Retention(count, unit).expires_at(made) <= Retention(count + 1, unit).expires_at(made)


@given(points, retentions, instants)
def test_the_newest_point_is_never_given_up(given_points: list[Point], retention: Retention, now: datetime) -> None:
    keep = kept(given_points, Rule(retention), now)
    assert bool(keep) == bool(given_points)
    assert keep <= {point.snapshot_id for point in given_points}
    for candidates in (given_points, [point for point in given_points if point.created_at <= now]):
        newest = max((point.created_at for point in candidates), default=None)
        assert newest is None or keep & {point.snapshot_id for point in candidates if point.created_at == newest}


@given(points, retentions, instants)
def test_a_point_within_the_rule_is_kept_and_one_beyond_is_not(
    given_points: list[Point], retention: Retention, now: datetime
) -> None:
    keep = kept(given_points, Rule(retention), now)
    within = {point.snapshot_id for point in given_points if retention.expires_at(point.created_at) > now}
    assert within <= keep
    # Beyond it is at most the newest of all; one that lies in the future is within the rule anyhow.
    assert len(keep - within) <= 1


@given(points, retentions, instants, st.timedeltas(timedelta(), timedelta(days=4000)))
def test_what_was_given_up_is_not_wanted_back_later(
    given_points: list[Point], retention: Retention, now: datetime, wait: timedelta
) -> None:
    now = min(now, datetime(5000, 1, 1, tzinfo=UTC))
    past = [point for point in given_points if point.created_at <= now]
    assert kept(past, Rule(retention), now + wait) <= kept(past, Rule(retention), now)


def test_a_point_dated_in_the_future_does_not_push_out_the_newest_real_one() -> None:
    rule = Rule(Retention(1, RetentionUnit.DAYS))
    real = Point("real", NOW - timedelta(days=9))
    older = Point("older", NOW - timedelta(days=10))
    misdated = Point("misdated", NOW + timedelta(days=900))
    assert kept([older, misdated, real], rule, NOW) == {"real", "misdated"}


def test_a_point_may_go_at_the_very_instant_it_expires() -> None:
    rule = Rule(Retention(1, RetentionUnit.DAYS))
    both = [Point("old", NOW - timedelta(days=1)), Point("new", NOW)]
    assert kept(both, rule, NOW - timedelta(microseconds=1)) == {"old", "new"}
    assert kept(both, rule, NOW) == {"new"}


@pytest.mark.parametrize(
    ("forgotten", "days_ago", "is_worth_it"),
    [
        (0, None, False),
        (10**9, None, False),  # nothing was forgotten: there is nothing to free, whatever is added up
        (49, 0, False),
        (50, 0, True),
        (0, PRUNE_AGE.days, True),
        (0, PRUNE_AGE.days - 1, False),
    ],
)
def test_space_is_freed_when_it_pays_or_after_a_week(
    *, forgotten: int, days_ago: int | None, is_worth_it: bool
) -> None:
    oldest = None if days_ago is None else NOW - timedelta(days=days_ago)
    decided = is_prune_worth_it(forgotten_bytes=forgotten, repository_bytes=1000, oldest_forget=oldest, now=NOW)
    assert decided is is_worth_it
