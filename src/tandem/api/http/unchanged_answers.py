"""Answers that are given again as long as nothing in the database has changed.

Dashboards ask for the same page again and again. One that is written of ready documents depends on the request and on
what the database says, and on nothing else: not on the time, nor on this process. So it is right for as long as the
database is in the state in which it was made, whoever writes there.
"""

from __future__ import annotations

from collections.abc import Hashable
from threading import Lock

import msgspec

from tandem.actions.tokens import TokenChecker
from tandem.api.http.call import Call
from tandem.api.http.envelope import WrittenResponse
from tandem.store.database import State

BYTES_MAX = 16 * 1024 * 1024
# What an answer takes beside the texts that make it up.
ANSWER_BYTES = 4096


class Unchanged(msgspec.Struct, frozen=True):
    """An answer, the user to whom it was given, and the state of the data that it shows."""

    response: WrittenResponse
    user_uid: str
    state: State


class UnchangedAnswers:
    """The answers of one process, used from any number of threads; the bytes of all are bounded."""

    def __init__(self, checker: TokenChecker) -> None:
        """Begin with none; `checker` says whether a token is still good."""
        self._checker = checker
        self._known: dict[Hashable, Unchanged] = {}
        self._bytes = 0
        self._lock = Lock()

    def find(self, path: str, call: Call) -> Unchanged | None:
        """Give what the same request was answered, if the data are in the same state now.

        Raises:
            Unauthorized: if the token is not good any more.
        """
        known = self._known.get(_key(path, call))
        if known is None:
            return None
        # The only thing about a caller that ends by itself: of all else the database says when it has changed.
        self._checker.refuse_if_expired(call.token)
        return known if call.context.database.current_state() == known.state else None

    def keep(self, path: str, call: Call, answer: Unchanged) -> None:
        """Keep an answer, made in this state of the data for this request."""
        key, size = _key(path, call), len(answer.response.body) + _bytes_beside(path, call)
        with self._lock:
            if self._bytes + size > BYTES_MAX:
                self._known.clear()
                self._bytes = 0
            # One that takes the place of an older one counts as well: then all are forgotten somewhat sooner.
            self._known[key] = answer
            self._bytes += size


def _key(path: str, call: Call) -> Hashable:
    return call.token, path, call.query, call.headers.get("x-client-version")


def _bytes_beside(path: str, call: Call) -> int:
    texts = [
        path,
        call.token,
        call.headers.get("x-client-version", ""),
        *(text for pair in call.query for text in pair),
    ]
    return ANSWER_BYTES + sum(map(len, texts))
