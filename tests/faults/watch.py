"""Looks at every process of this machine, all the time, for a secret in how it was called or in its environment."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

LOOK_EVERY_SECONDS = 0.05
LOOKS_PER_PROCESS = 3


class Watch:
    """Notes where a secret was seen."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    @contextmanager
    def watching(self) -> Generator[None]:
        """Look until the block is left; fails if the secret was seen."""
        ended, seen = Event(), set[str]()
        watcher = Thread(target=self._watch, args=(ended, seen), daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
        assert seen == set(), f"a process shows a secret: {', '.join(sorted(seen))}"

    def _watch(self, ended: Event, seen: set[str]) -> None:
        looked_at: dict[str, int] = {}
        while not ended.wait(LOOK_EVERY_SECONDS):
            there = {name for name in os.listdir("/proc") if name.isdigit() and name != str(os.getpid())}  # noqa: PTH208
            # More than once: between its start and its program's, a process shows what its parent is.
            for name in there:
                if looked_at.get(name, 0) < LOOKS_PER_PROCESS:
                    for what in ("cmdline", "environ"):
                        self._look(Path("/proc") / name, what, seen)
            looked_at = {name: looked_at.get(name, 0) + 1 for name in there}

    def _look(self, process: Path, what: str, seen: set[str]) -> None:
        try:
            if self._secret in (process / what).read_bytes():
                seen.add(f"{what} of {(process / 'comm').read_text().strip()}")
        except OSError:
            return  # It has ended, or is somebody else's.
