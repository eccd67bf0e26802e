"""The rotation that reads every pack within the promised period, whatever the runs look like."""

from datetime import UTC, datetime, timedelta

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tandem.domain.drills import Sample, SampleFile, is_drill_due
from tandem.domain.verification import SLOTS, Part, Rotation, due_part, next_part

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MONTH = timedelta(days=30)
hours = st.floats(min_value=0.01, max_value=24)


def run_on(rotation: Rotation, every: timedelta, now: datetime) -> tuple[Rotation, float]:
    """Run once; gives the rotation after it and the share that was read."""
    part = due_part(rotation, every, now)
    if part is None:
        return rotation, 0.0
    return rotation.after(part, now), 1 / part.count


@settings(max_examples=20, phases=[Phase.generate])
@given(st.integers(2, 365), st.lists(hours, min_size=1, max_size=12))
def test_with_runs_at_least_daily_no_pack_waits_longer_than_promised(days: int, gaps: list[float]) -> None:
    every, rotation, now = timedelta(days=days), Rotation(begun_at=BEGIN), BEGIN
    steps = 0
    while now < BEGIN + 2.2 * every and steps < 400:
        now += timedelta(hours=gaps[steps % len(gaps)] if days < 30 else 24 - gaps[steps % len(gaps)] / 24)
        steps += 1
        assert rotation.overdue_by(every, now) == timedelta()
        rotation, _share = run_on(rotation, every, now)
    if now > BEGIN + every:
        assert rotation.proven_since is not None
        assert now - rotation.proven_since <= every


@settings(max_examples=20, phases=[Phase.generate])
@given(st.integers(7, 365), st.lists(hours, min_size=3, max_size=10))
def test_the_promise_costs_about_one_read_of_everything_in_its_period(days: int, gaps: list[float]) -> None:
    every, rotation, now, total = timedelta(days=days), Rotation(begun_at=BEGIN), BEGIN, 0.0
    for step in range(200):
        now += timedelta(hours=gaps[step % len(gaps)])
        rotation, share = run_on(rotation, every, now)
        assert share <= 1 / 4
        total += share
    assert total <= (now - BEGIN) / (every * 0.9 - timedelta(days=1)) + 1 / 4


@settings(max_examples=20, phases=[Phase.generate])
@given(st.integers(7, 365), st.integers(1, 800))
def test_a_pause_is_told_when_it_breaks_the_promise_and_is_made_up_for_in_bounded_steps(days: int, pause: int) -> None:
    every, rotation, now = timedelta(days=days), Rotation(begun_at=BEGIN), BEGIN + timedelta(days=pause)
    assert (rotation.overdue_by(every, now) > timedelta()) == (pause > days)
    for _day in range(4):
        rotation, share = run_on(rotation, every, now)
        assert share <= 1 / 4
        now += timedelta(days=1)
    if pause > days:
        assert rotation.overdue_by(every, now) == timedelta()


def test_parts_of_different_sizes_follow_each_other_and_nothing_is_said_to_be_read_that_was_not() -> None:
    rotation = Rotation(begun_at=BEGIN).after(Part(1, 2), BEGIN + timedelta(hours=1))
    assert rotation.proven_since is None
    assert sum(read is not None for read in rotation.reads) == SLOTS // 2
    assert due_part(rotation, timedelta(days=8), BEGIN + timedelta(days=1)) is None
    assert next_part(rotation, timedelta(days=8), BEGIN).number % 2 == 0
    later = BEGIN + timedelta(days=2)
    for number in (2, 4):
        rotation = rotation.after(Part(number, 4), later)
    assert rotation.proven_since == BEGIN + timedelta(hours=1)


def test_a_sample_is_the_same_for_the_same_seed_and_never_larger_than_allowed() -> None:
    def choose(files: list[SampleFile], seed: str, bytes_max: int = 1_000) -> list[SampleFile]:
        sample = Sample(seed, 10, bytes_max)
        for file in files:
            sample.offer(file)
        return sample.chosen()

    files = [SampleFile(f"file {number}", number * 10) for number in range(500)]
    some = choose(files, "seed")
    assert some == choose(files[::-1], "seed") != choose(files, "other")
    assert 0 < len(some) <= 10
    assert sum(file.size for file in some) <= 1_000
    assert choose([SampleFile("huge", 5_000), SampleFile("small", 5)], "seed") == [("small", 5)]


def test_the_first_drill_comes_a_period_after_the_job_and_the_next_a_period_after_the_last() -> None:
    assert not is_drill_due(None, BEGIN, MONTH, BEGIN + timedelta(days=29))
    assert is_drill_due(None, BEGIN, MONTH, BEGIN + MONTH)
    assert not is_drill_due(BEGIN + MONTH, BEGIN, MONTH, BEGIN + timedelta(days=59))
