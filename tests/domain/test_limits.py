"""Allowed hours in any zone, over changes of the clocks; rates that all runs together never exceed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.errors import Invalid
from tandem.domain.limits import AllowedHours, Limits, TimePeriod, bandwidth_of_run, check_limits, next_open
from tandem.domain.schedule import Weekday

ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"])
PERIODS = st.builds(TimePeriod, st.sampled_from(list(Weekday)), st.sets(st.integers(0, 23), min_size=1).map(tuple))
HOURS = st.builds(AllowedHours, periods=st.lists(PERIODS, min_size=1, max_size=4).map(tuple), time_zone=ZONES)
INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
BERLIN = "Europe/Berlin"
NIGHT = AllowedHours(periods=(TimePeriod(Weekday.SUNDAY, (2,)),), time_zone=BERLIN)


def berlin(day: str, hour: float) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(hours=hour)


@given(hours=HOURS, after=INSTANTS, minutes=st.integers(0, 14 * 24 * 60))
def test_the_next_opening_is_open_and_nothing_before_it_is(hours: AllowedHours, after: datetime, minutes: int) -> None:
    opens = next_open([hours], after)
    assert opens is not None
    assert opens >= after
    assert hours.is_open(opens)
    between = after + timedelta(minutes=minutes)
    assert between >= opens or not hours.is_open(between)


@given(first=HOURS, second=HOURS, after=INSTANTS)
def test_hours_of_several_are_kept_together(first: AllowedHours, second: AllowedHours, after: datetime) -> None:
    opens = next_open([first, second], after)
    if opens is not None:
        assert first.is_open(opens)
        assert second.is_open(opens)


def test_an_hour_that_a_day_lacks_is_not_open_and_one_that_it_has_twice_is_open_twice() -> None:
    # 2026-03-29, 02:00 becomes 03:00; on 2026-10-25, 03:00 becomes 02:00.
    assert next_open([NIGHT], berlin("2026-03-28", 0)) == berlin("2026-04-05", 0)
    assert next_open([NIGHT], berlin("2026-10-24", 12)) == berlin("2026-10-25", 0)
    assert [NIGHT.is_open(berlin("2026-10-25", hour)) for hour in (-0.1, 0, 0.9, 1, 1.9, 2)] == [
        False,
        True,
        True,
        True,
        True,
        False,
    ]
    assert berlin("2026-10-25", 1).astimezone(ZoneInfo(BERLIN)).hour == 2


def test_hours_without_one_in_common_never_open() -> None:
    other = AllowedHours(periods=(TimePeriod(Weekday.MONDAY, (2,)),))
    assert next_open([NIGHT, other], berlin("2026-05-01", 0)) is None


RATES = st.none() | st.integers(1, 10_000)


@given(upload=RATES, download=RATES, parallel=st.integers(1, 50), own=RATES)
def test_all_runs_together_never_exceed_a_limit(
    upload: int | None, download: int | None, parallel: int, own: int | None
) -> None:
    server = Limits(parallel_runs=parallel, upload=upload, download=download)
    repository = Limits(parallel_runs=1, upload=own)
    share = bandwidth_of_run([server, repository])
    assert (share.upload is None) == (upload is None and own is None)
    assert (share.download is None) == (download is None)
    for limit, part in ((upload, share.upload), (download, share.download)):
        # No rate is below 1 KiB/s: a run that sends nothing would never end.
        assert limit is None or part == 1 or (part or 0) * parallel <= limit


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        (Limits(upload=100), "uploadLimit"),
        (Limits(download=100), "downloadLimit"),
        (Limits(hours=AllowedHours(periods=())), "backupWindowOptions.timePeriods"),
        (Limits(hours=AllowedHours(periods=(TimePeriod(Weekday.MONDAY, ()),))), "backupWindowOptions.timePeriods"),
        (Limits(hours=AllowedHours(periods=NIGHT.periods, time_zone="Nowhere")), "backupWindowOptions.timeZone"),
    ],
)
def test_limits_that_cannot_be_kept_are_refused_by_name(limits: Limits, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_limits(limits)
    assert refused.value.message.startswith(f"{field}: ")
    check_limits(Limits(parallel_runs=1, upload=1, download=1, hours=NIGHT))
