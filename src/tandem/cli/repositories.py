"""Backup repositories: where restic keeps the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tandem.cli.adoption import list_snapshots
from tandem.cli.limits import limit_repository
from tandem.cli.lookup import (
    BACKUP_SERVERS,
    CREDENTIALS,
    ENCRYPTION_PASSWORDS,
    REPOSITORIES,
    SERVERS,
    find,
    find_repository,
    find_server,
    names_of,
    path_of,
    path_of_repository,
)
from tandem.cli.options import AsJson, Data, PasswordFile, Server, read_password, signed_in
from tandem.cli.output import Column, Row, moment, note, say, show_fields, show_json, show_table, size
from tandem.cli.proofs import heal, verification, verify
from tandem.cli.recovery_kits import get_kit, list_removed, refuse_existing, write_kit
from tandem.client import Client
from tandem.domain.retention import IMMUTABLE_DAYS_MAX

app = typer.Typer(help="Repositories: where restic keeps the data.", no_args_is_help=True)

EXPAND = "BackupRepositoryInfo"


@app.command("list")
def list_repositories(*, server: Server = None, as_json: AsJson = False, data: Data = None) -> None:
    """List repositories."""
    with signed_in(data) as client:
        rows: list[Row] = list(client.pages(path_of(client, REPOSITORIES, server), expand=EXPAND))
        servers = {} if as_json else names_of(client, SERVERS)
    if as_json:
        show_json(rows)
        return
    columns = [
        Column("Name"),
        Column("Server"),
        Column("Status"),
        Column("Path"),
        Column("Used", is_number=True),
        Column("Free", is_number=True),
        Column("Kit"),
    ]
    show_table(
        columns,
        (_cells(row, servers.get(row["backupServerUid"], "")) for row in rows),
        empty="There is no repository yet. Create one with: tandem repositories create NAME --path FOLDER",
    )
    for row in rows:
        if row["failureMessage"] is not None:
            note(f"{row['name']} is in Error: {' '.join(row['failureMessage'].split())}")
    missing = sum(row["recoveryKitDownloadTime"] is None for row in rows)
    if missing:
        what = "1 repository" if missing == 1 else f"{missing} repositories"
        note(f"{what} without a recovery kit. Get it with: tandem repositories kit REPOSITORY --to FILE")


@app.command("show")
def show_repository(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Name or uid.")],
    *,
    server: Server = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show a repository."""
    with signed_in(data) as client:
        found = find_repository(client, repository, server)
        row = client.get(path_of_repository(found), expand=EXPAND)
    if as_json:
        show_json(row)
        return
    info = row["_embedded"]
    show_fields(
        [
            ("Name", row["name"]),
            ("Status", info["status"]),
            *([("Failure", row["failureMessage"])] if row["failureMessage"] else []),
            ("Host", info["hostName"]),
            ("Path", info["path"]),
            ("Used", size(info["usedSpace"])),
            ("Free", size(info["freeSpace"])),
            ("Capacity", size(info["capacity"])),
            ("Immutable", f"{info['immutabilityInterval']} days" if info["isImmutabilityEnabled"] else "no"),
            ("Recovery kit", _kit(row)),
            ("Server", row["backupServerUid"]),
            ("Uid", row["instanceUid"]),
        ]
    )


