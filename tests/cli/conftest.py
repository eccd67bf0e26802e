"""A console as its operator starts it, an agent's stand-in, and the command line."""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path

import pytest

from tandem.cli import following
from tandem.client import Client
from tandem.client.errors import ApiError
from tandem.domain.sessions import SessionState
from tests.cli.command_line import PASSWORD, TANDEM, Cli, RunningConsole
from tests.cli.standin_agent import StandInAgent

START_SECONDS_MAX = 60
LOOK_EVERY_SECONDS = 0.05


@pytest.fixture(scope="session", autouse=True)
def _looking_often() -> Generator[None]:
    """Commands that wait look more often than they would for people."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(following, "PAUSE_SECONDS", 0.05)
        yield


@pytest.fixture(scope="session")
def running_console(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningConsole]:
    """A console with a database of its own; each of pytest's processes that asks has one."""
    data = tmp_path_factory.mktemp("console")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "TANDEM_ADMIN_PASSWORD": PASSWORD}
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [TANDEM, "console", "--data", data, "--port", str(port)], env=environment, stdout=log, stderr=log
        )
    try:
        url = f"https://localhost:{port}"
        certificate = data / "console" / "certificate.pem"
        _wait_until_it_answers(process, url, certificate)
        yield RunningConsole(url, certificate.read_text(), data)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def cli(running_console: RunningConsole, tmp_path: Path) -> Cli:
    """The command line, nobody signed in."""
    return Cli(tmp_path / "data", running_console)


@pytest.fixture(scope="session")
def admin(running_console: RunningConsole, tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """The command line of the provider's administrator."""
    return Cli(tmp_path_factory.mktemp("admin"), running_console).log_in()


@pytest.fixture(scope="session")
def working_agent(admin: Cli, tmp_path_factory: pytest.TempPathFactory) -> Generator[StandInAgent]:
    """A connected agent of the backup server `filer`."""
    token = admin.json("servers", "token", "filer")["token"]
    agent = StandInAgent(admin.console.url, token, tmp_path_factory.mktemp("agent"))
    agent.start()
    yield agent
    agent.stop()


@pytest.fixture
def agent(working_agent: StandInAgent) -> StandInAgent:
    """A connected agent that does all it is told."""
    working_agent.answer_with(SessionState.SUCCESS)
    return working_agent


def _wait_until_it_answers(process: subprocess.Popen[bytes], url: str, certificate: Path) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while True:
        assert time.monotonic() < end, "The console took too long to start."
        assert process.poll() is None, "The console ended by itself."
        try:
            with Client(url, certificate.read_text()) as client:
                client.sign_in("admin", PASSWORD)
        except (FileNotFoundError, ApiError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_EVERY_SECONDS)
        else:
            return
