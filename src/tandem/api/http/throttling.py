"""How many requests are taken: of one user, from one address, and of all, counted by each process for itself."""

from __future__ import annotations

import math
from collections.abc import Callable
from threading import Lock

import msgspec

from tandem.actions.throttles import origin
from tandem.domain.errors import Throttled

PERIOD_SECONDS = 60.0
REMEMBERED_MAX = 10_000


class Limit(msgspec.Struct, frozen=True):
    """At most so many requests a minute, and at a time; 0 is without limit."""

    per_minute: int = 0
    parallel: int = 0


class Limits(msgspec.Struct, frozen=True):
    """The limits of a console process; none unless told."""

    everybody: Limit = Limit()
    address: Limit = Limit()
    user: Limit = Limit()


class Throttle:
    """Counts requests against limits; used from any number of threads."""

    def __init__(self, limits: Limits, ticks: Callable[[], float]) -> None:
        """Begin with nothing counted; `ticks` gives seconds that never go back."""
        self._everybody = _Counter(limits.everybody, "by everybody together", ticks)
        self._address = _Counter(limits.address, "from your address", ticks)
        self._user = _Counter(limits.user, "by you", ticks)

    def enter(self, address: str) -> Passage:
        """Count a request before anything is done for it; raises Throttled."""
        passage = Passage(self._user)
        try:
            passage.count(self._address, origin(address))
            passage.count(self._everybody, "")
        except Throttled:
            passage.leave()
            raise
        return passage


class Passage:
    """One request on its way."""

    __slots__ = ("_counted", "_user")

    def __init__(self, user: _Counter) -> None:
        """Begin with nothing counted."""
        self._user = user
        self._counted: list[tuple[_Counter, str]] = []

    def name(self, user_uid: str) -> None:
        """Count the request as this user's; raises Throttled."""
        self.count(self._user, user_uid)

    def count(self, counter: _Counter, key: str) -> None:
        """Count the request against one limit; raises Throttled."""
        if counter.is_on:
            counter.enter(key)
            self._counted.append((counter, key))

    def leave(self) -> None:
        """Count the request as answered."""
        for counter, key in self._counted:
            counter.leave(key)
        self._counted.clear()


class _Counter:
    def __init__(self, limit: Limit, whose: str, ticks: Callable[[], float]) -> None:
        self.is_on = bool(limit.per_minute or limit.parallel)
        self._limit = limit
        self._whose = whose
        self._ticks = ticks
        self._lock = Lock()
        self._present: dict[str, int] = {}
        # When a key's requests would have come to an end, had they come evenly. A minute's worth may come at once.
        self._due: dict[str, float] = {}

    def enter(self, key: str) -> None:
        with self._lock:
            present = self._present.get(key, 0)
            if self._limit.parallel and present >= self._limit.parallel:
                raise Throttled(f"At most {self._limit.parallel} requests at a time are taken {self._whose}.", 1)
            if self._limit.per_minute:
                self._count(key)
            self._present[key] = present + 1

    def leave(self, key: str) -> None:
        with self._lock:
            left = self._present[key] - 1
            if left:
                self._present[key] = left
            else:
                del self._present[key]

    def _count(self, key: str) -> None:
        now = self._ticks()
        due = max(now, self._due.get(key, 0.0)) + PERIOD_SECONDS / self._limit.per_minute
        # A millionth of a second: what adding up may have got wrong.
        wait = due - now - PERIOD_SECONDS - 1e-6
        if wait > 0:
            seconds = math.ceil(wait)
            text = f"At most {self._limit.per_minute} requests a minute are taken {self._whose}"
            raise Throttled(f"{text}; try again in {seconds} s.", seconds)
        if len(self._due) >= REMEMBERED_MAX:
            self._due = {other: then for other, then in self._due.items() if then > now}
            if len(self._due) >= REMEMBERED_MAX:
                self._due.clear()
        self._due[key] = due
