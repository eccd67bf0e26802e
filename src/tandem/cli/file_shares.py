"""File shares: what is protected."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.lookup import BACKUP_SERVERS, CREDENTIALS, SERVERS, SHARES, find, find_server, names_of, path_of
from tandem.cli.options import AsJson, Data, Server, signed_in
from tandem.cli.output import Column, Row, moment, say, show_fields, show_json, show_table, size

app = typer.Typer(help="File shares: what is protected.", no_args_is_help=True)


@app.command("list")
def list_shares(*, server: Server = None, as_json: AsJson = False, data: Data = None) -> None:
    """List file shares."""
    with signed_in(data) as client:
        rows: list[Row] = list(client.pages(path_of(client, SHARES, server)))
        servers = {} if as_json else names_of(client, SERVERS)
    if as_json:
        show_json(rows)
        return
    columns = [
        Column("Name"),
        Column("Server"),
        Column("Path"),
        Column("Points", is_number=True),
        Column("Latest"),
    ]
    show_table(
        columns,
        (
            (
                row["name"],
                servers.get(row["backupServerUid"], row["backupServerUid"]),
                row["path"],
                row["restorePoints"],
                moment(row["latestRestorePointDate"]),
            )
            for row in rows
        ),
        empty="There is no share yet. Create one with: tandem shares create NAME --path FOLDER",
    )


@app.command("show")
def show_share(
    share: Annotated[str, typer.Argument(metavar="SHARE", help="Name or uid.")],
    *,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show a file share."""
    with signed_in(data) as client:
        row = find(client, SHARES, share)
    if as_json:
        show_json(row)
        return
    show_fields(
        [
            ("Name", row["name"]),
            ("Path", row["path"]),
            ("Only", ", ".join(row["inclusionMasks"])),
            ("Without", ", ".join(row["exclusionMasks"])),
            ("Points", row["restorePoints"]),
            ("Latest", moment(row["latestRestorePointDate"])),
            ("Size", size(row["totalShortTermBackupSize"])),
            ("Server", row["backupServerUid"]),
            ("Uid", row["fileShareUid"]),
        ]
    )


@app.command("create")
def create_share(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The share's name.")],
    *,
    path: Annotated[
        str,
        typer.Option(metavar="PATH", help="A folder of the backup server, //host/share/folder, or host:/export."),
    ],
    server: Server = None,
    credentials: Annotated[
        str | None, typer.Option(metavar="NAME", help="Credentials of the server, by user name or uid.")
    ] = None,
    include: Annotated[
        list[str] | None, typer.Option(metavar="MASK", help="Only this is read: a path from its root, as /Finance.")
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="MASK", help="This is left out: a name, as *.tmp, or a path.")
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Create a file share: a folder on a backup server, or a share of another machine that it mounts."""
    with signed_in(data) as client:
        chosen = find_server(client, server)
        body: Row = {"name": name, "path": path}
        body |= {"inclusionMasks": include or [], "exclusionMasks": exclude or []}
        if credentials is not None:
            found = find(client, CREDENTIALS, credentials, server_uid=chosen["instanceUid"])
            body["credentialsUid"] = found["instanceUid"]
        row = client.post(f"{BACKUP_SERVERS}/{chosen['instanceUid']}/fileShares", body)
    if as_json:
        show_json(row)
    else:
        say(f"The share {row['name']} is {row['path']} on {chosen['name']} ({row['fileShareUid']}).")
