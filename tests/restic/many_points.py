"""Many points in a local repository at once: each is a file that says when a tree was saved, sealed as restic does."""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from tandem.restic import listing, process
from tandem.restic.engine import Engine
from tandem.restic.process import RepositoryAccess
from tests.agent.lock_files import master_key
from tests.restic.quick_repository import _seal  # pyright: ignore[reportPrivateUsage]


def add(engine: Engine, repository: RepositoryAccess, times: Iterable[datetime]) -> list[str]:
    """Say that the newest point's tree was saved at other times too; gives the ids of the new points."""
    folder = Path(repository.location)
    newest = max(listing.snapshot_ids(folder), key=lambda uid: (folder / "snapshots" / uid).stat().st_mtime_ns)
    shown = process.run(engine, ["cat", "snapshot", "--no-lock", newest], repository=repository).stdout
    key, made = master_key(engine, repository), json.loads(shown)
    added: list[str] = []
    for time in times:
        sealed = _seal(key, json.dumps(made | {"time": time.isoformat()}).encode())
        added.append(hashlib.sha256(sealed).hexdigest())
        (folder / "snapshots" / added[-1]).write_bytes(sealed)
    return added
