"""Holds: what lost much, is dated oddly, or came by a jump of the clock is not trusted, whatever came before."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.holds import (
    BYTES_LOST_MIN,
    CLOCK_TOLERANCE,
    FILES_LOST_MIN,
    ClockLook,
    HoldCause,
    HoldReason,
    SeenPoint,
    judge_adopted_points,
    judge_clock,
    judge_new_point,
    newest_complete,
    with_causes,
)
from tandem.domain.retries import PAUSE_MAX, retry_at

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
COUNTS = st.integers(0, 10_000_000)
SIZES = st.integers(0, 10**15)
AGES = st.timedeltas(timedelta(0), timedelta(days=4000))


@st.composite
def points(draw: st.DrawFn) -> SeenPoint:
    return SeenPoint(
        snapshot_id=draw(st.text("0123456789abcdef", min_size=4, max_size=8)),
        created_at=NOW - draw(AGES),
        files=draw(COUNTS),
        size=draw(SIZES),
        is_complete=draw(st.booleans()),
    )


def reasons(causes: list[HoldCause]) -> set[HoldReason]:
    return {cause.reason for cause in causes}


def made_now(files: int, size: int) -> SeenPoint:
    return SeenPoint(snapshot_id="new", created_at=NOW, files=files, size=size, is_complete=True)


@given(st.lists(points()), COUNTS, SIZES)
def test_a_point_that_lost_more_than_half_is_never_trusted(before: list[SeenPoint], files: int, size: int) -> None:
    new = made_now(files, size)
    reference = newest_complete(before)
    found = reasons(judge_new_point(new, before, NOW))
    assert HoldReason.EMPTY not in found or files == 0
    if reference is None or reference.files == 0:
        assert not found
        return
    assert (HoldReason.EMPTY in found) == (files == 0)
    lost_files = reference.files - files >= FILES_LOST_MIN and files < reference.files / 2
    lost_bytes = reference.size - size >= BYTES_LOST_MIN and size < reference.size / 2
    assert bool(found) == (files == 0 or lost_files or lost_bytes)


@given(st.lists(points(), min_size=1), st.data())
def test_incomplete_points_are_no_measure(before: list[SeenPoint], data: st.DataObject) -> None:
    reference = newest_complete(before)
    changed = [
        point
        if point.is_complete
        else SeenPoint(
            snapshot_id=point.snapshot_id,
            created_at=NOW - data.draw(AGES),
            files=data.draw(COUNTS),
            size=data.draw(SIZES),
            is_complete=False,
        )
        for point in before
    ]
    assert newest_complete(changed) == reference


@given(st.lists(points()), st.timedeltas(timedelta(days=-5000), timedelta(days=5000)))
def test_a_point_is_dated_between_the_newest_and_now(before: list[SeenPoint], step: timedelta) -> None:
    new = SeenPoint(snapshot_id="new", created_at=NOW + step, files=1, size=1, is_complete=False)
    found = reasons(judge_adopted_points([new], before, NOW))
    latest = max((point.created_at for point in before), default=None)
    assert (HoldReason.FUTURE_DATED in found) == (step > CLOCK_TOLERANCE)
    is_late = latest is not None and new.created_at < latest - CLOCK_TOLERANCE
    assert (HoldReason.BACK_DATED in found) == is_late


@given(st.integers(0, 5), st.booleans())
def test_one_unknown_point_may_be_left_by_a_crash_and_more_are_foreign(count: int, is_new_memory: bool) -> None:  # noqa: FBT001
    adopted = [made_now(1, number) for number in range(count)]
    before = [] if is_new_memory else [made_now(1, 1)]
    assert bool(judge_adopted_points(adopted, before, NOW)) == (count > 1 and not is_new_memory)


@given(
    st.timedeltas(timedelta(0), timedelta(days=4000)),
    st.timedeltas(timedelta(days=-4000), timedelta(days=4000)),
    st.booleans(),
)
def test_a_clock_may_pass_but_not_jump(passed: timedelta, step: timedelta, is_same_boot: bool) -> None:  # noqa: FBT001
    last = ClockLook(NOW, 1000.0, "one")
    uptime = 1000.0 + passed.total_seconds() if is_same_boot else 5.0
    look = ClockLook(NOW + passed + step, uptime, "one" if is_same_boot else "two")
    cause = judge_clock(last, look)
    if is_same_boot:
        assert (cause is not None) == (abs(step) > CLOCK_TOLERANCE)
    else:
        assert (cause is not None) == (look.now < NOW - CLOCK_TOLERANCE)
    assert judge_clock(None, look) is None


@given(st.lists(st.lists(st.sampled_from(HoldReason), min_size=1), min_size=1))
def test_a_hold_grows_and_is_another_with_each_cause(history: list[list[HoldReason]]) -> None:
    hold = None
    for number, seen in enumerate(history):
        causes = [HoldCause(reason=reason, message="so", seen_at=NOW + timedelta(days=number)) for reason in seen]
        before, hold = hold, with_causes(hold, causes, str(number))
        assert hold.uid == str(number)
        assert hold.since == NOW
        assert before is None or hold.causes[: len(before.causes)] == before.causes
    assert hold is not None
    assert len(hold.causes) <= 20


@given(st.integers(1, 1440), st.integers(0, 1000))
def test_pauses_grow_to_a_day_at_most(minutes: int, attempts: int) -> None:
    this, following = (retry_at(NOW, interval_minutes=minutes, attempts=attempts + more) for more in (0, 1))
    assert NOW < this <= following <= NOW + PAUSE_MAX
