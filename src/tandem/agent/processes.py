"""The restic processes that this agent starts, and the proof that one of them is dead."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from tandem.agent.remembered import StartedProcess
from tandem.agent.state import State
from tandem.restic.locks import Lock
from tandem.restic.process import Control
from tandem.restic.process_times import start_ticks

# A lock is dated by restic itself, later than the start of its process; the clock may have been set since.
CLOCK_TOLERANCE = timedelta(seconds=5)
REMEMBERED_FOR = timedelta(days=90)


class Processes:
    """Remembers each restic process before it can take a lock."""

    def __init__(self, state: State, clock: Callable[[], datetime]) -> None:
        """Begin; processes of long ago are forgotten."""
        self._state = state
        self._clock = clock
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        # How many have been started.
        self.count = 0
        state.drop_processes(clock() - REMEMBERED_FOR)

    def control(self, stop: Event, on_count: Callable[[], None]) -> Control:
        """Give what a run of restic is watched with; `on_count` is called for each process started."""

        def note(pid: int) -> None:
            self.count += 1
            on_count()
            started = StartedProcess(
                pid=pid,
                start_ticks=start_ticks(pid) or 0,
                boot_id=self._boot_id,
                host_name=socket.gethostname(),
                started_at=self._clock(),
            )
            self._state.add_process(started)

        return Control(on_start=note, stop=stop)

    def is_ours_and_dead(self, lock: Lock) -> bool:
        """Say whether a lock was taken by a process that we started, on this machine, and that has ended.

        The holder's host, process id and time must be those of a process that we remember starting; it is dead if
        no process has its id, or only one that began after the lock was made. An id comes around again: a living
        process that was there when the lock was made is its holder, whoever had the id before.
        """
        if lock.hostname != socket.gethostname():
            return False
        ours = [
            process
            for process in self._state.processes(lock.pid)
            if process.host_name == lock.hostname and process.started_at - CLOCK_TOLERANCE <= lock.time
        ]
        return bool(ours) and not self._is_alive(lock, ours)

    def _is_alive(self, lock: Lock, ours: list[StartedProcess]) -> bool:
        ticks = start_ticks(lock.pid)
        if ticks is None:
            return False
        if any(process.boot_id == self._boot_id and process.start_ticks == ticks for process in ours):
            return True
        return _instant(ticks) <= lock.time + CLOCK_TOLERANCE


def _instant(ticks: int) -> datetime:
    # proc(5): ticks count from the start of the machine, "btime" is when that was.
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    (started,) = (int(line.split()[1]) for line in lines if line.startswith("btime "))
    return datetime.fromtimestamp(started + ticks / os.sysconf("SC_CLK_TCK"), UTC)
