"""Sessions: what every run and every restore left behind."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.following import describe, follow, tell_end
from tandem.cli.lookup import JOBS, SESSIONS, SHARES, find, find_by_uid, names_of
from tandem.cli.options import AsJson, Data, Limit, signed_in
from tandem.cli.output import (
    UID,
    Column,
    Row,
    duration,
    moment,
    plain,
    say,
    show_fields,
    show_json,
    show_table,
    size,
)

app = typer.Typer(help="Sessions: how runs and restores went.", no_args_is_help=True)

LIMIT_DEFAULT = 30


@app.command("list")
def list_sessions(
    *,
    job: Annotated[str | None, typer.Option(metavar="NAME", help="Of this job only, by name or uid.")] = None,
    share: Annotated[str | None, typer.Option(metavar="NAME", help="Of this share only, by name or uid.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """List sessions, newest first."""
    if job is not None and share is not None:
        raise typer.BadParameter("name either a job or a share", param_hint="--job, --share")
    with signed_in(data) as client:
        path = SESSIONS.path
        if job is not None:
            path = f"{JOBS.path}/{find(client, JOBS, job)['instanceUid']}/sessions"
        elif share is not None:
            path = f"{SHARES.path}/{find(client, SHARES, share)['fileShareUid']}/sessions"
        rows: list[Row] = client.get(path, limit=limit)
        jobs = {} if as_json else names_of(client, JOBS)
    if as_json:
        show_json(rows)
        return
    columns = [
        Column("Start"),
        Column("Type"),
        Column("Job"),
        Column("Status"),
        Column("Took", is_number=True),
        Column("Transferred", is_number=True),
        UID,
    ]
    show_table(
        columns,
        (
            (
                moment(row["startTime"]),
                row["type"],
                jobs.get(row["jobUid"], ""),
                row["status"],
                duration(row["duration"]),
                size(row["statistics"]["transferred"]),
                row["instanceUid"],
            )
            for row in rows
        ),
        empty="There is no session yet. Start a job with: tandem jobs start JOB",
    )


@app.command("show")
def show_session(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Its uid.")],
    *,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show a session: what it did, what it decided and why."""
    with signed_in(data) as client:
        row = find_by_uid(client, SESSIONS, session)
    if as_json:
        show_json(row)
        return
    progress, done = row["progress"], row["statistics"]
    show_fields(
        [
            ("Type", row["type"]),
            ("Status", row["status"]),
            ("Start", moment(row["startTime"])),
            ("End", moment(row["endTime"])),
            ("Took", duration(row["duration"])),
            ("Progress", f"{progress['percent']:.0f} %"),
            ("At", "" if row["endTime"] else describe(row)),
            ("Heard of", "" if row["endTime"] else moment(row["lastHeartbeat"])),
            ("Files", f"{done['filesTotal']}, {done['filesChanged']} changed, {done['filesSkipped']} skipped"),
            ("Points", f"{done['pointsCopied']} copied, {done['pointsForgotten']} forgotten"),
            ("Source size", size(done["sourceSize"])),
            ("Transferred", size(done["transferred"])),
            ("Job", row["jobUid"]),
            ("Share", row["fileShareUid"]),
            ("Uid", row["instanceUid"]),
        ]
    )
    for message in row["messages"]:
        say(message)
    if row["plan"]:
        columns = [Column("Decision"), Column("Snapshot"), Column("Why")]
        cells = ((entry["action"], entry["snapshotId"][:8], entry["reason"]) for entry in row["plan"])
        show_table(columns, cells, empty="")


@app.command("follow")
def follow_session(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Its uid.")],
    *,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Wait for the end of a session, showing how far it is or what it waits for."""
    with signed_in(data) as client:
        row = find_by_uid(client, SESSIONS, session)
        tell_end(follow(client, row["instanceUid"]), as_json=as_json)


@app.command("log")
def show_log(
    session: Annotated[str, typer.Argument(metavar="SESSION", help="Its uid.")],
    *,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Print what a session did, line by line: what was decided and started, and what restic said."""
    with signed_in(data) as client:
        row = find_by_uid(client, SESSIONS, session)
        answer = client.request("GET", f"{SESSIONS.path}/{row['instanceUid']}/log")
    if as_json:
        show_json(answer.text.splitlines())
    else:
        typer.echo(plain(answer.text), nl=False)
