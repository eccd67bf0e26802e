"""Typing what a page tells an administrator to do, word for word."""

import re
import subprocess
from pathlib import Path

from tests.running import environment

Page = dict[str, list[str]]
# These go on until they are told to end.
_ENDLESS = re.compile(r"^(tandem (?:console|agent run) .*)$", re.MULTILINE)


def blocks(page: Path) -> Page:
    """Give the commands of a page by heading."""
    found: Page = {}
    heading = ""
    for part in re.split(r"^(#.*|```sh\n[^`]*^```)$", page.read_text(), flags=re.MULTILINE):
        if part.startswith("#"):
            heading = part.strip("# ")
        elif part.startswith("```sh\n"):
            found.setdefault(heading, []).append(part.removeprefix("```sh\n").removesuffix("```"))
    return found


def type_commands(block: str, folder: Path, **variables: str) -> str:
    """Run commands as a person does, up to the first that fails; gives what they print.

    Args:
        block: the commands; those that are endless go on, with their process ids in the folder's file `pids`.
        folder: where they are typed.
        variables: what the shell knows.
    """
    script = _ENDLESS.sub(rf"\1 >> {folder}/log 2>&1 & echo $! >> {folder}/pids", block)
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=folder,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout
