"""How often tests try their luck: TANDEM_ROUNDS times what they do by themselves, each time with another seed."""

import os
import random
from collections.abc import Iterator

ROUNDS = "TANDEM_ROUNDS"
SEED = "TANDEM_SEED"


def rounds(usual: int) -> Iterator[random.Random]:
    """Give a source of chance for each round; the seed is printed, and TANDEM_SEED brings a round back.

    Args:
        usual: how many rounds there are when nobody asks for more.
    """
    given = os.environ.get(SEED)
    count = 1 if given else usual * int(os.environ.get(ROUNDS) or 1)
    for _ in range(count):
        seed = int(given) if given else random.SystemRandom().randrange(2**32)
        print(f"{SEED}={seed}")  # noqa: T201 - pytest shows it when the test fails
        yield random.Random(seed)  # noqa: S311 - chance, no secrets
