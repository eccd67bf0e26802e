"""The packs of a repository: which of them a check found lost or damaged, and setting damaged ones aside."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_PACK = re.compile(r"\bpack\b.*?\b([0-9a-f]{64})\b", re.IGNORECASE)
_LOST = re.compile(r"does not exist|no such file|not exist", re.IGNORECASE)
# Beside restic's own folders: restic leaves it alone.
ASIDE = "damaged-packs"


@dataclass(frozen=True, slots=True)
class DamagedPacks:
    """What a check said of packs, by their ids.

    Attributes:
        lost: they are not there.
        damaged: they are there and do not read back.
        others: findings that are not about a pack.
    """

    lost: frozenset[str]
    damaged: frozenset[str]
    others: tuple[str, ...]


def parse(findings: Iterable[str]) -> DamagedPacks:
    """Read which packs a check's findings are about."""
    lost: set[str] = set()
    damaged: set[str] = set()
    others: list[str] = []
    for line in findings:
        match = _PACK.search(line)
        if match is None:
            others.append(line)
        elif _LOST.search(line):
            lost.add(match[1])
        else:
            damaged.add(match[1])
    return DamagedPacks(frozenset(lost), frozenset(damaged - lost), tuple(others))


def is_intact(repository: Path, pack_id: str) -> bool:
    """Say whether a local pack is what its name says, the SHA-256 of its content; one that is gone is not."""
    try:
        with _path(repository, pack_id).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == pack_id
    except FileNotFoundError:
        return False


def set_aside(repository: Path, pack_id: str) -> None:
    """Move a damaged local pack out of restic's sight; nothing of it is lost. One that is gone is no error."""
    aside = repository / ASIDE
    aside.mkdir(mode=0o700, exist_ok=True)
    try:
        _path(repository, pack_id).rename(aside / pack_id)
    except FileNotFoundError:
        return


def put_back(repository: Path, pack_id: str) -> None:
    """Undo `set_aside`; safe to repeat."""
    try:
        (repository / ASIDE / pack_id).rename(_path(repository, pack_id))
    except FileNotFoundError:
        return


def drop_set_aside(repository: Path) -> int:
    """Delete what was set aside, once nothing needs it; gives how many packs that were."""
    aside = repository / ASIDE
    packs = list(aside.iterdir()) if aside.is_dir() else []
    for pack in packs:
        pack.unlink()
    return len(packs)


def _path(repository: Path, pack_id: str) -> Path:
    return repository / "data" / pack_id[:2] / pack_id
