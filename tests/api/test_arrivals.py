"""More agents than can be served: some are, and the others are told when to come back, one after the other."""

from collections import Counter
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

import pytest

from tandem.api.http import call, together
from tandem.api.http.arrivals import RETRY_SECONDS_MAX, Arrivals
from tandem.decoding import decode
from tandem.domain.errors import Throttled
from tandem.protocol.messages import CHALLENGE_PATH, SESSION_PATH, Challenge
from tests.consoles import Console, error_in
from tests.people import ACMES

pytestmark = pytest.mark.embedded_only


class Ticks:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@contextmanager
def crowd(arrivals: Arrivals, size: int) -> Generator[None]:
    with ExitStack() as present:
        for _ in range(size):
            present.enter_context(arrivals.admitted())
        yield


def turn_of_one_more(arrivals: Arrivals) -> int:
    with pytest.raises(Throttled) as caught, arrivals.admitted():
        pass
    return caught.value.retry_after_seconds


def test_so_many_are_served_and_others_when_they_have_left() -> None:
    arrivals = Arrivals(3, Ticks())
    with crowd(arrivals, 3):
        assert turn_of_one_more(arrivals) == 1
    with crowd(arrivals, 3):
        pass


def test_those_sent_away_come_back_as_fast_as_they_can_be_served() -> None:
    ticks = Ticks()
    arrivals = Arrivals(50, ticks)
    with arrivals.admitted():
        for _ in range(200):
            with arrivals.admitted():
                ticks.now += 0.02
    with crowd(arrivals, 50):
        turns = Counter(turn_of_one_more(arrivals) for _ in range(500))
    # A fiftieth of a second each: none of these seconds gets more than can be served in it.
    assert max(turns.values()) <= 55
    assert 10 <= max(turns) <= 13


def test_nobody_is_sent_away_for_more_than_a_minute() -> None:
    arrivals = Arrivals(1, Ticks())
    with crowd(arrivals, 1):
        turns = [turn_of_one_more(arrivals) for _ in range(20_000)]
    assert max(turns) <= RETRY_SECONDS_MAX
    by_second = Counter(turns)
    assert max(by_second.values()) - min(by_second.values()) <= 101, "all seconds are used alike"


def test_an_agent_that_comes_to_a_full_console_is_told_when_to_come_back(console: Console) -> None:
    agent = console.agent_of(ACMES)
    arrivals = console.services.intake.arrivals
    with crowd(arrivals, together.WAITING_MAX):
        response = agent.exchange()
        assert response.status_code == 429
        assert int(response.headers["Retry-After"]) >= 1
        error_in(response)
    assert agent.exchange().is_success
    nonce = decode(agent.post(CHALLENGE_PATH, {}).content, Challenge).nonce
    with crowd(console.services.opening.arrivals, call.OPENING_MAX):
        # Before he signs anything, and also if he has just signed.
        for response in (agent.open_session(), agent.post(SESSION_PATH, agent.session_request(nonce))):
            assert response.status_code == 429
            assert int(response.headers["Retry-After"]) >= 1
    assert agent.open_session().is_success
