"""When a job runs: each planned instant once, none left out, whatever the clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.errors import Invalid
from tandem.domain.schedule import (
    MANUAL,
    PERIOD_MAX,
    PeriodUnit,
    Schedule,
    ScheduleType,
    Weekday,
    check_schedule,
    is_out_of_reach,
    next_run,
)

# Half-hour and whole-day shifts, a zone without any, and one that changed at midnight.
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kolkata",
    "America/Havana",
]

instants = st.datetimes(datetime(2008, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (their zone is beside)
times_of_day = st.times().map(lambda value: f"{value:%H:%M}")
weekdays = st.sets(st.sampled_from(Weekday), min_size=1).map(
    lambda chosen: tuple(day for day in Weekday if day in chosen)
)
daily = st.builds(
    Schedule,
    type=st.just(ScheduleType.DAILY),
    time_of_day=times_of_day,
    days=weekdays,
    time_zone=st.sampled_from(ZONES),
)


def every_day_at(time_of_day: str, time_zone: str) -> Schedule:
    return Schedule(type=ScheduleType.DAILY, time_of_day=time_of_day, time_zone=time_zone)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_job_started_by_hand_or_after_another_has_no_time_of_its_own() -> None:
    now = at("2026-03-02T12:00")
    assert next_run(MANUAL, now, now) is None
    assert next_run(Schedule(type=ScheduleType.CHAINED), now, now) is None


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-03-02T20:59", "2026-03-02T21:00"),  # 22:00 in winter
        ("2026-03-02T21:00", "2026-03-03T21:00"),  # strictly later
        ("2026-03-28T21:00", "2026-03-29T20:00"),  # summer has begun
        ("2026-10-24T20:00", "2026-10-25T21:00"),  # and ended
    ],
)
def test_a_daily_job_keeps_the_time_on_the_wall(after: str, expected: str) -> None:
    assert next_run(every_day_at("22:00", "Europe/Berlin"), at(after), at(after)) == at(expected)


def test_a_time_that_a_day_lacks_is_run_all_the_same() -> None:
    # On 29 March 2026 clocks go from 02:00 to 03:00.
    schedule = every_day_at("02:30", "Europe/Berlin")
    assert next_run(schedule, at("2026-03-28T12:00"), at("2026-01-01T00:00")) == at("2026-03-29T01:30")
    assert next_run(schedule, at("2026-03-29T01:30"), at("2026-01-01T00:00")) == at("2026-03-30T00:30")


def test_a_time_that_a_day_has_twice_is_run_once() -> None:
    # On 25 October 2026 clocks go from 03:00 back to 02:00.
    schedule = every_day_at("02:30", "Europe/Berlin")
    assert next_run(schedule, at("2026-10-24T12:00"), at("2026-01-01T00:00")) == at("2026-10-25T00:30")
    assert next_run(schedule, at("2026-10-25T00:30"), at("2026-01-01T00:00")) == at("2026-10-26T01:30")


def test_a_day_that_a_country_left_out_delays_nothing() -> None:
    # Samoa had no 30 December 2011.
    schedule = every_day_at("12:00", "Pacific/Apia")
    first = next_run(schedule, at("2011-12-29T23:00"), at("2011-01-01T00:00"))
    assert first == at("2011-12-30T22:00")
    assert next_run(schedule, at("2011-12-30T22:00"), at("2011-01-01T00:00")) == at("2011-12-31T22:00")


@given(daily, instants)
def test_a_daily_job_misses_no_day_and_runs_on_no_other(schedule: Schedule, after: datetime) -> None:
    upcoming = next_run(schedule, after, after)
    assert upcoming is not None
    assert upcoming > after
    assert upcoming in _planned(schedule, after)
    assert not [instant for instant in _planned(schedule, after) if after < instant < upcoming]


def _planned(schedule: Schedule, around: datetime) -> list[datetime]:
    """Give the planned instants of the two weeks around an instant, worked out from the days."""
    zone, names = ZoneInfo(schedule.time_zone), list(Weekday)
    days = [around.date() + timedelta(days=ahead) for ahead in range(-3, 12)]
    return [_on_the_wall(day, schedule, zone) for day in days if names[day.weekday()] in schedule.days]


def _on_the_wall(day: date, schedule: Schedule, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.fromisoformat(schedule.time_of_day), tzinfo=zone).astimezone(UTC)


@given(daily, instants)
def test_asking_earlier_gives_no_later_answer(schedule: Schedule, after: datetime) -> None:
    later = next_run(schedule, after, after)
    earlier = next_run(schedule, after - timedelta(hours=5), after)
    assert earlier is not None
    assert later is not None
    assert earlier <= later


@given(
    st.integers(1, PERIOD_MAX),
    st.sampled_from(PeriodUnit),
    instants,
    st.timedeltas(timedelta(), timedelta(days=3000)),
)
def test_a_periodic_job_runs_in_step_with_its_beginning_and_skips_nothing(
    period: int, unit: PeriodUnit, anchor: datetime, since: timedelta
) -> None:
    schedule = Schedule(type=ScheduleType.PERIODICALLY, period=period, period_unit=unit)
    step = timedelta(hours=period) if unit is PeriodUnit.HOURS else timedelta(minutes=period)
    upcoming = next_run(schedule, anchor + since, anchor)
    assert upcoming is not None
    assert timedelta() < upcoming - (anchor + since) <= step
    assert (upcoming - anchor) % step == timedelta()
    assert next_run(schedule, upcoming, anchor) == upcoming + step


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        (Schedule(type=ScheduleType.DAILY, time_of_day="24:00"), "time"),
        (Schedule(type=ScheduleType.DAILY, time_of_day="7:00"), "time"),
        (Schedule(type=ScheduleType.DAILY, time_of_day="07:00:00"), "time"),
        (Schedule(type=ScheduleType.DAILY, time_of_day="٠٧:٠٠"), "time"),  # noqa: RUF001 (digits, but not ours)
        (Schedule(type=ScheduleType.DAILY, time_of_day=""), "time"),
        (Schedule(type=ScheduleType.DAILY, time_zone="Mars/Olympus"), "timeZone"),
        (Schedule(type=ScheduleType.DAILY, time_zone="../../etc/passwd"), "timeZone"),
        (Schedule(type=ScheduleType.DAILY, days=()), "days"),
        (Schedule(type=ScheduleType.PERIODICALLY, period=0), "fullPeriod"),
        (Schedule(type=ScheduleType.PERIODICALLY, period=PERIOD_MAX + 1), "fullPeriod"),
    ],
)
def test_a_schedule_that_could_never_be_followed_is_refused_by_name(schedule: Schedule, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_schedule(schedule)
    assert refused.value.field == field
    assert refused.value.message.startswith(f"{field}: ")


@given(daily)
def test_a_schedule_that_can_be_followed_is_taken(schedule: Schedule) -> None:
    check_schedule(schedule)


@given(daily, instants)
def test_a_plan_that_was_made_by_a_clock_far_ahead_is_made_anew_and_no_other_is(
    schedule: Schedule, now: datetime
) -> None:
    planned = next_run(schedule, now, now)
    assert planned is not None
    assert not is_out_of_reach(schedule, planned, now)
    assert not is_out_of_reach(schedule, planned, now - timedelta(hours=1))
    assert is_out_of_reach(schedule, planned + timedelta(days=20), now)
