"""How long an agent waits before it tries the console again: so that thousands do not come back in the same second."""

from __future__ import annotations

from random import Random

FIRST_SECONDS_MAX = 2.0
SECONDS_MAX = 30.0
DOUBLINGS_MAX = 10
# A console counts in whole seconds.
SPREAD_SECONDS = 1.0


def pause(failures: int, asked_seconds: float, chance: Random) -> float:
    """Give the seconds until the next try.

    Args:
        failures: how many tries have failed before this one.
        asked_seconds: how long the console has asked to be left alone; 0 if it did not, or could not.
        chance: decides; any moment of the time that is to be waited at most is as likely as any other.
    """
    if asked_seconds > 0:
        return asked_seconds + chance.uniform(0, SPREAD_SECONDS)
    return chance.uniform(0, min(SECONDS_MAX, FIRST_SECONDS_MAX * 2 ** min(failures, DOUBLINGS_MAX)))
