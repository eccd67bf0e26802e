"""The command line, run in this process as if it were typed."""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple, Self

from typer.testing import CliRunner, Result

from tandem.__main__ import app
from tandem.client.certificates import fingerprint

PASSWORD = "correct horse battery"
TANDEM = Path(sys.executable).parent / "tandem"


class RunningConsole(NamedTuple):
    """A console that answers: its address, its certificate, its data folder."""

    url: str
    certificate: str
    data: Path

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate)


class Cli:
    """The command line of somebody whose sign-in is kept in a folder."""

    def __init__(self, data: Path, console: RunningConsole) -> None:
        self.data = data
        self.console = console

    @property
    def session_file(self) -> Path:
        return self.data / "cli" / "session.json"

    def run(self, *arguments: str, text: str = "") -> Result:
        return CliRunner(env={"TANDEM_DATA": str(self.data)}).invoke(app, list(arguments), input=text)

    def succeeds(self, *arguments: str, text: str = "") -> str:
        """Run a command that must succeed; gives what it prints."""
        result = self.run(*arguments, text=text)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str, text: str = "") -> Any:
        """Run a command that must succeed, for programs: JSON and nothing else on stdout."""
        return json.loads(self.succeeds(*arguments, "--json", text=text))

    def fails(self, *arguments: str, text: str = "") -> str:
        """Run a command that must fail as errors do; gives its one line."""
        result = self.run(*arguments, text=text)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("tandem: ")
        assert result.stderr.count("\n") == 1
        return result.stderr

    def is_misused(self, *arguments: str) -> str:
        """Run a command whose options are wrong; gives what it says, on one line."""
        result = self.run(*arguments)
        assert result.exit_code == 2, result.output
        assert result.stdout == ""
        return " ".join(result.stderr.replace("│", " ").split())

    def log_in(self, user: str = "admin", password: str = PASSWORD) -> Self:
        arguments = ("login", "--console", self.console.url, "--user", user)
        self.succeeds(*arguments, "--fingerprint", self.console.fingerprint, text=f"{password}\n")
        return self
