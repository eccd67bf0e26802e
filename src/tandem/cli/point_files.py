"""The files within restore points: looking through them, and fetching one."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import IO, Annotated

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from tandem.cli.lookup import POINTS, SHARES, find, find_by_uid
from tandem.cli.options import STDIN, AsJson, Data, signed_in
from tandem.cli.output import Column, Row, moment, plain, say, show_json, show_table, size
from tandem.cli.places import Source, path_query, repository_uid
from tandem.client import Client
from tandem.domain.errors import Conflict, Invalid
from tandem.domain.point_files import ArchiveForm, FileType

SHOWN_DEFAULT = 1_000
PIECE_BYTES = 256 * 1024

Point = Annotated[str, typer.Argument(metavar="POINT", help="Its uid, from `tandem points list SHARE`.")]
Shown = Annotated[int, typer.Option("--limit", min=1, help="How many at most.")]


def list_files(
    point: Point,
    path: Annotated[str, typer.Argument(metavar="[PATH]", help="A folder within the share.")] = "",
    *,
    source: Source = None,
    limit: Shown = SHOWN_DEFAULT,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List what a folder of a restore point holds."""
    with signed_in(data) as client:
        row = find_by_uid(client, POINTS, point)
        query = {**path_query(path), "repositoryUid": _repository(client, row, source)}
        rows: list[Row] = list(islice(client.pages(f"{POINTS.path}/{row['instanceUid']}/files", **query), limit))
    if as_json:
        show_json(rows)
        return
    columns = [Column("Changed"), Column("Size", is_number=True), Column("Name")]
    show_table(columns, (_line(row, row["name"]) for row in rows), empty="The folder is empty.")


def search_files(
    pattern: Annotated[str, typer.Argument(metavar="PATTERN", help="A name, with * and ? for what is not known.")],
    *,
    point: Annotated[str | None, typer.Option(metavar="POINT", help="Search this restore point.")] = None,
    share: Annotated[str | None, typer.Option(metavar="SHARE", help="Search all restore points of this share.")] = None,
    source: Source = None,
    match_case: Annotated[bool, typer.Option("--match-case", help="Tell upper from lower case.")] = False,
    limit: Shown = SHOWN_DEFAULT,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Search a restore point, or all of a share, for files and folders by name."""
    if (point is None) == (share is None):
        raise Invalid("Name what is to be searched: either --point or --share.")
    query: Row = {"pattern": pattern, "ignoreCase": "false" if match_case else "true"}
    with signed_in(data) as client:
        if point is not None:
            row = find_by_uid(client, POINTS, point)
            where = f"{POINTS.path}/{row['instanceUid']}/files/search"
            query["repositoryUid"] = _repository(client, row, source)
        else:
            where = f"{SHARES.path}/{find(client, SHARES, share or '')['fileShareUid']}/files"
        rows: list[Row] = list(islice(client.pages(where, **query), limit))
    if as_json:
        show_json(rows)
        return
    columns = [Column("Changed"), Column("Size", is_number=True), Column("Path"), Column("Of"), Column("Point")]
    lines = ((*_line(row, row["path"]), moment(row["restorePointDate"]), row["restorePointUid"]) for row in rows)
    show_table(columns, lines, empty="Nothing of this name was found.")


def download_file(
    point: Point,
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file or folder within the share; / is all of it.")],
    *,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Whereto; - is standard output.")
    ] = None,
    archive: Annotated[ArchiveForm | None, typer.Option(help="For a folder: as a zip or a tar.")] = None,
    source: Source = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    data: Data = None,
) -> None:
    """Download a file of a restore point, or a folder as an archive."""
    with signed_in(data) as client:
        row = find_by_uid(client, POINTS, point)
        where = f"{POINTS.path}/{row['instanceUid']}/files/content"
        query = {**path_query(path), "repositoryUid": _repository(client, row, source)}
        if archive is not None:
            query["archive"] = archive.value
        if output == STDIN:
            with client.download(where, **query) as response:
                _receive(response, sys.stdout.buffer)
            return
        target = output or Path(_name(path, archive))
        if target.exists() and not force:
            raise Conflict(f"{target} is there already; name another with --output, or replace it with --force.")
        _fetch(client, where, query, target)
    say(f"{target}: {size(target.stat().st_size)}")


def _fetch(client: Client, where: str, query: Row, target: Path) -> None:
    """Fetch into a file that has its name only once it is whole."""
    draft = target.with_name(f".{target.name}.part")
    try:
        with client.download(where, **query) as response, _create(draft) as file:
            _receive(response, file)
        draft.replace(target)
    except OSError as error:
        raise Conflict(f"{target} cannot be written: {error.strerror}.") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _create(draft: Path) -> IO[bytes]:
    draft.unlink(missing_ok=True)
    # What was somebody's own on a share is not to be everybody's here.
    return os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _receive(response: httpx.Response, file: IO[bytes]) -> None:
    console = Console(stderr=True)
    columns = (TextColumn("Downloading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    total = int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        for piece in response.iter_raw(PIECE_BYTES):
            file.write(piece)
            bar.advance(task, len(piece))


def _line(row: Row, name: str) -> tuple[object, ...]:
    mark = "/" if row["type"] == FileType.FOLDER else ""
    shown = size(row["size"]) if row["type"] == FileType.FILE else ""
    return (moment(row["modificationTime"]), shown, plain(name).replace("\n", "\N{REPLACEMENT CHARACTER}") + mark)


def _name(path: str, archive: ArchiveForm | None) -> str:
    name = Path(path).name or "share"
    return name if archive is None else f"{name}.{archive}"


def _repository(client: Client, row: Row, source: str | None) -> str | None:
    return None if source is None else repository_uid(client, row, source)
