"""API keys: what programs sign in with."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.lookup import USERS, find
from tandem.cli.options import AsJson, Data, signed_in
from tandem.cli.output import Column, Row, note, say, show_json, show_table
from tandem.client import Client
from tandem.domain.logins import IdentityProvider, LoginScope

app = typer.Typer(help="API keys: what programs sign in with.", no_args_is_help=True)

Of = Annotated[str | None, typer.Option("--user", metavar="USER", help="Whose: user name or uid; else your own.")]


@app.command("list")
def list_keys(*, user: Of = None, as_json: AsJson = False, data: Data = None) -> None:
    """List API keys; what they are is shown at their creation only."""
    with signed_in(data) as client:
        rows: list[Row] = list(client.get(f"{_user_path(client, user)}/logins"))
    keys = [row for row in rows if row["identityProviderName"] == IdentityProvider.API_KEY]
    if as_json:
        show_json(keys)
        return
    columns = [Column("Id"), Column("Begins with"), Column("Description"), Column("Scopes"), Column("Access")]
    show_table(
        [*columns, Column("Status")],
        (
            (
                str(row["id"]),
                row["identifierInProvider"],
                row["description"],
                ", ".join(row["scopes"]),
                "read only" if row["isReadAccessOnly"] else "full",
                row["status"],
            )
            for row in keys
        ),
        empty="There is no API key.",
    )


@app.command("create")
def create_key(
    description: Annotated[str, typer.Argument(metavar="DESCRIPTION", help="What the key is for.")],
    *,
    user: Of = None,
    scopes: Annotated[
        list[LoginScope] | None, typer.Option("--scope", case_sensitive=False, help="What the key opens; rest if none.")
    ] = None,
    read_only: Annotated[bool, typer.Option("--read-only", help="The key changes nothing.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Make an API key and print it: it cannot be shown again."""
    query = {
        "description": description,
        "scopes": ",".join(scopes or [LoginScope.REST]),
        "isReadAccessOnly": str(read_only).lower(),
    }
    with signed_in(data) as client:
        row = client.request("POST", f"{_user_path(client, user)}/logins/apikey", query=query).json()["data"]
    if as_json:
        show_json(row)
        return
    note(f"Made the API key {row['id']}. It is shown this once; send it as: Authorization: Bearer KEY")
    say(row["parameters"])


@app.command("delete")
def delete_key(
    key: Annotated[int, typer.Argument(metavar="ID", help="The key's id, as the list shows it.")],
    *,
    user: Of = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Remove an API key; it ends at once."""
    with signed_in(data) as client:
        client.delete(f"{_user_path(client, user)}/logins/{key}")
    if as_json:
        show_json({})
    else:
        say(f"Removed the API key {key}.")


def _user_path(client: Client, user: str | None) -> str:
    row = client.get(f"{USERS.path}/me") if user is None else find(client, USERS, user)
    return f"{USERS.path}/{row['instanceUid']}"
