"""How far a restore is, where restic does not say so: from how much there is already."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from tandem.domain.sessions import Progress
from tandem.restic.restore import measure

LOOK_EVERY_SECONDS = 1.0
# Of many small files the look itself takes long: it must not take a notable part of the time.
PAUSES_PER_LOOK = 10
# What is written is then read back.
PERCENT_MAX = 99.0


@contextmanager
def watched(folder: Path, bytes_total: int, show: Callable[[Progress], None]) -> Generator[None]:
    """Show how a folder grows, as long as the `with` lasts.

    Args:
        folder: what grows; it may not be there yet.
        bytes_total: what it will hold in the end, 0 if that is not known.
        show: called with the progress.
    """
    is_over = Event()
    thread = Thread(target=_watch, args=(folder, bytes_total, show, is_over), name="growth", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _watch(folder: Path, bytes_total: int, show: Callable[[Progress], None], is_over: Event) -> None:
    pause = LOOK_EVERY_SECONDS
    while not is_over.wait(pause):
        began = time.monotonic()
        files, size = measure(folder)
        pause = max(LOOK_EVERY_SECONDS, PAUSES_PER_LOOK * (time.monotonic() - began))
        percent = min(PERCENT_MAX, 100.0 * size / bytes_total) if bytes_total else 0.0
        show(Progress(percent=round(percent, 1), files_done=files, bytes_done=size, bytes_total=bytes_total))
