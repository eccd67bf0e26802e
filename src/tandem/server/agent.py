"""The commands of a backup server's agent: enrolling it, and running it."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem import config
from tandem.agent.console_link import enrol
from tandem.agent.main import run_agent
from tandem.server.folders import agent_folder
from tandem.server.logs import configure_logs
from tandem.server.options import Data, LogFormat

app = typer.Typer(help="Run the agent of a backup server.", no_args_is_help=True)


@app.command("enroll")
def enroll(
    *,
    console: Annotated[str, typer.Option(help="URL of the console, such as https://backup.example:1280.")],
    token: Annotated[str, typer.Option(help="Single-use token, made at the console.")],
    fingerprint: Annotated[str | None, typer.Option(help="SHA-256 of the console's certificate.")] = None,
    data: Data = None,
) -> None:
    """Enrol this machine as a backup server; the console's certificate is pinned."""
    folder = agent_folder(config.load({"data": data}).data)
    identity = enrol(console.rstrip("/"), token, folder, fingerprint)
    text = f"Enrolled as backup server {identity.backup_server_uid}. Now run: tandem agent run --data {folder.parent}"
    typer.echo(text)


@app.command("run")
def run(
    *,
    data: Data = None,
    restic: Annotated[str | None, typer.Option(help="The restic program.")] = None,
    console: Annotated[str | None, typer.Option(help="URL of the console, if it has moved since.")] = None,
    log_format: LogFormat = None,
) -> None:
    """Run the agent until it is told to end."""
    settings = config.load({"data": data, "restic": restic, "log_format": log_format})
    configure_logs(settings.log_format)
    raise typer.Exit(run_agent(agent_folder(settings.data), settings.restic, console))
