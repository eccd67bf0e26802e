"""The command `tandem`: all that works through the API, and how errors look on a command line."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from tandem.cli import (
    backup_servers,
    companies,
    credentials,
    encryption_passwords,
    file_shares,
    jobs,
    reports,
    repositories,
    restore_points,
    sessions,
    users,
)
from tandem.cli.login import login, logout
from tandem.cli.output import note
from tandem.client.errors import ApiError
from tandem.domain.errors import ConsoleError


class ErrorsAsLines(TyperGroup):
    """Tells an error of ours in one line on stderr and ends with exit code 1; faults keep their traces."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for."""
        try:
            return super().invoke(ctx)
        except (ApiError, ConsoleError) as error:
            note(f"tandem: {' '.join(error.message.split())}")
            raise typer.Exit(1) from error


app = typer.Typer(
    name="tandem",
    cls=ErrorsAsLines,
    help="Back up file shares, keep a second copy of each, and restore from either.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(login)
app.command()(logout)
app.add_typer(companies.app, name="companies")
app.add_typer(users.app, name="users")
app.add_typer(backup_servers.app, name="servers")
app.add_typer(repositories.app, name="repositories")
app.add_typer(credentials.app, name="credentials")
app.add_typer(encryption_passwords.app, name="passwords")
app.add_typer(file_shares.app, name="shares")
app.add_typer(jobs.app, name="jobs")
app.add_typer(sessions.app, name="sessions")
app.add_typer(restore_points.app, name="points")
app.command()(restore_points.restore)
app.add_typer(reports.app, name="reports")
