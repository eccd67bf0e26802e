"""Jobs of both kinds: listing, starting, stopping, switching, deleting; creating is a file per kind."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.adoption import adopt_points
from tandem.cli.file_share_copy_jobs import create_copy
from tandem.cli.file_share_jobs import create_backup
from tandem.cli.following import await_session, follow, newest_run_uid, tell_end
from tandem.cli.holds import describe_hold, release_job
from tandem.cli.lookup import JOBS, SERVERS, find, names_of, path_of
from tandem.cli.options import AsJson, Data, Server, Yes, confirm, signed_in
from tandem.cli.output import (
    Column,
    Row,
    duration,
    moment,
    say,
    show_fields,
    show_json,
    show_table,
    size,
    yes_or_no,
)
from tandem.cli.proofs import drill, proof
from tandem.cli.retention import change, describe_retention, forecast, preview
from tandem.cli.schedules import describe
from tandem.client import Client
from tandem.client.errors import ApiError
from tandem.domain.jobs import JobType

app = typer.Typer(help="Jobs: backups, and copies of backups.", no_args_is_help=True)
creation = typer.Typer(help="Create a job.", no_args_is_help=True)
creation.command("backup")(create_backup)
creation.command("copy")(create_copy)
app.add_typer(creation, name="create")
app.command("preview")(preview)
app.command("forecast")(forecast)
app.command("keep")(change)
app.command("release")(release_job)

FORBIDDEN = 403

Job = Annotated[str, typer.Argument(metavar="JOB", help="Name or uid.")]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Follow the run to its end; the exit code is 0 only on success.")
]

_KINDS = {JobType.BACKUP_FILE: "backup", JobType.BACKUP_FILE_COPY: "copy"}
_FAMILIES = {JobType.BACKUP_FILE: "fileShareJob", JobType.BACKUP_FILE_COPY: "fileShareCopyJob"}


@app.command("list")
def list_jobs(*, server: Server = None, as_json: AsJson = False, data: Data = None) -> None:
    """List jobs."""
    with signed_in(data) as client:
        rows: list[Row] = list(client.pages(path_of(client, JOBS, server)))
        servers = {} if as_json else names_of(client, SERVERS)
    if as_json:
        show_json(rows)
        return
    columns = [
        Column("Name"),
        Column("Kind"),
        Column("Server"),
        Column("Status"),
        Column("On"),
        Column("Schedule"),
        Column("To"),
        Column("Last run"),
    ]
    show_table(
        columns,
        (
            (
                row["name"],
                _KINDS.get(row["type"], row["type"]),
                servers.get(row["backupServerUid"], row["backupServerUid"]),
                row["status"] + (", on hold" if "retentionHold" in row else ""),
                yes_or_no(row["isEnabled"]),
                describe(row),
                row["destination"],
                moment(row["lastRun"]),
            )
            for row in rows
        ),
        empty="There is no job yet. See how to create one with: tandem jobs create backup --help",
    )


@app.command("show")
def show_job(job: Job, *, as_json: AsJson = False, data: Data = None) -> None:
    """Show a job, its last run included."""
    with signed_in(data) as client:
        row = find(client, JOBS, job)
        family = _family_of(client, row)
    if as_json:
        show_json({**row, _FAMILIES[row["type"]]: family})
        return
    show_fields(
        [
            ("Name", row["name"]),
            ("Kind", _KINDS.get(row["type"], row["type"])),
            ("Description", row["description"]),
            ("Status", row["status"]),
            ("On", yes_or_no(row["isEnabled"])),
            ("Schedule", describe(row)),
            ("To", row["destination"]),
            ("Keeps", describe_retention(family) if family else ""),
            ("Last run", moment(row["lastRun"])),
            ("Took", duration(row["lastDuration"])),
            ("Transferred", size(row["transferredData"])),
            ("Holds", size(row["backupChainSize"])),
            ("Failure", row["failureMessage"]),
            ("Tried again", f"{row['retryTimes']} times, after {row['retryInterval']} minutes at first"),
            ("Retention", " ".join(describe_hold(row["retentionHold"])) if "retentionHold" in row else ""),
            ("Created", f"{moment(row['creationTime'])} by {row['createdBy']}"),
            ("Server", row["backupServerUid"]),
            ("Uid", row["instanceUid"]),
        ]
    )


@app.command("start")
def start_job(job: Job, *, wait: Wait = False, as_json: AsJson = False, data: Data = None) -> None:
    """Run a job now."""
    _run(job, "start", wait=wait, as_json=as_json, client=signed_in(data))


@app.command("retry")
def retry_job(job: Job, *, wait: Wait = False, as_json: AsJson = False, data: Data = None) -> None:
    """Run a job again whose last run failed."""
    _run(job, "retry", wait=wait, as_json=as_json, client=signed_in(data))


@app.command("stop")
def stop_job(job: Job, *, as_json: AsJson = False, data: Data = None) -> None:
    """Stop the run of a job."""
    with signed_in(data) as client:
        row = find(client, JOBS, job)
        client.post(f"{JOBS.path}/{row['instanceUid']}/stop")
        now = client.get(f"{JOBS.path}/{row['instanceUid']}")
    if as_json:
        show_json(now)
    else:
        say(f"The job {row['name']} is told to stop. See how it ended with: tandem jobs show {row['instanceUid']}")


@app.command("enable")
def enable_job(job: Job, *, as_json: AsJson = False, data: Data = None) -> None:
    """Switch the schedule of a job on."""
    _switch(job, is_on=True, as_json=as_json, client=signed_in(data))


@app.command("disable")
def disable_job(job: Job, *, as_json: AsJson = False, data: Data = None) -> None:
    """Switch the schedule of a job off; it can still be started."""
    _switch(job, is_on=False, as_json=as_json, client=signed_in(data))


@app.command("retries")
def set_retries(
    job: Job,
    *,
    times: Annotated[int | None, typer.Option(metavar="N", help="How often; 0 for never.")] = None,
    interval: Annotated[int | None, typer.Option(metavar="MINUTES", help="The first pause; each is longer.")] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Set how often a run that failed is tried again, and after how long."""
    wanted = {"retryTimes": times, "retryInterval": interval}
    changes = [
        {"op": "replace", "path": f"/{name}", "value": value} for name, value in wanted.items() if value is not None
    ]
    if not changes:
        raise typer.BadParameter("give --times, --interval or both.")
    with signed_in(data) as client:
        row = find(client, JOBS, job)
        now = client.patch(f"{JOBS.path}/{row['instanceUid']}", changes)
    if as_json:
        show_json(now)
    else:
        say(f"{row['name']} is tried again {now['retryTimes']} times, after {now['retryInterval']} minutes at first.")


