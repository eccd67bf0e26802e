"""Sample documents, so that there is something to protect on a machine that has nothing."""

from __future__ import annotations

import random
from pathlib import Path

SEED = 7
REPORTS = 40
PHOTOS = 8
PHOTO_BYTES = 256 * 1024
WORDS = ("backup", "copy", "point", "share", "office", "invoice", "order", "project", "plan", "north", "spring")


def make_samples(folder: Path) -> Path:
    """Make a folder of sample documents if it is not there; gives the folder."""
    if folder.exists():
        return folder
    draft = folder.with_name(f".{folder.name}.draft")
    chance = random.Random(SEED)  # noqa: S311  (sample texts, no secrets)
    for number in range(REPORTS):
        year = draft / "Reports" / str(2020 + number % 5)
        year.mkdir(parents=True, exist_ok=True)
        text = " ".join(chance.choices(WORDS, k=2_000))
        (year / f"Report {number + 1:02}.txt").write_text(text, encoding="utf-8")
    photos = draft / "Photos"
    photos.mkdir(parents=True, exist_ok=True)
    for number in range(PHOTOS):
        (photos / f"Façade {number + 1}.raw").write_bytes(chance.randbytes(PHOTO_BYTES))
    (draft / "Read me.txt").write_text("These documents were made to try Tandem with.\n", encoding="utf-8")
    draft.rename(folder)
    return folder
