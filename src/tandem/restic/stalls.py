"""Noticing that restic does nothing any more: a peer that vanished without a word leaves it waiting for very long."""

import os
import time
from pathlib import Path

STALL_SECONDS = 120.0

_STEPS = 4
# A link of a thousand bytes a second is slow, but not stalled.
_BYTES_PER_SECOND_MIN = 100.0
_CPU_SHARE_MIN = 0.05


class StallWatch:
    """Compares, step by step, what a process has read, written and computed; what it tells us does not count."""

    def __init__(self, pid: int, seconds: float) -> None:
        """Begin to watch a process; it is stalled after `seconds` in which next to nothing happened."""
        self.seconds = seconds
        self.is_stalled = False
        self._pid = pid
        self._told = 0
        self._active_at = self._looked_at = time.monotonic()
        self._before = (0, 0.0)

    def note_output(self, length: int) -> None:
        """Note that the process told us something: progress that stands still is no activity."""
        self._told += length

    def look(self) -> bool:
        """Say whether the process is stalled; cheap enough to be asked all the time."""
        now = time.monotonic()
        passed = now - self._looked_at
        if self.is_stalled or passed < self.seconds / _STEPS:
            return self.is_stalled
        activity = self._activity()
        moved, computed = activity[0] - self._before[0], activity[1] - self._before[1]
        if moved >= _BYTES_PER_SECOND_MIN * passed or computed >= _CPU_SHARE_MIN * passed:
            self._active_at = now
        self._looked_at, self._before = now, activity
        self.is_stalled = now - self._active_at >= self.seconds
        return self.is_stalled

    def _activity(self) -> tuple[int, float]:
        """Give the bytes that it has read and written, and its seconds of computing."""
        try:
            numbers = Path(f"/proc/{self._pid}/io").read_text(encoding="ascii").split()
            # proc(5): behind the program's name, which may hold anything, the 12th and 13th field.
            fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return self._before  # it has ended
        ticks = sum(int(field) for field in fields.split()[11:13])
        return int(numbers[1]) + int(numbers[3]) - self._told, ticks / os.sysconf("SC_CLK_TCK")
