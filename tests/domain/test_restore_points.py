"""What a copy run decides: the copy always becomes what its own retention says, whatever happened before."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.restore_points import CopyPlan, CopyState, LedgerEntry, plan_copies, plan_held
from tandem.domain.retention import Gfs, Point, Retention, RetentionUnit, Rule, judge, kept

START = datetime(2026, 1, 1, tzinfo=UTC)
WEEK = Rule(Retention(7, RetentionUnit.DAYS))

Ledger = dict[str, LedgerEntry]


def point(days: int) -> Point:
    """Give a point that was made so many days after the start."""
    return Point(f"day {days}", START + timedelta(days=days))


def entry(of: Point, state: CopyState) -> LedgerEntry:
    return LedgerEntry(source_snapshot_id=of.snapshot_id, created_at=of.created_at, state=state)


def names(entries: list[LedgerEntry]) -> list[str]:
    return [each.source_snapshot_id for each in entries]


class Copy:
    """A copy job as its agent runs it, the copying itself aside."""

    def __init__(self) -> None:
        self.ledger: Ledger = {}
        self.ever_copied: list[str] = []

    @property
    def held(self) -> set[str]:
        return {uid for uid, each in self.ledger.items() if each.state.is_held}

    def run(self, source: list[Point], rule: Rule, now: datetime, bad: frozenset[str]) -> CopyPlan:
        """Do what is planned; the bad points cannot be copied."""
        plan = plan_copies(source, self.ledger, rule, now)
        for each in plan.expire:
            self.ledger[each.source_snapshot_id] = each
        for each in (*plan.copy, *plan.wait):
            is_bad = each.source_snapshot_id in bad
            state = CopyState.QUARANTINED if is_bad else CopyState.COPIED
            self.ledger[each.source_snapshot_id] = msgspec.structs.replace(each, state=state)
            self.ever_copied += [] if is_bad else [each.source_snapshot_id]
        for each in plan_held(self.ledger.values(), rule, now).forget:
            self.ledger[each.source_snapshot_id] = msgspec.structs.replace(each, state=CopyState.EXPIRED)
        return plan


class Day(msgspec.Struct, frozen=True):
    """What happens on one day of a history."""

    makes_point: bool
    forgets: int | None
    rule: Rule | None
    is_bad: bool
    runs: bool


short = st.builds(Retention, st.integers(1, 12), st.just(RetentionUnit.DAYS))
counts = st.integers(0, 3)
gfs = st.builds(Gfs, daily=counts, weekly=counts, monthly=counts, yearly=counts)
days = st.lists(
    st.builds(
        Day,
        st.booleans(),
        st.none() | st.integers(0, 20),
        st.none() | st.builds(Rule, short, gfs),
        st.booleans() | st.just(value=False),
        st.booleans() | st.just(value=True),
    ),
    max_size=25,
)


@given(days)
def test_whatever_happened_the_copy_becomes_what_its_retention_says(history: list[Day]) -> None:
    copy, source, rule, bad = Copy(), list[Point](), WEEK, set[str]()
    for number, day in enumerate(history):
        now = START + timedelta(days=number, hours=1)
        rule = day.rule or rule
        if day.makes_point:
            source.append(point(number))
            bad |= {source[-1].snapshot_id} if day.is_bad else set()
        if day.forgets is not None and len(source) > 1:
            source.pop(day.forgets % (len(source) - 1))
        if not day.runs:
            continue

        expired = {uid for uid, each in copy.ledger.items() if each.state is CopyState.EXPIRED}
        held_before = copy.held
        plan = copy.run(source, rule, now, frozenset(bad))

        copied = {*names(plan.copy), *names(plan.wait)} - bad
        assert copied >= kept(source, Rule(rule.retention), now) - bad - expired - held_before
        assert copy.held == kept(_points(copy, held_before | copied), rule, now)
        assert not expired & copy.held, "what had expired was copied again"
        assert len(set(copy.ever_copied)) == len(copy.ever_copied), "a point was copied twice"

        again = copy.run(source, rule, now, frozenset(bad))
        assert (again.copy, again.expire) == ([], []), "a second run, right after the first, still had work to do"
        assert set(names(again.wait)) <= bad


def _points(copy: Copy, uids: set[str]) -> list[Point]:
    return [Point(uid, copy.ledger[uid].created_at) for uid in uids]


@given(days)
def test_a_point_that_cannot_be_copied_keeps_no_other_from_being_copied(history: list[Day]) -> None:
    source = [point(number) for number, day in enumerate(history) if day.makes_point]
    bad = frozenset(point(number).snapshot_id for number, day in enumerate(history) if day.makes_point and day.is_bad)
    copy, now = Copy(), START + timedelta(days=len(history))
    copy.run(source, WEEK, now, bad)
    assert copy.held >= kept(source, WEEK, now) - bad
    assert set(names(copy.run(source, WEEK, now, frozenset()).wait)) == kept(source, WEEK, now) & bad
    assert copy.held >= kept(source, WEEK, now)


def test_points_are_copied_oldest_first_and_those_that_failed_before_come_last() -> None:
    ledger = {"day 1": entry(point(1), CopyState.QUARANTINED)}
    plan = plan_copies([point(3), point(1), point(2)], ledger, WEEK, START + timedelta(days=3))
    assert names(plan.copy) == ["day 2", "day 3"]
    assert names(plan.wait) == ["day 1"]


def test_a_point_that_the_rule_would_drop_at_once_is_never_copied_and_says_why() -> None:
    plan = plan_copies([point(0), point(20)], {}, WEEK, START + timedelta(days=20))
    assert names(plan.copy) == ["day 20"]
    (expired,) = plan.expire
    assert (expired.source_snapshot_id, expired.state) == ("day 0", CopyState.EXPIRED)
    assert "older than the retention" in expired.reason


def test_a_copy_run_that_was_cut_short_is_taken_up_again() -> None:
    ledger = {"day 1": entry(point(1), CopyState.COPYING), "day 2": entry(point(2), CopyState.PENDING)}
    plan = plan_copies([point(1), point(2)], ledger, WEEK, START + timedelta(days=2))
    assert names(plan.copy) == ["day 1", "day 2"]


def test_what_has_expired_stays_expired_when_the_retention_grows() -> None:
    ledger = {"day 0": entry(point(0), CopyState.EXPIRED)}
    century = Rule(Retention(100, RetentionUnit.YEARS))
    assert (
        plan_copies([point(0), point(1)], ledger, century, START + timedelta(days=2)).copy[0].source_snapshot_id
        == "day 1"
    )


def test_the_newest_copy_stays_while_newer_points_fail_to_arrive() -> None:
    old = entry(point(0), CopyState.COPIED)
    older = entry(point(-1), CopyState.VERIFIED)
    failing = entry(point(90), CopyState.QUARANTINED)
    assert names(plan_held([failing, old, older], WEEK, START + timedelta(days=90)).forget) == ["day -1"]


def test_the_copy_keeps_what_its_own_retention_says_although_the_source_has_forgotten_it() -> None:
    ledger = {"day 1": entry(point(1), CopyState.COPIED)}
    now = START + timedelta(days=3)
    assert plan_copies([point(3)], ledger, WEEK, now).expire == []
    assert plan_held(ledger.values(), WEEK, now).forget == []


def test_a_copy_never_goes_earlier_for_being_judged_among_many_of_its_age() -> None:
    now = START + timedelta(days=10)
    points = [point(days) for days in (1, 2, 5, 9)]
    # A rule that keeps nothing for longer judges each on its own, the other all that are young at once.
    for_long = Rule(WEEK.retention, Gfs(daily=1), immutable_days=1)
    alone, together = (judge(points, rule, now) for rule in (for_long, WEEK))
    assert [(uid, each.is_kept, each.expires_at) for uid, each in together.items()] == [
        (uid, each.is_kept, WEEK.retention.expires_at(of.created_at))
        for (uid, each), of in zip(alone.items(), points, strict=True)
    ]
    entries = [entry(each, CopyState.COPIED) for each in points]
    plan = plan_held(entries, WEEK, now)
    assert names(plan.forget) == ["day 1", "day 2"]
    ends = {each.source_snapshot_id: each.expires_at for each in plan.corrected}
    assert ends == {uid: each.expires_at for uid, each in together.items()}


def test_a_new_entry_says_how_long_the_copy_will_be_kept() -> None:
    (planned,) = plan_copies([point(1)], {}, WEEK, START + timedelta(days=1)).copy
    assert planned.expires_at == START + timedelta(days=8)
