"""The agents that wait for something to hear: one look at the database for all of them, several times a second."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from threading import Event, Lock, Thread

import anyio
import structlog

from tandem.actions.context import Context
from tandem.domain.errors import ConsoleError
from tandem.store import agent_news
from tandem.store.database import Connection

LOOK_EVERY_SECONDS = 0.25
# So many looks are taken for a note whose serial was skipped: its transaction goes on, or was undone.
MISSING_LOOKS = 240
MISSING_MAX = 1_000
LOOKS_FOR_NOBODY_MAX = 2

log = structlog.get_logger()


class Listener:
    """One agent that waits."""

    def __init__(self, begin_watch: Callable[[], None], stopping: Event) -> None:
        """Begin, in the loop that will wait."""
        self._loop = asyncio.get_running_loop()
        self._woken = asyncio.Event()
        self._begin_watch = begin_watch
        self._stopping = stopping

    async def wait(self, until: float) -> bool:
        """Wait for news until an instant of the loop's clock; False if there was none, or the process is to end."""
        left = until - anyio.current_time()
        if left <= 0 or self._stopping.is_set():
            return False
        self._begin_watch()
        try:
            await asyncio.wait_for(self._woken.wait(), left)
        except TimeoutError:
            return False
        self._woken.clear()
        return not self._stopping.is_set()

    def wake(self) -> None:
        """Wake it, from any thread."""
        try:
            self._loop.call_soon_threadsafe(self._woken.set)
        except RuntimeError:
            log.debug("a listener has gone")  # Its loop is closed.


class AgentListeners:
    """Those who wait at this process."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._lock = Lock()
        self._present: dict[str, set[Listener]] = {}
        self._is_watching = False

    @contextmanager
    def listening(self, context: Context, stopping: Event, server_uid: str) -> Generator[Listener]:
        """Let a backup server's agent hear of all that is noted from now on."""
        listener = Listener(partial(self._begin_watch, context, stopping), stopping)
        with self._lock:
            self._present.setdefault(server_uid, set()).add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._present[server_uid].discard(listener)
                if not self._present[server_uid]:
                    del self._present[server_uid]

    def _begin_watch(self, context: Context, stopping: Event) -> None:
        with self._lock:
            if self._is_watching:
                return
            self._is_watching = True
        Thread(target=self._watch, args=(context, stopping), name="agents' news", daemon=True).start()

    def _watch(self, context: Context, stopping: Event) -> None:
        news = News()
        looks_for_nobody = 0
        while looks_for_nobody < LOOKS_FOR_NOBODY_MAX:
            try:
                with context.database.reading() as connection:
                    self._wake(news.look(connection))
            except ConsoleError as error:
                log.debug("news not seen", reason=error.message)  # Seen at the next look.
            if stopping.wait(LOOK_EVERY_SECONDS):
                self._wake(None)
            with self._lock:
                looks_for_nobody = 0 if self._present else looks_for_nobody + 1
                self._is_watching = looks_for_nobody < LOOKS_FOR_NOBODY_MAX

    def _wake(self, server_uids: set[str] | None) -> None:
        """Wake the agents of backup servers; None is everybody."""
        with self._lock:
            present = self._present
            heard = present if server_uids is None else [uid for uid in server_uids if uid in present]
            woken = [listener for uid in heard for listener in present[uid]]
        for listener in woken:
            listener.wake()


class News:
    """What was noted since the last look, each note once; late ones too."""

    def __init__(self) -> None:
        """Begin without having looked."""
        self._newest: int | None = None
        # Serials that were given and not seen yet, and at how many more looks they are asked for.
        self._missing: dict[int, int] = {}

    def look(self, connection: Connection) -> set[str] | None:
        """Give the backup servers with something new; None at the first look: it may be any."""
        if self._newest is None:
            self._newest = agent_news.newest_news(connection)
            return None
        found = dict(agent_news.news_since(connection, self._newest, self._missing))
        newest = max([self._newest, *found])
        self._missing = {
            serial: looks - 1 for serial, looks in self._missing.items() if looks > 1 and serial not in found
        }
        skipped = (serial for serial in range(self._newest + 1, newest) if serial not in found)
        self._missing |= dict.fromkeys(islice(skipped, MISSING_MAX), MISSING_LOOKS)
        self._newest = newest
        return set(found.values())
