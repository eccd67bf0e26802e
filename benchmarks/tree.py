"""A share to protect: files of many sizes, half of them texts, half of them as dense as photos; the same each time."""

from __future__ import annotations

import os
import random
from pathlib import Path

SEED = 20_260_102
FILES_PER_FOLDER = 100
# Letters as unevenly spread as in a text: such a file shrinks to about a third.
SPREAD = {" ": 62, "e": 52, "t": 40, "a": 34, "o": 24, "i": 16, "n": 12, "s": 8, "r": 6, "\n": 2}
LETTERS = "".join(letter * times for letter, times in SPREAD.items()).encode()
READ_BYTES = 1 << 20


def make_tree(folder: Path, *, files: int, total_bytes: int, seed: int = SEED) -> None:
    """Make so many files with so many bytes in all below a new folder."""
    chance = random.Random(seed)
    weights = [chance.lognormvariate(0, 1.5) for _ in range(files)]
    unit = total_bytes / sum(weights)
    for number, weight in enumerate(weights):
        parent = folder / f"folder-{number // FILES_PER_FOLDER:03}"
        parent.mkdir(parents=True, exist_ok=True)
        content = chance.randbytes(max(1, round(weight * unit)))
        if number % 2:
            (parent / f"photo-{number:05}.raw").write_bytes(content)
        else:
            (parent / f"report-{number:05}.txt").write_bytes(content.translate(LETTERS))


def warm(folder: Path) -> None:
    """Have a folder in the page cache, and nothing left to be written out."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb", buffering=0) as content:
                while content.read(READ_BYTES):
                    pass
    os.sync()
