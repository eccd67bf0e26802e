"""Who listens to a stream of events: counted by each process for itself, so that nobody takes all of it."""

from __future__ import annotations

from collections import Counter
from threading import Lock

from tandem.domain.errors import Throttled

OF_USER_MAX = 5
ALL_MAX = 500
RETRY_SECONDS = 30


class Listeners:
    """Counts those who listen; used from any thread."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lock = Lock()
        self._present: Counter[str] = Counter()

    def check(self, user_uid: str) -> None:
        """Raise Throttled if a user may not listen once more now."""
        with self._lock:
            if self._present[user_uid] >= OF_USER_MAX:
                text = f"At most {OF_USER_MAX} streams of events at a time are served to one user; end one of yours."
                raise Throttled(text, RETRY_SECONDS)
            if self._present.total() >= ALL_MAX:
                raise Throttled("Too many streams of events are being served; try again later.", RETRY_SECONDS)

    def enter(self, user_uid: str) -> None:
        """Count a listener."""
        with self._lock:
            self._present[user_uid] += 1

    def leave(self, user_uid: str) -> None:
        """Count a listener as gone."""
        with self._lock:
            self._present[user_uid] -= 1
            if not self._present[user_uid]:
                del self._present[user_uid]

    def count(self) -> int:
        """Give how many listen."""
        with self._lock:
            return self._present.total()
