"""Watching the machine's clock: retention goes by it, so a jump puts every job on hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock

import structlog

from tandem.agent import holds
from tandem.agent.state import State
from tandem.domain.holds import ClockLook, judge_clock
from tandem.protocol.messages import Configuration

# Each look is kept in memory; after a crash the newest that was written down counts.
WRITE_EVERY = timedelta(minutes=1)
SUBJECT = "clock"

log = structlog.get_logger()


def uptime() -> tuple[float, str]:
    """Give the seconds since the machine's boot, sleep included, and the boot's id."""
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return time.clock_gettime(time.CLOCK_BOOTTIME), boot_id


class ClockWatch:
    """Compares the clock with the time that has passed since the last look."""

    def __init__(self, state: State, clock: Callable[[], datetime], passed: Callable[[], tuple[float, str]]) -> None:
        """Begin with the last look that was written down.

        Args:
            state: the agent's memory.
            clock: the time of day; it may be set.
            passed: the seconds since the boot and the boot's id; nobody sets these.
        """
        self._state = state
        self._clock = clock
        self._passed = passed
        self._lock = Lock()
        self._last = state.note(SUBJECT, ClockLook)
        self._written = self._last

    def look(self, configuration: Configuration | None) -> None:
        """Look at the clock; put the file share jobs on hold if it was set."""
        if configuration is None:
            return
        with self._lock:
            look = ClockLook(self._clock(), *self._passed())
            cause = judge_clock(self._last, look)
            self._last = look
            if cause is not None:
                log.warning("clock changed", message=cause.message)
            elif self._written is not None and abs(look.now - self._written.now) < WRITE_EVERY:
                return
            with self._state.transaction():
                self._state.put_note(SUBJECT, look)
                for job in configuration.jobs:
                    if cause is not None and not job.is_copy:
                        holds.add_causes(self._state, job.uid, [cause])
            self._written = look
