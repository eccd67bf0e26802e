"""Being told to end, at the worst moment."""

import signal
from collections.abc import Iterator
from threading import Event, Lock

import pytest

from tandem.agent.main import stop_on_signals
from tests.agent.backup_server import SECONDS_MAX

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_obeyed_though_the_main_thread_holds_what_stopping_needs(number: signal.Signals) -> None:
    needed, stopped = Lock(), Event()

    def stop() -> None:
        with needed:
            stopped.set()

    stop_on_signals(stop)
    with needed:
        signal.raise_signal(number)
        assert not stopped.is_set()
    assert stopped.wait(SECONDS_MAX)
