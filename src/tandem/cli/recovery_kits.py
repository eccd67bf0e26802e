"""Recovery kits: getting them into files that only their owner may read, and which companies left something."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tandem.cli.lookup import BACKUP_SERVERS, Kind, find, find_repository, path_of_repository
from tandem.cli.options import STDIN, AsJson, Data, Server, signed_in
from tandem.cli.output import UID, Column, Row, moment, note, say, show_json, show_table
from tandem.client import Client
from tandem.domain.errors import Conflict, Unavailable
from tandem.sealing import write_private

REMOVED = Kind(
    noun="removed repository",
    path=f"{BACKUP_SERVERS}/removedRepositories",
    listing="tandem repositories removed",
)
STDOUT = STDIN

To = Annotated[
    Path,
    typer.Option(
        "--to", metavar="FILE", help="A new file, which only you may read, or a folder; - for standard output."
    ),
]


def get_kit(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Name or uid.")],
    *,
    to: To,
    removed: Annotated[bool, typer.Option("--removed", help="A repository of a company that was deleted.")] = False,
    server: Server = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Get the recovery kit of a repository: all that plain restic needs to read it without Tandem."""
    refuse_existing(to)
    with signed_in(data) as client:
        if removed:
            path = f"{REMOVED.path}/{find(client, REMOVED, repository)['instanceUid']}"
        else:
            path = path_of_repository(find_repository(client, repository, server))
        written = write_kit(client, path, to, is_quiet=as_json)
    if as_json and to != STDOUT:
        show_json(written)


def list_removed(*, as_json: AsJson = False, data: Data = None) -> None:
    """List the repositories of companies that were deleted: what is in them can still be read."""
    with signed_in(data) as client:
        rows: list[Row] = list(client.pages(REMOVED.path))
    if as_json:
        show_json(rows)
        return
    columns = [Column("Name"), Column("Company"), Column("Host"), Column("Path"), Column("Removed"), UID]
    show_table(
        columns,
        (
            (
                row["name"],
                row["organizationName"],
                row["hostName"],
                row["path"],
                moment(row["removalTime"]),
                row["instanceUid"],
            )
            for row in rows
        ),
        empty="No company that had repositories was deleted. See what there is with: tandem repositories list",
    )


def refuse_existing(file: Path) -> None:
    """Raise Conflict if a file is there: it may be another repository's kit."""
    if file != STDOUT and file.exists() and not file.is_dir():
        raise Conflict(f"{file} is there already and is not overwritten; name a new file.")


def write_kit(client: Client, path: str, file: Path, *, is_quiet: bool = False) -> Row:
    """Get the kit of the repository at a path of the API and write it; gives where it is, and since when."""
    kit = client.post(f"{path}/recoveryKit")
    if file == STDOUT:
        sys.stdout.write(kit["text"])
        return {}
    if file.is_dir():
        file /= kit["fileName"]
        refuse_existing(file)
    try:
        write_private(file, kit["text"])
    except OSError as error:
        text = f"THE RECOVERY KIT WAS NOT WRITTEN to {file} ({error}), although it counts as downloaded. Get it again"
        raise Unavailable(f"{text}: tandem repositories kit REPOSITORY --to FILE") from error
    if not is_quiet:
        say(f"The recovery kit is in {file}.")
        note("Whoever has it can read the backups. Keep it secret, and neither on this console nor beside the backups.")
    return {"file": str(file), "creationTime": kit["creationTime"]}
