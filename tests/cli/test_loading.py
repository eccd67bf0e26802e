"""What a command loads: nobody waits for parts that only other commands need."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tandem.__main__ import COMMANDS, PROCESSES

CONSOLE = {"tandem.api", "tandem.actions", "tandem.store", "sqlalchemy", "alembic", "granian"}
AGENT = {"tandem.agent", "tandem.restic"}


# What was imported by name is in no trace of imports: what is loaded in the end is asked for.
PROGRAM = """
import atexit, sys
from tandem.__main__ import main
atexit.register(lambda: print(*sys.modules))
main()
"""


def loaded_by(*arguments: str, data: Path) -> set[str]:
    """Give the modules that a command has loaded when it ends."""
    environment = {**os.environ, "TANDEM_DATA": str(data)}
    command = [sys.executable, "-c", PROGRAM, *arguments]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    ("command", "needed", "needless"),
    [
        ("jobs list", "tandem.client", CONSOLE | AGENT | {"tandem.server", "structlog"}),
        ("logout", "tandem.client", CONSOLE | AGENT | {"tandem.server", "structlog", "tandem.cli.lookup"}),
        ("agent run", "tandem.agent.loop", CONSOLE | {"tandem.cli.lookup"}),
        ("console --contract none", "tandem.api.app", AGENT | {"tandem.cli.lookup"}),
        ("up --port none", "tandem.server.up", CONSOLE | {"tandem.agent.loop", "tandem.cli.lookup"}),
        ("database status", "tandem.store.upgrades", AGENT | {"tandem.api", "tandem.actions", "httpx"}),
        ("config", "tandem.config", CONSOLE | AGENT | {"httpx"}),
        ("lisst", "tandem.__main__", CONSOLE | AGENT | {"tandem.server", "httpx"}),
    ],
)
def test_a_command_does_not_wait_for_what_others_need(
    command: str, needed: str, needless: set[str], tmp_path: Path
) -> None:
    loaded = loaded_by(*command.split(), data=tmp_path)

    assert needed in loaded
    assert loaded & needless == set()


def test_commands_come_from_the_layer_that_the_command_line_stands_on() -> None:
    packages = {place.rpartition(".")[0] for place in (COMMANDS | PROCESSES).values()}

    assert packages == {"tandem.cli", "tandem.server"}
