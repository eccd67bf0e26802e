"""The restic processes that this agent starts, and the proof that one of them is dead."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event

from tandem.agent.state import StartedProcess, State
from tandem.restic.locks import Lock
from tandem.restic.process import Control

# A lock is dated by restic itself, later than the start of its process; the clock may have been set since.
CLOCK_TOLERANCE = timedelta(seconds=5)
REMEMBERED_FOR = timedelta(days=90)
START_TICKS_FIELD = 19


class Processes:
    """Remembers each restic process before it can take a lock."""

    def __init__(self, state: State, clock: Callable[[], datetime]) -> None:
        """Begin; processes of long ago are forgotten."""
        self._state = state
        self._clock = clock
        self._boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        self.count = 0
        state.drop_processes(clock() - REMEMBERED_FOR)

    def control(self, stop: Event, on_count: Callable[[], None]) -> Control:
        """Give what a run of restic is watched with; `on_count` is called for each process started."""

        def note(pid: int) -> None:
            on_count()
            started = StartedProcess(
                pid=pid,
                start_ticks=_start_ticks(pid) or 0,
                boot_id=self._boot_id,
                host_name=socket.gethostname(),
                started_at=self._clock(),
            )
            self._state.add_process(started)

        return Control(on_start=note, stop=stop)

    def is_ours_and_dead(self, lock: Lock) -> bool:
        """Say whether a lock was taken by a process that we started, on this machine, and that has ended.

        The holder's host, process id and time must be those of a process that we remember starting; it is dead if
        the machine was started anew since, or no process, or another one, has its id.
        """
        if lock.hostname != socket.gethostname():
            return False
        ours = [
            process
            for process in self._state.processes(lock.pid)
            if process.host_name == lock.hostname and process.started_at - CLOCK_TOLERANCE <= lock.time
        ]
        return bool(ours) and not any(self._is_alive(process) for process in ours)

    def _is_alive(self, process: StartedProcess) -> bool:
        return process.boot_id == self._boot_id and _start_ticks(process.pid) == process.start_ticks


def _start_ticks(pid: int) -> int | None:
    # proc(5): the 22nd field, counted behind the program's name, which may hold anything.
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[START_TICKS_FIELD])
