"""Companies: the provider's customers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tandem.cli.lookup import COMPANIES, ORGANIZATIONS, find
from tandem.cli.options import AsJson, Data, PasswordFile, read_password, signed_in
from tandem.cli.output import Column, Row, say, show_fields, show_json, show_table, yes_or_no

app = typer.Typer(help="Companies: the provider's customers.", no_args_is_help=True)

Company = Annotated[str, typer.Argument(metavar="COMPANY", help="Name or uid.")]


@app.command("list")
def list_companies(*, as_json: AsJson = False, data: Data = None) -> None:
    """List companies."""
    with signed_in(data) as client:
        rows: list[Row] = list(client.pages(COMPANIES.path))
    if as_json:
        show_json(rows)
        return
    columns = [Column("Name"), Column("Status"), Column("Owner"), Column("REST access")]
    show_table(
        columns,
        (
            (
                row["name"],
                row["status"],
                row["ownerCredentials"]["userName"],
                yes_or_no(row["isRestAccessEnabled"]),
            )
            for row in rows
        ),
        empty="There is no company yet. Create one with: tandem companies create NAME --owner USER",
    )


@app.command("show")
def show_company(company: Company, *, as_json: AsJson = False, data: Data = None) -> None:
    """Show a company."""
    with signed_in(data) as client:
        row = find(client, COMPANIES, company)
        organization = client.get(f"{ORGANIZATIONS.path}/{row['instanceUid']}")
    if as_json:
        show_json({**row, "_embedded": {"organization": organization}})
        return
    show_fields(
        [
            ("Name", row["name"]),
            ("Status", row["status"]),
            ("Owner", row["ownerCredentials"]["userName"]),
            ("REST access", yes_or_no(row["isRestAccessEnabled"])),
            ("E-mail", organization["email"]),
            ("Phone", organization["phone"]),
            ("Notes", organization["notes"]),
            ("Reseller", row["resellerUid"]),
            ("Uid", row["instanceUid"]),
        ]
    )


@app.command("create")
def create_company(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The company's name.")],
    *,
    owner: Annotated[str, typer.Option(metavar="USER", help="The user name of the company's owner.")],
    password_file: PasswordFile = None,
    email: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of the company and its owner.")] = None,
    phone: Annotated[str | None, typer.Option(metavar="NUMBER", help="Of the company.")] = None,
    notes: Annotated[str | None, typer.Option(metavar="TEXT", help="Anything worth keeping.")] = None,
    reseller: Annotated[str | None, typer.Option(metavar="NAME", help="The reseller, by name or uid.")] = None,
    rest_access: Annotated[
        bool, typer.Option("--rest-access/--no-rest-access", help="Whether its users may sign in to the API and here.")
    ] = True,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Create a company with its owner, whose password is asked for."""
    with signed_in(data) as client:
        password = _password_of_owner(password_file, owner)
        body = {
            "organizationInput": {"name": name, "email": email, "phone": phone, "notes": notes},
            "ownerCredentials": {"userName": owner, "password": password},
            "resellerUid": find(client, ORGANIZATIONS, reseller)["instanceUid"] if reseller else None,
            "isRestAccessEnabled": rest_access,
        }
        row = client.post(COMPANIES.path, body)
    if as_json:
        show_json(row)
    else:
        say(f"Created the company {row['name']} ({row['instanceUid']}); its owner is {owner}.")


def _password_of_owner(file: Path | None, owner: str) -> str:
    return read_password(file, f"New password of {owner}", is_new=True)
