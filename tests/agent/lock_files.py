"""Restic's locks, written as any process on any machine might have left them."""

import base64
import hashlib
import json
from datetime import UTC, datetime

from tandem.decoding import decode
from tandem.restic import process
from tandem.restic.engine import Engine
from tandem.restic.process import RepositoryAccess
from tests.restic.quick_repository import _seal  # pyright: ignore[reportPrivateUsage]


def write_lock(
    engine: Engine,
    repository: RepositoryAccess,
    *,
    host: str,
    pid: int,
    time: datetime | None = None,
    is_exclusive: bool = False,
) -> str:
    """Leave a lock in a local repository; gives its id."""
    content = {
        "time": (time or datetime.now(UTC)).isoformat(),
        "exclusive": is_exclusive,
        "hostname": host,
        "username": "somebody",
        "pid": pid,
        "uid": 0,
        "gid": 0,
    }
    sealed = _seal(master_key(engine, repository), json.dumps(content).encode())
    lock_id = hashlib.sha256(sealed).hexdigest()
    with open(f"{repository.location}/locks/{lock_id}", "wb") as file:  # noqa: PTH123 - a repository is named by a text
        file.write(sealed)
    return lock_id


def master_key(engine: Engine, repository: RepositoryAccess) -> bytes:
    """Give the 64 bytes that open all of a local repository."""
    shown = process.run(engine, ["cat", "masterkey", "--no-lock"], repository=repository).stdout
    key = decode(shown)
    return b"".join(base64.b64decode(part) for part in (key["encrypt"], key["mac"]["k"], key["mac"]["r"]))
