"""Thousands of agents that lose their console at once do not come back at once."""

from collections import Counter
from random import Random

import pytest

from tandem.agent.backoff import FIRST_SECONDS_MAX, SECONDS_MAX, SPREAD_SECONDS, pause

AGENTS = 10_000


@pytest.mark.parametrize("failures", [0, 1, 2, 3, 4, 50])
def test_agents_spread_evenly_over_the_longest_wait(failures: int) -> None:
    longest = min(SECONDS_MAX, FIRST_SECONDS_MAX * 2**failures)
    waits = [pause(failures, 0, Random(number)) for number in range(AGENTS)]
    assert 0 <= min(waits) < max(waits) <= longest
    by_tenth = Counter(int(wait / longest * 10) for wait in waits)
    assert max(by_tenth.values()) < 1.2 * AGENTS / 10, "some come together"


def test_a_console_that_asks_for_time_gets_it() -> None:
    waits = [pause(0, 40, Random(number)) for number in range(AGENTS)]
    assert 40 <= min(waits) < max(waits) <= 40 + SPREAD_SECONDS
    by_tenth = Counter(int((wait - 40) * 10) for wait in waits)
    assert max(by_tenth.values()) < 1.2 * AGENTS / 10, "some come together"
