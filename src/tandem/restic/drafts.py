"""Files that restic began to write in a local repository and never finished, as it was killed."""

import contextlib
import re
from datetime import UTC, datetime
from pathlib import Path

# restic, internal/backend/local: the name that the file is to have, and a random number.
_DRAFT = re.compile(r"[0-9a-f]{64}-tmp-[0-9]+")


def remove(repository: Path, before: datetime) -> None:
    """Remove the drafts that were last written to before an instant."""
    for path in repository.rglob("*-tmp-*"):
        with contextlib.suppress(FileNotFoundError):  # finished or removed meanwhile
            if _DRAFT.fullmatch(path.name) and datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                path.unlink()
