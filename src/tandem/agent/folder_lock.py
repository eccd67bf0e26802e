"""One agent process on one data folder: the system's own file lock, gone with the process that holds it."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tandem.domain.errors import Conflict


@contextmanager
def hold_folder(data: Path) -> Generator[None]:
    """Hold an agent's folder; raises Conflict if another process does."""
    with (data / "agent.lock").open("w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            text = f"Another process runs the agent of {data}; stop it first."
            raise Conflict(text) from error
        yield
