"""Encryption passwords: what repositories are encrypted with, known by their hints."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.lookup import (
    BACKUP_SERVERS,
    COMPANIES,
    ENCRYPTION_PASSWORDS,
    SERVERS,
    find,
    find_server,
    rows_of_servers,
)
from tandem.cli.options import AsJson, Data, PasswordFile, Server, Yes, confirm, read_password, signed_in
from tandem.cli.output import Column, Row, moment, say, show_json, show_table

app = typer.Typer(help="Encryption passwords: what repositories are encrypted with.", no_args_is_help=True)


@app.command("list")
def list_passwords(*, server: Server = None, as_json: AsJson = False, data: Data = None) -> None:
    """List encryption passwords by their hints; the passwords are shown nowhere."""
    with signed_in(data) as client:
        servers = [find(client, SERVERS, server)] if server else list(client.pages(SERVERS.path))
        found = rows_of_servers(client, ENCRYPTION_PASSWORDS, servers)
    if as_json:
        show_json([row for _server, row in found])
        return
    columns = [Column("Hint"), Column("Server"), Column("Company"), Column("Changed"), Column("Uid")]
    show_table(
        columns,
        (
            (
                row["hint"],
                name,
                row["mappedOrganizationName"],
                moment(row["modificationTime"]),
                row["instanceUid"],
            )
            for name, row in found
        ),
        empty="There is no encryption password yet. Add one with: tandem passwords create HINT",
    )


@app.command("create")
def create_password(
    hint: Annotated[str, typer.Argument(metavar="HINT", help="What people know it by; everybody who may see it does.")],
    *,
    server: Server = None,
    company: Annotated[
        str | None, typer.Option(metavar="NAME", help="The company that is to see it, by name or uid.")
    ] = None,
    unique_id: Annotated[str | None, typer.Option(metavar="TEXT", help="An id of your own for it.")] = None,
    password_file: PasswordFile = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Add an encryption password to a backup server; it is asked for, and never shown again."""
    with signed_in(data) as client:
        chosen = find_server(client, server)
        body: Row = {"hint": hint, "uniqueId": unique_id}
        if company is not None:
            body["mappedOrganizationUid"] = find(client, COMPANIES, company)["instanceUid"]
        body["password"] = read_password(password_file, f'Encryption password "{hint}"', is_new=True)
        row = client.post(f"{BACKUP_SERVERS}/{chosen['instanceUid']}/encryptionPasswords", body)
    if as_json:
        show_json(row)
    else:
        text = f"Added the encryption password {row['hint']} to {chosen['name']} ({row['instanceUid']})."
        say(f"{text} Keep a copy of it elsewhere: nobody can read it here.")


@app.command("delete")
def delete_password(
    hint: Annotated[str, typer.Argument(metavar="HINT", help="Hint or uid; never the password itself.")],
    *,
    server: Server = None,
    yes: Yes = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Delete an encryption password that no repository uses."""
    with signed_in(data) as client:
        chosen = find_server(client, server)
        row = find(client, ENCRYPTION_PASSWORDS, hint, server_uid=chosen["instanceUid"])
        confirm(f"Delete the encryption password {row['hint']} of {chosen['name']}?", is_certain=yes)
        client.delete(f"{BACKUP_SERVERS}/{chosen['instanceUid']}/encryptionPasswords/{row['instanceUid']}")
    if as_json:
        show_json({})
    else:
        say(f"Deleted the encryption password {row['hint']} of {chosen['name']}.")
