"""Creating file share copy jobs: the second copy of what a file share job makes, in another repository."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.lookup import BACKUP_SERVERS, JOBS, REPOSITORIES, find
from tandem.cli.options import AsJson, Data, signed_in
from tandem.cli.output import Row, say, show_json
from tandem.cli.retention import KeepDaily, KeepMonthly, KeepWeekly, KeepYearly, gfs_body
from tandem.cli.schedules import (
    KEEP_DEFAULT,
    Daily,
    Days,
    Every,
    Keep,
    Manual,
    TimeZone,
    retention_body,
    schedule_body,
)
from tandem.domain.schedule import ScheduleType


def create_copy(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The job's name.")],
    *,
    source: Annotated[str, typer.Option(metavar="JOB", help="The backup job to copy from, by name or uid.")],
    repository: Annotated[str, typer.Option(metavar="REPOSITORY", help="Where to, by name or uid.")],
    make_at: Annotated[
        str | None, typer.Option("--make-at", metavar="FOLDER", help="Make the repository, there, along with the job.")
    ] = None,
    inherit_password: Annotated[
        bool, typer.Option("--inherit-encryption", help="With --make-at: the password of the source's repository.")
    ] = False,
    keep: Keep = KEEP_DEFAULT,
    keep_daily: KeepDaily = None,
    keep_weekly: KeepWeekly = None,
    keep_monthly: KeepMonthly = None,
    keep_yearly: KeepYearly = None,
    daily: Daily = None,
    days: Days = None,
    time_zone: TimeZone = None,
    every: Every = None,
    manual: Manual = False,
    chained: Annotated[
        bool, typer.Option("--chained", help="Run after each backup; so it is without a schedule.")
    ] = False,
    description: Annotated[str, typer.Option(metavar="TEXT")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Switch the schedule off for now.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Create a job that copies what a backup job makes to another repository, with a retention of its own."""
    if inherit_password and make_at is None:
        raise typer.BadParameter("this goes with --make-at only", param_hint="--inherit-encryption")
    if manual and chained:
        raise typer.BadParameter("choose one of them", param_hint="--manual, --chained")
    otherwise = ScheduleType.NOT_SCHEDULED if manual else ScheduleType.CHAINED if chained else None
    schedule = schedule_body(daily=daily, days=days, time_zone=time_zone, every=every, otherwise=otherwise)
    body: Row = {
        "name": name,
        "description": description,
        "isEnabled": not disabled,
        **schedule,
        **retention_body(keep),
    }
    body |= gfs_body(daily=keep_daily, weekly=keep_weekly, monthly=keep_monthly, yearly=keep_yearly)
    with signed_in(data) as client:
        job = find(client, JOBS, source)
        server_uid = job["backupServerUid"]
        body["sourceFileShareJobUid"] = job["instanceUid"]
        if make_at is not None:
            target: Row = {"name": repository}
            body["targetRepository"] = {**target, "path": make_at, "isEncryptionInherited": inherit_password}
        else:
            target = find(client, REPOSITORIES, repository, server_uid=server_uid)
            body["targetRepositoryUid"] = target["instanceUid"]
        row = client.post(f"{BACKUP_SERVERS}/{server_uid}/jobs/fileShareCopyJobs", body)
    if as_json:
        show_json(row)
    else:
        say(f"The job {name} copies what {job['name']} makes to {target['name']} ({row['instanceUid']}).")