@app.command("create")
def create_repository(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The repository's name.")],
    *,
    path: Annotated[str | None, typer.Option(metavar="FOLDER", help="On the backup server.")] = None,
    location: Annotated[
        str | None,
        typer.Option(
            help="Elsewhere: sftp://user@host//folder, s3:https://host/bucket/folder or rest:https://host/name/."
        ),
    ] = None,
    credentials: Annotated[
        str | None, typer.Option(metavar="USERNAME", help="What opens the location: user name or uid.")
    ] = None,
    host_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Public key of the SFTP server; without it, it is shown.")
    ] = None,
    allow_plain: Annotated[bool, typer.Option("--allow-plain", help="Allow http instead of https.")] = False,
    server: Server = None,
    existing: Annotated[
        bool, typer.Option("--existing", help="Register a restic repository that is there; its password is asked for.")
    ] = False,
    encrypted_with: Annotated[
        str | None, typer.Option(metavar="HINT", help="An encryption password of the server, by hint or uid.")
    ] = None,
    password_file: PasswordFile = None,
    kit: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write its recovery kit, which is secret: a new file, or a folder."),
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Create a repository, or register one that exists; without a password file, a new one gets a random password."""
    if kit is not None:
        refuse_existing(kit)
    place = _one_of(path, location)
    with signed_in(data) as client:
        chosen = find_server(client, server)
        body: Row = {"name": name, "path": place, "isExisting": existing}
        if credentials is not None:
            found = find(client, CREDENTIALS, credentials, server_uid=chosen["instanceUid"])
            body["credentialsUid"] = found["instanceUid"]
        if host_key is not None:
            body["hostKey"] = host_key
        if allow_plain:
            body["isPlainAllowed"] = True
        if encrypted_with is not None:
            found = find(client, ENCRYPTION_PASSWORDS, encrypted_with, server_uid=chosen["instanceUid"])
            body["encryptionPasswordUid"] = found["instanceUid"]
        if password_file is not None or (existing and encrypted_with is None):
            body["password"] = read_password(password_file, f"Password of the repository {place}", is_new=False)
        row = client.post(f"{BACKUP_SERVERS}/{chosen['instanceUid']}/repositories", body)
        if not as_json:
            say(f"The repository {row['name']} is ready on {chosen['name']} ({row['instanceUid']}).")
        row = _with_kit(client, row, kit, as_json=as_json)
    if as_json:
        show_json(row)


def _one_of(path: str | None, location: str | None) -> str:
    place = path or location
    if place is None or (path is not None and location is not None):
        raise typer.BadParameter("name one of them", param_hint="--path, --location")
    return place


def _with_kit(client: Client, row: Row, kit: Path | None, *, as_json: bool) -> Row:
    """Write a new repository's kit, or say loudly that nobody has it; gives the repository as it is then."""
    if kit is None:
        note(f"NOBODY HAS A RECOVERY KIT of {row['name']}: if the console is lost, so is what is in there.")
        note(f"Get it now, and keep it elsewhere: tandem repositories kit {row['instanceUid']} --to FILE")
        return row
    write_kit(client, path_of_repository(row), kit, is_quiet=as_json)
    return client.get(path_of_repository(row), expand=EXPAND)


@app.command("immutable")
def make_immutable(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Name or uid.")],
    days: Annotated[int, typer.Argument(metavar="DAYS", min=0, max=IMMUTABLE_DAYS_MAX, help="0 is not at all.")],
    *,
    server: Server = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Say for how many days a repository lets no restore point go, from when it got it."""
    with signed_in(data) as client:
        found = find_repository(client, repository, server)
        row = client.put(f"{path_of_repository(found)}/immutability", {"immutabilityInterval": days})
    if as_json:
        show_json(row)
    else:
        say(f"{found['name']} keeps every restore point for {days} days at least.")


@app.command("access")
def change_access(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Name or uid.")],
    *,
    server: Server = None,
    credentials: Annotated[
        str | None, typer.Option(metavar="USERNAME", help="What opens it from now on: user name or uid.")
    ] = None,
    host_key: Annotated[str | None, typer.Option(metavar="KEY", help="New public key of the SFTP server.")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Have a repository elsewhere opened with other credentials, or accept a new key of its server."""
    with signed_in(data) as client:
        found = find_repository(client, repository, server)
        body: Row = {} if host_key is None else {"hostKey": host_key}
        if credentials is not None:
            account = find(client, CREDENTIALS, credentials, server_uid=found["backupServerUid"])
            body["credentialsUid"] = account["instanceUid"]
        row = client.post(f"{path_of_repository(found)}/access", body)
    if as_json:
        show_json(row)
    else:
        say(f"The repository {row['name']} is opened that way from now on; its next run will tell.")


def _cells(row: Row, server: str) -> tuple[object, ...]:
    info: Row = row["_embedded"]
    sizes = size(info["usedSpace"]), size(info["freeSpace"])
    return row["name"], server, info["status"], info["path"], *sizes, moment(row["recoveryKitDownloadTime"]) or "none"


def _kit(row: Row) -> str:
    if row["recoveryKitDownloadTime"] is None:
        return "none: nobody could read this without the console"
    by = f" by {row['recoveryKitDownloadedBy']}" if row["recoveryKitDownloadedBy"] else ""
    return f"downloaded {moment(row['recoveryKitDownloadTime'])}{by}"


app.command("verify")(verify)
app.command("verification")(verification)
app.command("heal")(heal)
app.command("limits")(limit_repository)
app.command("kit")(get_kit)
app.command("removed")(list_removed)
app.command("snapshots")(list_snapshots)
