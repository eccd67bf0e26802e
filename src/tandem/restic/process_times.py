"""When a process began, which tells it from another that has got the same id since."""

from __future__ import annotations

from pathlib import Path

_START_TICKS_FIELD = 19


def start_ticks(pid: int) -> int | None:
    """Give when a process began, in clock ticks since the machine started; None if it has ended."""
    # proc(5): the 22nd field, counted behind the program's name, which may hold anything.
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else int(fields[_START_TICKS_FIELD])
