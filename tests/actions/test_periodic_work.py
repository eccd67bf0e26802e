"""What consoles do now and then is done by one of them each time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tandem.actions.sweep import sweep_if_due
from tests.consoles import Console

EVERY = timedelta(seconds=30)


def test_of_consoles_whose_time_has_come_one_sweeps(console: Console) -> None:
    consoles = [Console(console.database) for _ in range(4)]
    for _turn in range(3):
        with ThreadPoolExecutor(4) as pool:
            swept = pool.map(sweep_if_due, [each.context for each in consoles], [EVERY] * 4)
            assert sorted(swept) == [False] * 3 + [True]
        for each in consoles:
            each.clock.forward(seconds=30)
