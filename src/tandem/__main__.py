"""The `tandem` command: every command by name, and how errors look. Only the one that is typed is loaded."""

from __future__ import annotations

import gc
import pkgutil
from collections import UserDict
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

from tandem import __version__
from tandem.cli.output import note
from tandem.domain.errors import ConsoleError

COMMANDS = {
    "login": "tandem.cli.login:login",
    "logout": "tandem.cli.login:logout",
    "restore": "tandem.cli.restore_points:restore",
    "companies": "tandem.cli.companies:app",
    "users": "tandem.cli.users:app",
    "servers": "tandem.cli.backup_servers:app",
    "repositories": "tandem.cli.repositories:app",
    "credentials": "tandem.cli.credentials:app",
    "passwords": "tandem.cli.encryption_passwords:app",
    "shares": "tandem.cli.file_shares:app",
    "jobs": "tandem.cli.jobs:app",
    "sessions": "tandem.cli.sessions:app",
    "points": "tandem.cli.restore_points:app",
    "reports": "tandem.cli.reports:app",
}
PROCESSES = {
    "console": "tandem.server.console:console",
    "up": "tandem.server.up:up",
    "config": "tandem.server.settings:show_settings",
    "codes": "tandem.server.reset_codes:show_reset_codes",
    "agent": "tandem.server.agent:app",
    "database": "tandem.server.databases:app",
}


class LazyCommands(UserDict[str, Any]):
    """Commands by name, given as places such as `tandem.cli.jobs:app`; each is loaded when it is looked up."""

    def __getitem__(self, key: str) -> Any:
        """Load a command, so that nobody waits for what only other commands need; listing all loads all."""
        # What a program is made of stays: to look through it for garbage meanwhile takes a tenth of the time.
        gc.disable()
        try:
            found = pkgutil.resolve_name(self.data[key])
        finally:
            gc.enable()
        panel = "Processes" if key in PROCESSES else None
        around = typer.Typer()
        if isinstance(found, typer.Typer):
            around.add_typer(found, name=key, rich_help_panel=panel)
        else:
            around.command(key, rich_help_panel=panel)(found)
        return get_group(around).commands[key]


class Tandem(TyperGroup):
    """Knows every command by name; tells an error of ours in one line on stderr, while faults keep their traces."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = LazyCommands(COMMANDS | PROCESSES)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for."""
        try:
            return super().invoke(ctx)
        except ConsoleError as error:
            note(f"tandem: {' '.join(error.message.split())}")
            raise typer.Exit(1) from error


app = typer.Typer(name="tandem", cls=Tandem, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)


def _show_version(is_asked: bool) -> None:  # noqa: FBT001  (typer calls it so)
    if is_asked:
        typer.echo(f"tandem {__version__}")
        raise typer.Exit


@app.callback()
def tandem(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Back up file shares, keep a second copy of each, and restore from either."""
    del version


def main() -> None:
    """Run the command that is typed."""
    app()


if __name__ == "__main__":
    main()
