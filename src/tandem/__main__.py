"""The `tandem` command: the processes, and the commands that talk to a console."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console as Terminal
from rich.table import Column, Table

from tandem import config
from tandem.agent.console_link import enrol
from tandem.agent.main import run_agent
from tandem.cli.app import app
from tandem.domain.errors import ConsoleError
from tandem.server.console import run_console
from tandem.server.databases import finish_upgrade, show_standing, upgrade_tables
from tandem.server.logs import configure_logs
from tandem.server.reset_codes import find_reset_codes
from tandem.server.up import run_up

Data = Annotated[Path | None, typer.Option("--data", help="Folder where everything of ours is kept.")]
DatabaseUrl = Annotated[str | None, typer.Option(help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.")]
DatabaseOption = Annotated[str | None, typer.Option("--database", help="As for the console.")]
LogFormat = Annotated[str | None, typer.Option(help="console or json.")]

agent = typer.Typer(help="Run the agent of a backup server.", no_args_is_help=True)
app.add_typer(agent, name="agent", rich_help_panel="Processes")

database = typer.Typer(help="Change the tables of a database with the release.", no_args_is_help=True)
app.add_typer(database, name="database", rich_help_panel="Processes")


@app.command(rich_help_panel="Processes")
def console(
    *,
    data: Data = None,
    address: Annotated[str | None, typer.Option(help="Where to listen; 0.0.0.0 is everywhere.")] = None,
    port: Annotated[int | None, typer.Option(help="HTTPS port; 1280 by default.")] = None,
    database: DatabaseUrl = None,
    contract: Annotated[str | None, typer.Option(help="3.0 or 3.6.1: default form of the file share jobs.")] = None,
    certificate: Annotated[Path | None, typer.Option(help="PEM file; made when none is given.")] = None,
    key: Annotated[Path | None, typer.Option(help="PEM file of the certificate's private key.")] = None,
    log_format: LogFormat = None,
) -> None:
    """Run the console: the REST API over HTTPS."""
    flags = {
        "data": data,
        "address": address,
        "port": port,
        "database": database,
        "contract": contract,
        "certificate": certificate,
        "key": key,
        "log_format": log_format,
    }
    settings = config.load(flags)
    configure_logs(settings.log_format)
    run_console(settings)


@agent.command("enroll")
def agent_enroll(
    *,
    console: Annotated[str, typer.Option(help="URL of the console, such as https://backup.example:1280.")],
    token: Annotated[str, typer.Option(help="Single-use token, made at the console.")],
    fingerprint: Annotated[str | None, typer.Option(help="SHA-256 of the console's certificate.")] = None,
    data: Data = None,
) -> None:
    """Enrol this machine as a backup server; the console's certificate is pinned."""
    folder = agent_folder(data)
    identity = enrol(console.rstrip("/"), token, folder, fingerprint)
    text = f"Enrolled as backup server {identity.backup_server_uid}. Now run: tandem agent run --data {folder.parent}"
    typer.echo(text)


@agent.command("run")
def agent_run(
    *,
    data: Data = None,
    restic: Annotated[str | None, typer.Option(help="The restic program.")] = None,
    console: Annotated[str | None, typer.Option(help="URL of the console, if it has moved since.")] = None,
    log_format: LogFormat = None,
) -> None:
    """Run the agent until it is told to end."""
    settings = config.load({"data": data, "restic": restic, "log_format": log_format})
    configure_logs(settings.log_format)
    raise typer.Exit(run_agent(agent_folder(data), settings.restic, console))


@app.command(rich_help_panel="Processes")
def up(
    *,
    data: Data = None,
    port: Annotated[int | None, typer.Option(help="HTTPS port; 1280 by default.")] = None,
    share: Annotated[Path | None, typer.Option(help="Folder to protect; sample documents by default.")] = None,
    once: Annotated[bool | None, typer.Option("--once", help="End after the first backup and copy.")] = None,
) -> None:
    """Run console and agent on this machine, protect a folder twice, and show the list of copy jobs."""
    settings = config.load({"data": data, "port": port, "share": share, "once": once})
    configure_logs(settings.log_format)
    raise typer.Exit(run_up(settings))


@database.command("status")
def database_status(*, data: Data = None, url: DatabaseOption = None) -> None:
    """Show how the database stands to this release, and which processes use it."""
    for line in show_standing(config.load({"data": data, "database": url})):
        typer.echo(line)


@database.command("upgrade")
def database_upgrade(*, data: Data = None, url: DatabaseOption = None) -> None:
    """Make the database ready for this release, while consoles of the older one go on; before the new ones start."""
    typer.echo(upgrade_tables(config.load({"data": data, "database": url})))


@database.command("finish")
def database_finish(*, data: Data = None, url: DatabaseOption = None) -> None:
    """Take away what only the older release has used; after its last console has ended."""
    typer.echo(finish_upgrade(config.load({"data": data, "database": url})))


@app.command("config", rich_help_panel="Processes")
def show_config(*, data: Data = None) -> None:
    """Show every setting, its value and where it came from; secrets are masked."""
    table = Table("setting", Column("value", overflow="fold"), "from", Column("what it is", overflow="fold"))
    for origin in config.origins({"data": data}):
        table.add_row(origin.name, origin.shown, origin.origin, origin.about)
    Terminal().print(table)


@app.command("codes", rich_help_panel="Processes")
def show_reset_codes(*, data: Data = None) -> None:
    """Show the codes of those who have forgotten their passwords, to hand them on; for whoever runs the console."""
    for held in find_reset_codes(config.load({"data": data})):
        typer.echo(f"{held.user_name} <{held.email}>, good until {held.expires_at:%H:%M} UTC: {held.code}")


def agent_folder(data: Path | None) -> Path:
    """Give the agent's part of the data folder."""
    return config.load({"data": data}).data / "agent"


def main() -> None:
    """Run the command; what a user can mend is told in one line, without a trace."""
    try:
        app()
    except ConsoleError as error:
        typer.echo(f"tandem: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
