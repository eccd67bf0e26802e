"""Users: who signs in."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli import keys
from tandem.cli.lookup import ORGANIZATIONS, USERS, find, names_of
from tandem.cli.options import AsJson, Data, PasswordFile, read_password, signed_in
from tandem.cli.output import Column, Row, say, show_fields, show_json, show_table
from tandem.domain.identity import Role

app = typer.Typer(help="Users: who signs in.", no_args_is_help=True)


@app.command("list")
def list_users(*, as_json: AsJson = False, data: Data = None) -> None:
    """List users."""
    with signed_in(data) as client:
        rows: list[Row] = list(client.pages(USERS.path))
        organizations = {} if as_json else names_of(client, ORGANIZATIONS)
    if as_json:
        show_json(rows)
        return
    columns = [Column("User name"), Column("Role"), Column("Organization"), Column("Status")]
    show_table(
        columns,
        (
            (
                row["userName"],
                row["role"],
                organizations.get(row["organizationUid"], row["organizationUid"]),
                row["status"],
            )
            for row in rows
        ),
        empty="There is no user that you may see.",
    )


@app.command("show")
def show_user(
    user: Annotated[str, typer.Argument(metavar="USER", help="User name or uid.")],
    *,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show a user."""
    with signed_in(data) as client:
        row = find(client, USERS, user)
    _show(row, as_json=as_json)


@app.command("me")
def show_me(*, as_json: AsJson = False, data: Data = None) -> None:
    """Show who is signed in here."""
    with signed_in(data) as client:
        row = client.get(f"{USERS.path}/me")
    _show(row, as_json=as_json)


@app.command("create")
def create_user(
    name: Annotated[str, typer.Argument(metavar="USER", help="The new user name.")],
    *,
    role: Annotated[Role, typer.Option(case_sensitive=False, help="What the user may do.")],
    organization: Annotated[
        str | None, typer.Option(metavar="NAME", help="The company, by name or uid; else your own organization.")
    ] = None,
    password_file: PasswordFile = None,
    first_name: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    last_name: Annotated[str | None, typer.Option(metavar="NAME")] = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Create a user, whose password is asked for."""
    with signed_in(data) as client:
        if organization is None:
            organization_uid = client.get(f"{USERS.path}/me")["organizationUid"]
        else:
            organization_uid = find(client, ORGANIZATIONS, organization)["instanceUid"]
        password = read_password(password_file, f"New password of {name}", is_new=True)
        body = {
            "organizationUid": organization_uid,
            "role": role,
            "profile": {"firstName": first_name, "lastName": last_name, "email": email},
            "credentials": {"userName": name, "password": password},
        }
        row = client.post(USERS.path, body)
    if as_json:
        show_json(row)
    else:
        say(f"Created the user {row['userName']} ({row['instanceUid']}), {row['role']}.")


def _show(row: Row, *, as_json: bool) -> None:
    if as_json:
        show_json(row)
        return
    profile = row["profile"]
    name = " ".join(part for part in (profile["firstName"], profile["lastName"]) if part)
    show_fields(
        [
            ("User name", row["userName"]),
            ("Role", row["role"]),
            ("Name", name),
            ("E-mail", profile["email"]),
            ("Status", row["status"]),
            ("Organization", row["organizationUid"]),
            ("Uid", row["instanceUid"]),
        ]
    )


app.add_typer(keys.app, name="keys")
