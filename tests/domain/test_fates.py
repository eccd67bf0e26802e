"""What becomes of points: nobody loses what was adopted before it is confirmed, and then just what was shown."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.fates import NEWER_ONE, Fate, Foreseen, fates_of, foresee_backups
from tandem.domain.restore_points import CopyState, LedgerEntry, foresee_copies, plan_copies, plan_held
from tandem.domain.retention import Gfs, Point, Retention, RetentionUnit, Rule, judge

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)
WEEK = Rule(Retention(7, RetentionUnit.DAYS))

counts = st.integers(0, 3)
rules = st.builds(
    Rule,
    st.builds(Retention, st.integers(1, 40), st.just(RetentionUnit.DAYS)),
    st.builds(Gfs, daily=counts, weekly=counts, monthly=counts, yearly=counts),
)


@st.composite
def points(draw: st.DrawFn) -> list[Point]:
    ages = draw(st.lists(st.integers(0, 24 * 60), max_size=12, unique=True))
    made: list[Point] = []
    for age in ages:
        is_complete = draw(st.booleans())
        is_whole, is_adopted = is_complete and draw(st.booleans()), draw(st.booleans())
        at = NOW - timedelta(hours=age)
        made.append(Point(f"{age} h", at, is_whole=is_whole, is_complete=is_complete, is_adopted=is_adopted))
    return made


def of(fates: dict[str, Foreseen], fate: Fate) -> set[str]:
    return {uid for uid, found in fates.items() if found.fate is fate}


@given(points(), rules)
def test_no_adopted_point_goes_before_that_is_confirmed_and_then_just_those_that_were_shown(
    held: list[Point], rule: Rule
) -> None:
    adopted = {point.snapshot_id for point in held if point.is_adopted}
    before, after = (fates_of(held, rule, NOW, may_forget_adopted=is_confirmed) for is_confirmed in (False, True))
    assert adopted <= of(before, Fate.KEEP)
    assert {uid for uid, fate in before.items() if fate.once_confirmed is not None} == adopted
    assert {uid: fate.once_confirmed or fate.fate for uid, fate in before.items()} == {
        uid: fate.fate for uid, fate in after.items()
    }
    assert all(fate.once_confirmed is None for fate in after.values())
    # What is nobody's but the job's is judged as if there were nothing to confirm.
    assert {uid: before[uid] for uid in before.keys() - adopted} == {uid: after[uid] for uid in after.keys() - adopted}


@given(held=points(), rule=rules, is_confirmed=st.booleans())
def test_what_the_rule_keeps_and_the_newest_complete_point_always_stay(
    *, held: list[Point], rule: Rule, is_confirmed: bool
) -> None:
    fates = fates_of(held, rule, NOW, may_forget_adopted=is_confirmed)
    verdicts = judge(held, rule, NOW)
    assert {uid for uid, verdict in verdicts.items() if verdict.is_kept} <= of(fates, Fate.KEEP)
    complete = [point for point in held if point.is_complete]
    if complete:
        assert max(complete, key=lambda point: point.created_at).snapshot_id in of(fates, Fate.KEEP)
    assert {uid: fate.expires_at for uid, fate in fates.items()} == {
        uid: verdict.expires_at for uid, verdict in verdicts.items()
    }


@given(held=points(), rule=rules, is_confirmed=st.booleans())
def test_a_run_does_with_each_point_what_was_foreseen_of_it(
    *, held: list[Point], rule: Rule, is_confirmed: bool
) -> None:
    foreseen = foresee_backups(held, rule, NOW, may_forget_adopted=is_confirmed)
    made = Point("made", NOW)
    did = fates_of([*held, made], rule, NOW, may_forget_adopted=is_confirmed)
    assert did.pop("made").fate is Fate.KEEP
    told = {
        uid: msgspec.structs.replace(fate, reason=fate.reason.removesuffix(NEWER_ONE).rstrip())
        for uid, fate in foreseen.items()
    }
    assert told == did


@given(source=points(), held=points(), rule=rules, is_confirmed=st.booleans())
def test_a_run_of_a_copy_does_with_each_copy_what_was_foreseen_of_it(
    *, source: list[Point], held: list[Point], rule: Rule, is_confirmed: bool
) -> None:
    ledger = {
        point.snapshot_id: LedgerEntry(
            source_snapshot_id=point.snapshot_id,
            created_at=point.created_at,
            state=CopyState.COPIED,
            is_whole=point.is_whole,
            is_adopted=point.is_adopted,
        )
        for point in held
    }
    foreseen = foresee_copies(source, ledger, rule, NOW, may_forget_adopted=is_confirmed)
    plan = plan_copies(source, ledger, rule, NOW)
    assert {entry.source_snapshot_id for entry in plan.copy} == of(foreseen, Fate.COPY)
    assert {entry.source_snapshot_id for entry in plan.expire} == of(foreseen, Fate.SKIP)
    for entry in plan.copy:
        ledger[entry.source_snapshot_id] = msgspec.structs.replace(entry, state=CopyState.COPIED, copied_at=NOW)
    lacking = {point.snapshot_id for point in source if not point.is_complete}
    did = plan_held(ledger.values(), rule, NOW, lacking=lacking, may_forget_adopted=is_confirmed)
    there = {point.snapshot_id for point in held}
    for entries, told in (
        (did.forget, of(foreseen, Fate.DELETE)),
        (did.unconfirmed, {uid for uid, fate in foreseen.items() if fate.is_unconfirmed}),
    ):
        reasons = {entry.source_snapshot_id: entry.reason for entry in entries if entry.source_snapshot_id in there}
        assert reasons == {uid: foreseen[uid].reason for uid in told}


def test_the_newest_point_goes_when_the_run_has_made_a_newer_one_and_says_so() -> None:
    old = Point("old", NOW - timedelta(days=8))
    fate = foresee_backups([old], WEEK, NOW, may_forget_adopted=False)["old"]
    assert (fate.fate, NEWER_ONE in fate.reason) == (Fate.DELETE, True)
    # Nothing is made of an adopted one that nobody has confirmed, although it is the newest.
    fate = foresee_backups([msgspec.structs.replace(old, is_adopted=True)], WEEK, NOW, may_forget_adopted=False)["old"]
    assert (fate.fate, fate.once_confirmed, fate.is_unconfirmed) == (Fate.KEEP, Fate.DELETE, True)


def test_of_copies_the_newest_that_is_not_known_to_lack_files_stays() -> None:
    entries = [
        LedgerEntry(source_snapshot_id=name, created_at=NOW - timedelta(days=age), state=CopyState.COPIED)
        for name, age in (("old", 30), ("good", 20), ("bad", 10))
    ]
    entries = [msgspec.structs.replace(entry, is_whole=False) for entry in entries]
    plan = plan_held(entries, WEEK, NOW, lacking={"bad"})
    assert [entry.source_snapshot_id for entry in plan.forget] == ["old"]
