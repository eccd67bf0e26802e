"""How often tests try their luck: TANDEM_ROUNDS times what they do by themselves, each time with another seed."""

import os
import random
from collections.abc import Iterator

import pytest

ROUNDS = "TANDEM_ROUNDS"
SEED = "TANDEM_SEED"


def rounds_wanted() -> int:
    """Give how much more is wanted than the short form."""
    return int(os.environ.get(ROUNDS) or 1)


def rounds(usual: int, *, at_most: int | None = None) -> Iterator[random.Random]:
    """Give a source of chance for each round; the seed is printed, and TANDEM_SEED brings a round back.

    Args:
        usual: how many rounds there are when nobody asks for more.
        at_most: how many there are at most, where more would be no news.
    """
    given = os.environ.get(SEED)
    count = 1 if given else usual * rounds_wanted()
    for _ in range(min(count, at_most or count)):
        seed = int(given) if given else random.SystemRandom().randrange(2**32)
        print(f"{SEED}={seed}")  # noqa: T201 - pytest shows it when the test fails
        yield random.Random(seed)


# Lets a test take its time when more rounds are wanted.
LONG = pytest.mark.timeout(120 * rounds_wanted())