@app.command("delete")
def delete_job(
    job: Job,
    *,
    yes: Yes = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Delete a job; what it backed up stays, and stays restorable."""
    with signed_in(data) as client:
        row = find(client, JOBS, job)
        confirm(f"Delete the job {row['name']}? Its restore points stay.", is_certain=yes)
        client.delete(f"{JOBS.path}/{row['instanceUid']}")
    if as_json:
        show_json({})
    else:
        say(f"Deleted the job {row['name']}; its restore points stay.")


def _family_of(client: Client, row: Row) -> Row | None:
    """Get what the job's kind has beside the common part; None if the caller's role may not see it."""
    try:
        return client.get(f"{JOBS.path}/{_FAMILIES[row['type']]}s/{row['instanceUid']}")
    except ApiError as error:
        if error.status != FORBIDDEN:
            raise
        return None


def _run(job: str, verb: str, *, wait: bool, as_json: bool, client: Client) -> None:
    with client:
        row = find(client, JOBS, job)
        before = newest_run_uid(client, row) if wait else None
        client.post(f"{JOBS.path}/{row['instanceUid']}/{verb}")
        if wait:
            tell_end(follow(client, await_session(client, row, before=before)), as_json=as_json)
            return
        now = client.get(f"{JOBS.path}/{row['instanceUid']}")
    if as_json:
        show_json(now)
    else:
        say(f"The job {row['name']} is told to start. See how it goes with: tandem jobs show {row['instanceUid']}")


def _switch(job: str, *, is_on: bool, as_json: bool, client: Client) -> None:
    with client:
        row = find(client, JOBS, job)
        change = [{"op": "replace", "path": "/isEnabled", "value": is_on}]
        now = client.patch(f"{JOBS.path}/{row['instanceUid']}", change)
    if as_json:
        show_json(now)
    else:
        say(f"The schedule of {row['name']} is {'on' if is_on else 'off'}.")


app.command("drill")(drill)
app.command("proof")(proof)
app.command("adopt")(adopt_points)
