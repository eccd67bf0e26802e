"""The queue's rule: nobody overtakes, nobody waits for ever, and nobody writes where another is at work."""

from hypothesis import given
from hypothesis import strategies as st

from tandem.domain.queue import Ticket, judge

NAMES = {"a": "Archive", "b": "Basement"}
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


@given(come=tickets(), data=st.data())
def test_every_run_has_its_turn_alone_where_it_writes_and_is_not_overtaken(
    come: list[Ticket], data: st.DataObject
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
        beginning = [verdict.ticket for verdict in judge(waiting, running, NAMES) if verdict.may_begin]
        waiting = [each for each in waiting if each not in beginning]
        for one in beginning:
            assert not any(one.collides_at(other) for other in running)
            assert not any(one.collides_at(other) for other in waiting if int(other.key) < int(one.key)), "overtaken"
            running.append(one)
        begun += beginning
        assert running or not waiting, "nothing goes on, and yet somebody waits"
    while running:
        running = [verdict.ticket for verdict in judge(waiting, [], NAMES) if verdict.may_begin]
        waiting = [each for each in waiting if each not in running]
        begun += running
    assert sorted(map(id, begun)) == sorted(map(id, come))


def test_who_waits_is_told_for_what_behind_whom_and_in_which_place() -> None:
    running = [ticket("one", writes="a")]
    waiting = [ticket("two", writes="b", reads="a"), ticket("three", writes="b"), ticket("four", reads="c")]
    two, three, four = judge(waiting, running, NAMES)
    assert (two.position, two.reason) == (1, "1st in line for the repository Archive, held by the job one.")
    assert (three.position, three.reason) == (2, "2nd in line for the repository Basement, behind the job two.")
    assert (four.position, four.reason) == (0, "")
    (fifth,) = judge([ticket("five", writes="c")], [ticket("four", reads="c")], {})
    assert fifth.reason == "1st in line for the repository c, held by the job four."


def test_those_who_only_read_do_so_side_by_side() -> None:
    verdicts = judge([ticket("two", reads="a"), ticket("three", reads="a", writes="b")], [ticket("one", reads="a")], {})
    assert all(verdict.may_begin for verdict in verdicts)
