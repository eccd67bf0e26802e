"""Restore points: which there are, where each is held, and getting one back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from tandem.cli.following import follow, tell_end
from tandem.cli.lookup import JOBS, POINTS, REPOSITORIES, SHARES, find, find_by_uid, names_of
from tandem.cli.options import AsJson, Data, Limit, signed_in
from tandem.cli.output import UID, Column, Row, moment, say, show_json, show_table, size
from tandem.cli.places import Source, path_query, repository_uid
from tandem.cli.point_files import download_file, list_files, search_files
from tandem.domain.point_files import OverwriteRule

app = typer.Typer(help="Restore points: what can be restored, and where it is held.", no_args_is_help=True)

LIMIT_DEFAULT = 50


@app.command("list")
def list_points(
    share: Annotated[str, typer.Argument(metavar="SHARE", help="Name or uid.")],
    *,
    limit: Limit = LIMIT_DEFAULT,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List the restore points of a share, newest first, and where each is held."""
    with signed_in(data) as client:
        path = f"{SHARES.path}/{find(client, SHARES, share)['fileShareUid']}/restorePoints"
        rows: list[Row] = client.get(path, limit=limit)
        repositories = {} if as_json else names_of(client, REPOSITORIES)
    if as_json:
        show_json(rows)
        return
    columns = [Column("Time"), Column("Size", is_number=True), UID, Column("Held")]
    show_table(
        columns,
        (
            (
                moment(row["restorePointDate"]),
                size(row["size"]),
                row["instanceUid"],
                "\n".join(_held(row, repositories)),
            )
            for row in rows
        ),
        empty="There is no restore point yet. Start the share's backup job with: tandem jobs start JOB",
    )


@app.command("reset")
def reset(
    point: Annotated[str, typer.Argument(metavar="POINT", help="Its uid, from `tandem points list SHARE`.")],
    *,
    job: Annotated[str, typer.Option("--job", metavar="JOB", help="The copy job, by name or uid.")],
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Have the quarantined copy of a point tried again; its copy job is started."""
    with signed_in(data) as client:
        row, copy_job = find_by_uid(client, POINTS, point), find(client, JOBS, job)
        answer = client.post(f"{POINTS.path}/{row['instanceUid']}/copies/{copy_job['instanceUid']}/reset")
    if as_json:
        show_json(answer)
    else:
        say(f"The copy is tried again. See how it goes with: tandem jobs show {copy_job['instanceUid']}")


def restore(
    point: Annotated[str, typer.Argument(metavar="POINT", help="Its uid, from `tandem points list SHARE`.")],
    *,
    to: Annotated[str, typer.Option(metavar="FOLDER", help="On the backup server; new or empty, unless --overwrite.")],
    source: Source = None,
    paths: Annotated[
        list[str] | None,
        typer.Option("--path", metavar="PATH", help="A file or folder within the share; may be repeated. Else all."),
    ] = None,
    overwrite: Annotated[
        OverwriteRule,
        typer.Option(help="What happens to files that are there; EmptyOnly takes an empty folder only."),
    ] = OverwriteRule.EMPTY_ONLY,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Follow the restore to its end; exit code 0 only on success.")
    ] = True,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Restore a point, or some of its files, into a folder on its backup server."""
    with signed_in(data) as client:
        row = find_by_uid(client, POINTS, point)
        body: Row = {"targetPath": to, "overwrite": overwrite.value}
        named = [path_query(path) for path in paths or ()]
        body["paths"] = [each["path"] for each in named if "path" in each]
        body["rawPaths"] = [each["rawPath"] for each in named if "rawPath" in each]
        if source is not None:
            body["repositoryUid"] = repository_uid(client, row, source)
        session = client.post(f"{POINTS.path}/{row['instanceUid']}/restore", body)
        if wait:
            tell_end(follow(client, session["instanceUid"]), as_json=as_json)
            return
    if as_json:
        show_json(session)
    else:
        say(f"The restore is queued. See how it goes with: tandem sessions show {session['instanceUid']}")


def _held(row: Row, repositories: dict[str, str]) -> Iterator[str]:
    """Say of each repository whether it has the point, and why or why not."""
    name = repositories.get(row["repositoryUid"], row["repositoryUid"])
    state = "held" if row["isInFirstRepository"] else "expired"
    yield f"{name} (first): {state}" + ("" if row["isComplete"] else ", some files may be missing")
    for copy in row["copies"]:
        name = repositories.get(copy["repositoryUid"], copy["repositoryUid"])
        yield f"{name} (copy): {copy['state']}" + (f", {copy['reason']}" if copy["reason"] else "")


app.command("files")(list_files)
app.command("search")(search_files)
app.command("download")(download_file)
