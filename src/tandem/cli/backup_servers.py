"""Backup servers: the machines that hold shares and repositories, and the tokens that let their agents in."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from tandem.cli.limits import limit_server
from tandem.cli.lookup import BACKUP_SERVERS, ORGANIZATIONS, SERVERS, find, names_of
from tandem.cli.options import AsJson, Data, signed_in
from tandem.cli.output import Column, Row, moment, note, say, show_fields, show_json, show_table
from tandem.client import Client
from tandem.client.certificates import fingerprint

app = typer.Typer(help="Backup servers: the machines whose agents do the work.", no_args_is_help=True)

MINUTES_DEFAULT = 60
AGENT_DATA = "/var/lib/tandem"


@app.command("list")
def list_servers(*, as_json: AsJson = False, data: Data = None) -> None:
    """List backup servers."""
    with signed_in(data) as client:
        rows: list[Row] = list(client.pages(SERVERS.path))
        organizations = {} if as_json else names_of(client, ORGANIZATIONS)
    if as_json:
        show_json(rows)
        return
    columns = [Column("Name"), Column("Status"), Column("Organization"), Column("Version")]
    show_table(
        columns,
        (
            (
                row["name"],
                row["status"],
                organizations.get(row["organizationUid"], row["organizationUid"]),
                row["displayVersion"],
            )
            for row in rows
        ),
        empty="There is no backup server yet. Get a token for one with: tandem servers token NAME",
    )


@app.command("show")
def show_server(
    server: Annotated[str, typer.Argument(metavar="SERVER", help="Name or uid.")],
    *,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show a backup server."""
    with signed_in(data) as client:
        row = find(client, SERVERS, server)
    if as_json:
        show_json(row)
        return
    show_fields(
        [
            ("Name", row["name"]),
            ("Status", row["status"]),
            ("Version", row["displayVersion"]),
            ("Organization", row["organizationUid"]),
            ("Installation", row["installationUid"]),
            ("Uid", row["instanceUid"]),
        ]
    )


@app.command("collect")
def collect(
    server: Annotated[str, typer.Argument(metavar="SERVER", help="Name or uid.")],
    *,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Have a backup server report its repositories as they are now."""
    with signed_in(data) as client:
        row = find(client, SERVERS, server)
        client.post(f"{BACKUP_SERVERS}/{row['instanceUid']}/collect")
    if as_json:
        show_json({})
    else:
        say(f"{row['name']} was asked; it reports within seconds, or minutes if its repositories are large.")


@app.command("token")
def create_token(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name that the backup server will have.")],
    *,
    organization: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose it will be, by name or uid; else your own organization."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="For a new agent of the backup server that has this name or uid.")
    ] = False,
    minutes: Annotated[int, typer.Option(min=1, help="How long the token is good for.")] = MINUTES_DEFAULT,
    agent_data: Annotated[
        str, typer.Option(metavar="FOLDER", help="Where the agent will keep its data, on the backup server.")
    ] = AGENT_DATA,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Get a token that lets one agent in, once, and the command to run on the backup server."""
    with signed_in(data) as client:
        body: Row = {"name": name, "lifetimeMinutes": minutes}
        if organization is not None:
            body["organizationUid"] = find(client, ORGANIZATIONS, organization)["instanceUid"]
        if replace:
            body["backupServerUid"] = find(client, SERVERS, name)["instanceUid"]
        made = client.post(f"{BACKUP_SERVERS}/enrolmentTokens", body)
        command = enrol_command(client, made["token"], agent_data)
    if as_json:
        show_json({**made, "command": command})
        return
    note(f"On the backup server, until {moment(made['expirationTime'])} and once only:")
    say(command)


def enrol_command(client: Client, token: str, agent_data: str) -> str:
    """Give the command that lets an agent in, with the certificate that it is to trust."""
    words = ["tandem", "agent", "enroll", "--console", client.console, "--token", token]
    if client.certificate_pem is not None:
        words += ["--fingerprint", fingerprint(client.certificate_pem)]
    return shlex.join([*words, "--data", agent_data])


app.command("limits")(limit_server)
