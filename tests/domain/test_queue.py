"""The queue's rule: nobody overtakes, nobody waits for ever, and nobody writes where another is at work."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.limits import AllowedHours, Limits, TimePeriod
from tandem.domain.queue import Rules, Ticket, judge, over_time
from tandem.domain.schedule import Weekday

NOW = datetime(2026, 11, 23, 20, 30, tzinfo=UTC)  # a Monday
NAMES = Rules(names={"a": "Archive", "b": "Basement"})
EVENING = (TimePeriod(Weekday.MONDAY, (22, 23)),)
COUNTS = st.none() | st.integers(1, 3)


def limited(server: int | None, *counts: int | None) -> Rules:
    """Make rules out of how many runs a backup server and its repositories bear."""
    repositories = {uid: Limits(parallel_runs=count) for uid, count in zip("abcd", counts, strict=True)}
    return Rules(server=Limits(parallel_runs=server), repositories=repositories)


RULES = st.builds(limited, COUNTS, COUNTS, COUNTS, COUNTS, COUNTS)
REPOSITORIES = st.frozensets(st.sampled_from("abcd"), max_size=3)


@st.composite
def tickets(draw: st.DrawFn, count_max: int = 12) -> list[Ticket]:
    needs = draw(st.lists(st.tuples(REPOSITORIES, REPOSITORIES), min_size=1, max_size=count_max))
    return [
        Ticket(key=str(number), label=f"the job {number}", writes=writes, reads=reads - writes)
        for number, (writes, reads) in enumerate(needs)
    ]


def ticket(key: str, *, writes: str = "", reads: str = "") -> Ticket:
    return Ticket(key=key, label=f"the job {key}", writes=frozenset(writes), reads=frozenset(reads))


def are_kept(running: list[Ticket], rules: Rules) -> bool:
    """Say whether no limit is exceeded."""
    counts = [(rules.server.parallel_runs, len(running))]
    counts += [
        (limits.parallel_runs, sum(uid in one.repositories for one in running))
        for uid, limits in rules.repositories.items()
    ]
    return all(limit is None or count <= limit for limit, count in counts)


@given(come=tickets(), rules=RULES, data=st.data())
def test_every_run_has_its_turn_alone_where_it_writes_and_is_not_overtaken(
    come: list[Ticket], rules: Rules, data: st.DataObject
) -> None:
    waiting: list[Ticket] = []
    running: list[Ticket] = []
    begun: list[Ticket] = []
    left = list(come)
    for _ in range(3 * len(come)):
        if left and (not running or data.draw(st.booleans())):
            waiting.append(left.pop(0))
        elif running:
            running.pop(data.draw(st.integers(0, len(running) - 1)))
        beginning = [verdict.ticket for verdict in judge(waiting, running, rules, NOW) if verdict.may_begin]
        waiting = [each for each in waiting if each not in beginning]
        for one in beginning:
            assert not any(one.collides_at(other) for other in running)
            assert not any(one.collides_at(other) for other in waiting if int(other.key) < int(one.key)), "overtaken"
            running.append(one)
        assert are_kept(running, rules)
        begun += beginning
        assert running or not waiting, "nothing goes on, and yet somebody waits"
    while running:
        running = [verdict.ticket for verdict in judge(waiting, [], rules, NOW) if verdict.may_begin]
        waiting = [each for each in waiting if each not in running]
        begun += running
    assert sorted(map(id, begun)) == sorted(map(id, come))


def test_who_waits_is_told_for_what_behind_whom_and_in_which_place() -> None:
    running = [ticket("one", writes="a")]
    waiting = [ticket("two", writes="b", reads="a"), ticket("three", writes="b"), ticket("four", reads="c")]
    two, three, four = judge(waiting, running, NAMES, NOW)
    assert (two.position, two.reason) == (1, "1st in line for the repository Archive, held by the job one.")
    assert (three.position, three.reason) == (2, "2nd in line for the repository Basement, behind the job two.")
    assert (four.position, four.reason) == (0, "")
    (fifth,) = judge([ticket("five", writes="c")], [ticket("four", reads="c")], Rules(), NOW)
    assert fifth.reason == "1st in line for the repository c, held by the job four."


def test_those_who_only_read_do_so_side_by_side() -> None:
    waiting = [ticket("two", reads="a"), ticket("three", reads="a", writes="b")]
    verdicts = judge(waiting, [ticket("one", reads="a")], Rules(), NOW)
    assert all(verdict.may_begin for verdict in verdicts)


def test_limits_are_said_with_their_numbers() -> None:
    rules = Rules(server=Limits(parallel_runs=3), repositories={"a": Limits(parallel_runs=2)}, names=NAMES.names)
    running = [ticket("one", reads="a"), ticket("two", reads="a")]
    three, four, five = judge([ticket("three", reads="a"), ticket("four"), ticket("five")], running, rules, NOW)
    assert three.reason == "2 of 2 runs on the repository Archive are going on."
    assert four.may_begin
    assert (five.position, five.reason) == (2, "3 of 3 runs of this backup server are going on.")
    one_left = judge([ticket("three", writes="b", reads="a"), ticket("four", reads="a")], running[:1], rules, NOW)
    assert [verdict.may_begin for verdict in one_left] == [True, False]
    busy = [ticket("one", reads="a"), ticket("six", writes="b")]
    _, four = judge([ticket("three", writes="b", reads="a"), ticket("four", reads="a")], busy, rules, NOW)
    assert four.reason == "1 of 2 runs on the repository Archive are going on, and 1 that came earlier wait."


def test_who_waits_for_allowed_hours_holds_nobody_up() -> None:
    hours = AllowedHours(periods=EVENING, time_zone="Europe/Berlin", stop_at_end=True)
    rules = Rules(repositories={"a": Limits(hours=hours)}, names=NAMES.names)
    one, two, three = judge([ticket("one", writes="ab"), ticket("two", writes="b"), ticket("three")], [], rules, NOW)
    until = "2026-11-23 22:00 (Europe/Berlin)"
    assert (one.position, one.reason) == (1, f"Outside the allowed hours of the repository Archive until {until}.")
    assert two.may_begin
    assert three.may_begin
    assert judge([ticket("one", writes="ab")], [], rules, NOW.replace(hour=21))[0].may_begin
    assert not over_time(ticket("one", writes="a"), rules, NOW.replace(hour=22))
    assert over_time(ticket("one", writes="a"), rules, NOW.replace(hour=23)) == "the repository Archive"
    hurried = Ticket(key="0", label="a restore", reads=frozenset("a"), heeds_hours=False)
    assert judge([hurried], [], rules, NOW)[0].may_begin
    assert not over_time(hurried, rules, NOW)
    assert not over_time(ticket("one", writes="b"), rules, NOW)
