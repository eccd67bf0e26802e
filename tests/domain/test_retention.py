"""How long a point is kept: never shorter than promised, never out of order, and never down to nothing."""

import random
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.retention import (
    FOREVER,
    PRUNE_AGE,
    RETENTION_MAX,
    Gfs,
    Point,
    Retention,
    RetentionUnit,
    Rule,
    is_prune_worth_it,
    judge,
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


zones = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Apia"])
counts = st.integers(0, 6)
gfs_rules = st.builds(Gfs, daily=counts, weekly=counts, monthly=counts, yearly=counts, time_zone=zones)
# Close to each other, so that many share a day, a week, a month; some incomplete.
times = st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1), timezones=st.just(UTC))  # noqa: DTZ001 (as above)
near = st.lists(
    st.builds(Point, st.uuids().map(str), times, st.booleans()), max_size=14, unique_by=lambda point: point.snapshot_id
)
short = st.builds(Retention, st.integers(1, 5), st.sampled_from([RetentionUnit.HOURS, RetentionUnit.DAYS]))
later = st.timedeltas(timedelta(), timedelta(days=800))


def newest_times(points: list[Point]) -> set[datetime]:
    """Give when the newest point was made, and the newest whole one: both stay however old they are."""
    return {
        max(some)
        for some in ([point.created_at for point in points], [point.created_at for point in points if point.is_whole])
        if some
    }


@given(near, short, gfs_rules, times, st.randoms())
def test_counts_only_ever_keep_more_and_the_order_of_the_points_is_none_of_their_matter(
    given_points: list[Point], retention: Retention, gfs: Gfs, now: datetime, chance: random.Random
) -> None:
    keep = kept(given_points, Rule(retention, gfs), now)
    assert kept(given_points, Rule(retention), now) <= keep
    shuffled = list(given_points)
    chance.shuffle(shuffled)
    assert judge(shuffled, Rule(retention, gfs), now) == judge(given_points, Rule(retention, gfs), now)
    for name in ("daily", "weekly", "monthly", "yearly"):
        more = msgspec.structs.replace(gfs, **{name: getattr(gfs, name) + 1})
        assert keep <= kept(given_points, Rule(retention, more), now)
    assert keep <= kept(given_points, Rule(retention, gfs, immutable_days=40), now)


@given(near, short, gfs_rules, times, later)
def test_deciding_early_and_late_comes_to_the_same(
    given_points: list[Point], retention: Retention, gfs: Gfs, now: datetime, wait: timedelta
) -> None:
    rule = Rule(retention, gfs)
    past = [point for point in given_points if point.created_at <= now]
    first = judge(past, rule, now)
    survivors = [point for point in past if first[point.snapshot_id].is_kept]
    assert kept(survivors, rule, now + wait) == kept(past, rule, now + wait) <= kept(past, rule, now)
    # What a point was told at the beginning is what happens.
    stay = newest_times(past)
    for point in past:
        if point.created_at not in stay:
            expected = first[point.snapshot_id].expires_at > now + wait
            assert (point.snapshot_id in kept(survivors, rule, now + wait)) == expected


@given(near, short, gfs_rules, times, st.lists(later, max_size=12))
def test_no_number_of_points_pushes_a_real_one_out(
    given_points: list[Point], retention: Retention, gfs: Gfs, now: datetime, dates: list[timedelta]
) -> None:
    rule = Rule(retention, gfs)
    real = [point for point in given_points if point.created_at <= now]
    stay = newest_times(real)
    keep = kept(real, rule, now) - {point.snapshot_id for point in real if point.created_at in stay}
    # Whole ones, made later than all others; and empty or incomplete ones, dated wherever somebody likes.
    made_later = [Point(f"later {number}", now + wait) for number, wait in enumerate(dates)]
    back_dated = [Point(f"dated {number}", now - wait, is_whole=False) for number, wait in enumerate(dates)]
    assert keep <= kept([*real, *made_later, *back_dated], rule, now)


@pytest.mark.parametrize(
    ("made", "gfs", "reason", "expires"),
    [
        ("2026-10-25T22:30", Gfs(weekly=2, time_zone="Europe/Berlin"), "weekly for 2026-W43", "2026-11-01T23:00"),
        ("2026-10-25T23:30", Gfs(weekly=2, time_zone="Europe/Berlin"), "weekly for 2026-W44", "2026-11-08T23:00"),
        ("2026-12-31T23:30", Gfs(yearly=1, time_zone="Europe/Berlin"), "yearly for 2027", "2027-12-31T23:00"),
        ("2026-12-31T23:30", Gfs(yearly=1), "yearly for 2026", "2027-01-01T00:00"),
        ("2026-11-30T12:00", Gfs(monthly=3), "monthly for 2026-11", "2027-02-01T00:00"),
        ("2026-03-28T12:00", Gfs(daily=2, time_zone="Europe/Berlin"), "daily for 2026-03-28", "2026-03-29T22:00"),
        # Samoa had no 30 December 2011.
        ("2011-12-29T12:00", Gfs(daily=1, time_zone="Pacific/Apia"), "daily for 2011-12-29", "2011-12-30T10:00"),
        ("9999-12-31T23:00", Gfs(yearly=9, time_zone="Pacific/Kiritimati"), "yearly for 9999", None),
    ],
)
def test_periods_are_those_of_the_jobs_time_zone(made: str, gfs: Gfs, reason: str, expires: str | None) -> None:
    point = Point("point", at(made))
    end = at(expires) if expires else FOREVER
    verdict = judge(
        [point],
        Rule(Retention(1, RetentionUnit.MINUTES), gfs),
        point.created_at + timedelta(minutes=2) if expires else point.created_at,
    )["point"]
    assert verdict.is_kept
    assert reason in verdict.reason
    assert verdict.expires_at == end


def test_immutable_counts_from_when_the_repository_got_the_point() -> None:
    rule = Rule(Retention(1, RetentionUnit.DAYS), immutable_days=30)
    copied_late = Point("old", NOW - timedelta(days=300), held_since=NOW - timedelta(days=29))
    older = Point("older", NOW - timedelta(days=301), held_since=NOW - timedelta(days=31))
    verdicts = judge([older, copied_late, Point("new", NOW)], rule, NOW)
    assert not verdicts["older"].is_kept
    assert verdicts["old"].reason == "Kept: immutable until 2026-04-01 12:00 UTC."
