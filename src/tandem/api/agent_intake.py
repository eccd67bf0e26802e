"""Taking in what agents say: those who speak at the same time together, so that many cost little more than one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock

import msgspec
import structlog

from tandem.actions import exchange
from tandem.actions.context import Context
from tandem.actions.exchange import Heard, Outcome, Said
from tandem.api.arrivals import Arrivals
from tandem.domain.errors import Busy, Collided, ConsoleError

# One transaction's worth: whoever else wants the same rows must not wait long.
TOGETHER_MAX = 64
REPORTS_TOGETHER_MAX = 1_000
# About a second's worth: who comes then is better off coming back than waiting here.
WAITING_MAX = 500
# While several speak at a time, the next ones are given as long to come together.
GATHER_SECONDS = 0.02

log = structlog.get_logger()


class _Waiting(msgspec.Struct, frozen=True):
    context: Context
    said: Said
    outcome: Future[Outcome]


class Intake:
    """What agents say to this process, on its way into the database."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.arrivals = Arrivals(WAITING_MAX)
        self._lock = Lock()
        self._waiting: deque[_Waiting] = deque()
        self._is_at_work = False
        self._worker = ThreadPoolExecutor(1, "intake")

    async def take_in(self, context: Context, said: Said) -> Heard:
        """Have something applied that an agent says; gives what came of it.

        Raises:
            Fenced: if a newer session of the agent exists.
            Unauthorized: if there is no such session.
            Throttled: if too many are waiting.
            Busy: if the database is.
        """
        with self.arrivals.admitted():
            one = _Waiting(context, said, Future())
            with self._lock:
                self._waiting.append(one)
                is_first, self._is_at_work = not self._is_at_work, True
            if is_first:
                self._worker.submit(self._work)
            outcome = await asyncio.wrap_future(one.outcome)
        if isinstance(outcome, ConsoleError):
            raise outcome
        return outcome

    def _work(self) -> None:
        while True:
            with self._lock:
                together = self._next()
                if not together:
                    self._is_at_work = False
                    return
            begun = time.monotonic()
            self._take_in(together)
            if len(together) > 1:
                time.sleep(max(0.0, GATHER_SECONDS - (time.monotonic() - begun)))

    def _next(self) -> list[_Waiting]:
        """Take those who come next; of two that come from one agent, the second has to wait."""
        together: list[_Waiting] = []
        later: list[_Waiting] = []
        present: set[str] = set()
        reports = 0
        while self._waiting and len(together) < TOGETHER_MAX and reports < REPORTS_TOGETHER_MAX:
            one = self._waiting.popleft()
            if one.said.server_uid in present:
                later.append(one)
            elif one.outcome.set_running_or_notify_cancel():
                together.append(one)
                present.add(one.said.server_uid)
                reports += len(one.said.request.reports)
        self._waiting.extendleft(reversed(later))
        return together

    def _take_in(self, together: list[_Waiting]) -> None:
        try:
            outcomes = exchange.take_in(together[0].context, [one.said for one in together])
        except Exception as error:  # noqa: BLE001  (handed to whoever waits for it)
            is_busy = isinstance(error, Busy) and not isinstance(error, Collided)
            if len(together) == 1 or is_busy:
                for one in together:
                    one.outcome.set_exception(error)
                return
            # It may be one of them alone: the others must not suffer for it.
            log.warning("taken in one by one", agents=len(together), reason=str(error))
            for one in together:
                self._take_in([one])
            return
        for one, outcome in zip(together, outcomes, strict=True):
            one.outcome.set_result(outcome)
