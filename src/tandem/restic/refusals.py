"""What restic says when a repository lets nobody delete: an append-only server, an object lock, protected files."""

import re

_REFUSAL = re.compile(
    r"(\bremoved?\b|\bunlink\b|\bdelete).*"
    r"(\b403\b|\b405\b|forbidden|access ?denied|not permitted|permission denied|object ?lock|\bworm\b)",
    re.IGNORECASE,
)


class Refused(Exception):
    """The repository has said that it lets nothing go."""


def heed(line: str) -> None:
    """Raise Refused if a line says so: restic would try again for most of a minute, file by file."""
    if _REFUSAL.search(line):
        raise Refused(line.strip())
