"""What is kept of a session: enough to understand it, however much its run had to say."""

from tandem.domain.sessions import MESSAGE_LENGTH_MAX, MESSAGES_MAX, SessionState, bounded


def test_few_short_messages_are_kept_word_by_word() -> None:
    assert bounded(["one", "two"]) == ["one", "two"]
    assert bounded([]) == []
    assert bounded(["x"] * MESSAGES_MAX) == ["x"] * MESSAGES_MAX


def test_a_run_with_endless_messages_says_how_many_were_left_out() -> None:
    kept = bounded([f"message {number}" for number in range(MESSAGES_MAX + 5)])
    assert len(kept) == MESSAGES_MAX
    assert kept[-2:] == [f"message {MESSAGES_MAX - 2}", "6 more messages were left out."]


def test_an_endless_message_is_cut() -> None:
    assert bounded(["x" * 10**6]) == ["x" * MESSAGE_LENGTH_MAX]


def test_a_session_ends_in_one_of_four_ways() -> None:
    final = {SessionState.SUCCESS, SessionState.WARNING, SessionState.FAILED, SessionState.SKIPPED}
    assert {state for state in SessionState if state.is_final} == final
