"""Credentials: accounts with which a backup server's agent signs in elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tandem.cli.lookup import BACKUP_SERVERS, COMPANIES, CREDENTIALS, SERVERS, find, find_server, rows_of_servers
from tandem.cli.options import AsJson, Data, PasswordFile, Server, Yes, confirm, read_password, read_text, signed_in
from tandem.cli.output import Column, Row, moment, say, show_json, show_table

app = typer.Typer(help="Credentials: accounts with which a backup server signs in elsewhere.", no_args_is_help=True)

SSH_PORT = 22


@app.command("list")
def list_credentials(*, server: Server = None, as_json: AsJson = False, data: Data = None) -> None:
    """List credentials; what is secret is shown nowhere."""
    with signed_in(data) as client:
        servers = [find(client, SERVERS, server)] if server else list(client.pages(SERVERS.path))
        found = rows_of_servers(client, CREDENTIALS, servers)
    if as_json:
        show_json([row for _server, row in found])
        return
    columns = [Column("User name"), Column("Server"), Column("Type"), Column("Company"), Column("Created")]
    show_table(
        [*columns, Column("Description"), Column("Uid")],
        (
            (
                row["username"],
                name,
                row["type"],
                row["mappedOrganizationName"],
                moment(row["creationTime"]),
                row["description"],
                row["instanceUid"],
            )
            for name, row in found
        ),
        empty="There are no credentials yet. Add some with: tandem credentials create USERNAME",
    )


@app.command("create")
def create_credentials(
    username: Annotated[str, typer.Argument(metavar="USERNAME", help="With its domain, if it has one.")],
    *,
    server: Server = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="What they are for.")] = None,
    company: Annotated[
        str | None, typer.Option(metavar="NAME", help="The company that is to see them, by name or uid.")
    ] = None,
    linux: Annotated[bool, typer.Option("--linux", help="For a Linux machine; else for a file server.")] = False,
    ssh_port: Annotated[int, typer.Option(min=1, max=65_535, help="Of the Linux machine.")] = SSH_PORT,
    private_key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A private key, for a Linux machine; no password is asked then.")
    ] = None,
    passphrase_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The passphrase of the private key: the file's first line.")
    ] = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Add credentials to a backup server; the password is asked for, and never shown again."""
    is_linux = linux or private_key_file is not None
    with signed_in(data) as client:
        chosen = find_server(client, server)
        body: Row = {"username": username, "description": description}
        if company is not None:
            body["mappedOrganizationUid"] = find(client, COMPANIES, company)["instanceUid"]
        if is_linux:
            body["sshPort"] = ssh_port
        if private_key_file is not None:
            body["privateKey"] = read_text(private_key_file, "private key")
        if passphrase_file is not None:
            body["passphrase"] = read_text(passphrase_file, "passphrase").partition("\n")[0].removesuffix("\r")
        if private_key_file is None or password_file is not None:
            body["password"] = read_password(password_file, f"Password of {username}", is_new=False)
        kind = "linux" if is_linux else "standard"
        row = client.post(f"{BACKUP_SERVERS}/{chosen['instanceUid']}/credentials/{kind}", body)
    if as_json:
        show_json(row)
    else:
        say(f"Added the credentials {row['username']} to {chosen['name']} ({row['instanceUid']}).")


@app.command("delete")
def delete_credentials(
    credentials: Annotated[str, typer.Argument(metavar="CREDENTIALS", help="User name or uid.")],
    *,
    server: Server = None,
    yes: Yes = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Delete credentials that no share uses."""
    with signed_in(data) as client:
        chosen = find_server(client, server)
        row = find(client, CREDENTIALS, credentials, server_uid=chosen["instanceUid"])
        confirm(f"Delete the credentials {row['username']} of {chosen['name']}?", is_certain=yes)
        client.delete(f"{BACKUP_SERVERS}/{chosen['instanceUid']}/credentials/{row['instanceUid']}")
    if as_json:
        show_json({})
    else:
        say(f"Deleted the credentials {row['username']} of {chosen['name']}.")
