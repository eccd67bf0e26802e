"""Adoption: what a repository holds, and making points that others have made those of a job."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.following import follow, tell_end
from tandem.cli.lookup import JOBS, find, find_repository, path_of_repository
from tandem.cli.options import AsJson, Data, Server, signed_in
from tandem.cli.output import Column, Row, moment, say, show_json, show_table

Job = Annotated[str, typer.Argument(metavar="JOB", help="Name or uid of the job whose points they become.")]


def list_snapshots(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Name or uid.")],
    *,
    server: Server = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Look into a repository: whose points it holds, how many, and from when."""
    with signed_in(data) as client:
        row = find_repository(client, repository, server)
        found: Row = client.post(f"{path_of_repository(row)}/snapshots/collect")
    if as_json:
        show_json(found)
        return
    columns = [
        Column("Host"),
        Column("Paths"),
        Column("Points", is_number=True),
        Column("Known", is_number=True),
        Column("Copied", is_number=True),
        Column("From"),
        Column("To"),
    ]
    show_table(
        columns,
        (
            (
                group["hostName"],
                ", ".join(group["paths"]),
                group["count"],
                group["knownCount"],
                group["copiedCount"],
                moment(group["firstDate"]),
                moment(group["lastDate"]),
            )
            for group in found["groups"]
        ),
        empty=f"The repository {row['name']} holds no points. See what could fill it with: tandem jobs list",
    )


def adopt_points(
    job: Job,
    *,
    host: Annotated[str | None, typer.Option(metavar="HOST", help="The host that made the points.")] = None,
    path: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="A path that they hold; once for each.")
    ] = None,
    confirm_deletion: Annotated[
        bool, typer.Option("--confirm-deletion", help="The job's retention may forget what it has adopted.")
    ] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Make points that were made without Tandem those of a job, or let its retention forget them.

    Host and paths as `tandem repositories snapshots` shows them. A copy job knows its copies by itself.
    """
    if (host is None) != (not path):
        raise typer.BadParameter("give both, or neither", param_hint="--host, --path")
    origins = [] if host is None else [{"hostName": host, "paths": path}]
    with signed_in(data) as client:
        row = find(client, JOBS, job)
        body = {"origins": origins, "confirmDeletion": confirm_deletion}
        session = client.post(f"{JOBS.path}/{row['instanceUid']}/adoption", body)
        if not as_json:
            say("Nothing is rewritten, and nothing is deleted before you confirm that.")
        tell_end(follow(client, session["instanceUid"]), as_json=as_json)
