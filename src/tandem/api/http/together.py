"""What agents ask for at the same time, done together, so that many cost little more than one."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Generic, TypeVar

import msgspec
import structlog

from tandem.api.http.arrivals import Arrivals
from tandem.domain.errors import Busy, Collided, ConsoleError

# One transaction's worth: whoever else wants the same rows must not wait long.
TOGETHER_MAX = 64
WEIGHT_TOGETHER_MAX = 1_000
# About a second's worth: who comes then is better off coming back than waiting here.
WAITING_MAX = 500
# While several come at a time, the next ones are given as long to come together.
GATHER_SECONDS = 0.02

Asked = TypeVar("Asked")
Got = TypeVar("Got")

log = structlog.get_logger()


class _Waiting(msgspec.Struct, Generic[Asked, Got], frozen=True):
    asked: Asked
    do: Callable[[list[Asked]], Sequence[Got | ConsoleError]]
    outcome: Future[Got | ConsoleError]


class Together(Generic[Asked, Got]):
    """Requests of one kind to this process, on their way into the database."""

    def __init__(
        self,
        name: str,
        agent_of: Callable[[Asked], str],
        weight_of: Callable[[Asked], int] = lambda _: 1,
        *,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        """Begin with nothing.

        Args:
            name: of the thread.
            agent_of: gives whose request it is; of one agent there is one at a time.
            weight_of: gives how much there is to do for it, 1 or more.
            waiting_max: so many may wait.
        """
        self.arrivals = Arrivals(waiting_max)
        self._agent_of = agent_of
        self._weight_of = weight_of
        self._lock = Lock()
        self._waiting: deque[_Waiting[Asked, Got]] = deque()
        self._is_at_work = False
        self._worker = ThreadPoolExecutor(1, name)

    async def ask(self, do: Callable[[list[Asked]], Sequence[Got | ConsoleError]], asked: Asked) -> Got:
        """Have something done, with what others ask for; gives what came of it.

        Args:
            do: does what some ask for, in one transaction; gives in their order what came of each.
            asked: what is asked for.

        Raises:
            Throttled: if too many are waiting.
            Busy: if the database is.
            ConsoleError: whatever else came of it.
        """
        with self.arrivals.admitted():
            one = _Waiting[Asked, Got](asked, do, Future())
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
            self._do(together)
            if len(together) > 1:
                time.sleep(max(0.0, GATHER_SECONDS - (time.monotonic() - begun)))

    def _next(self) -> list[_Waiting[Asked, Got]]:
        """Take those who come next; of two that come from one agent, the second has to wait."""
        together: list[_Waiting[Asked, Got]] = []
        later: list[_Waiting[Asked, Got]] = []
        present: set[str] = set()
        weight = 0
        while self._waiting and len(together) < TOGETHER_MAX and weight < WEIGHT_TOGETHER_MAX:
            one = self._waiting.popleft()
            agent = self._agent_of(one.asked)
            if agent in present:
                later.append(one)
            elif one.outcome.set_running_or_notify_cancel():
                together.append(one)
                present.add(agent)
                weight += self._weight_of(one.asked)
        self._waiting.extendleft(reversed(later))
        return together

    def _do(self, together: list[_Waiting[Asked, Got]]) -> None:
        try:
            outcomes = together[0].do([one.asked for one in together])
        except Exception as error:  # noqa: BLE001  (handed to whoever waits for it)
            is_busy = isinstance(error, Busy) and not isinstance(error, Collided)
            if len(together) == 1 or is_busy:
                for one in together:
                    one.outcome.set_exception(error)
                return
            # It may be one of them alone: the others must not suffer for it.
            log.warning("done one by one", agents=len(together), reason=str(error))
            for one in together:
                self._do([one])
            return
        for one, outcome in zip(together, outcomes, strict=True):
            one.outcome.set_result(outcome)
