"""How many are served at a time, and when those come back who were not: each at a time of its own."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock

from tandem.domain.errors import Throttled

RETRY_SECONDS_MAX = 60
# Until something was measured; and how much a single one counts against what was measured before.
SECONDS_EACH_GUESSED = 0.01
WEIGHT = 0.05


class Arrivals:
    """Counts those who are being served, and gives others a turn later; used from any thread."""

    def __init__(self, present_max: int, ticks: Callable[[], float] = time.monotonic) -> None:
        """Begin with nobody.

        Args:
            present_max: so many are served or wait at a time.
            ticks: gives seconds that never go back.
        """
        self._present_max = present_max
        self._ticks = ticks
        self._lock = Lock()
        self._present = 0
        self._seconds_each = SECONDS_EACH_GUESSED
        self._left_at = 0.0
        self._last_turn = 0.0

    @contextmanager
    def admitted(self) -> Generator[None]:
        """Count somebody while he is served; raises Throttled, with a turn of his own, if there are too many."""
        with self._lock:
            self._refuse_if_full()
            self._present += 1
        try:
            yield
        finally:
            with self._lock:
                self._note_left()

    def refuse_if_full(self) -> None:
        """Raise what `admitted` would, for somebody who is about to come."""
        with self._lock:
            self._refuse_if_full()

    def _refuse_if_full(self) -> None:
        if self._present >= self._present_max:
            seconds = self._next_turn()
            text = f"{self._present} agents are being served already; come back in {seconds} s."
            raise Throttled(text, seconds)

    def _next_turn(self) -> int:
        # One behind the other, as fast as they are served: those who were sent away do not come back all at once.
        now = self._ticks()
        first = now + self._present * self._seconds_each
        self._last_turn = max(self._last_turn + self._seconds_each, first)
        if self._last_turn > now + RETRY_SECONDS_MAX:
            self._last_turn = first
        return max(1, min(RETRY_SECONDS_MAX, math.ceil(self._last_turn - now)))

    def _note_left(self) -> None:
        now = self._ticks()
        # Only while others wait does the time between two tell how long one takes.
        if self._present > 1 and self._left_at:
            self._seconds_each += WEIGHT * (now - self._left_at - self._seconds_each)
        self._present -= 1
        self._left_at = now if self._present else 0.0
