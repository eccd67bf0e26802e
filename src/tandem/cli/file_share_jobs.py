"""Creating file share jobs: the backup of a share into its first repository."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.lookup import BACKUP_SERVERS, REPOSITORIES, SHARES, find
from tandem.cli.options import AsJson, Data, signed_in
from tandem.cli.output import say, show_json
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


def create_backup(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The job's name.")],
    *,
    share: Annotated[str, typer.Option(metavar="SHARE", help="What to back up, by name or uid.")],
    repository: Annotated[str, typer.Option(metavar="REPOSITORY", help="Where to, by name or uid.")],
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
    description: Annotated[str, typer.Option(metavar="TEXT")] = "",
    disabled: Annotated[bool, typer.Option("--disabled", help="Switch the schedule off for now.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Create a job that backs up a share; without a schedule it runs when it is started."""
    otherwise = ScheduleType.NOT_SCHEDULED if manual else None
    schedule = schedule_body(daily=daily, days=days, time_zone=time_zone, every=every, otherwise=otherwise)
    body = {"name": name, "description": description, "isEnabled": not disabled, **schedule, **retention_body(keep)}
    body |= gfs_body(daily=keep_daily, weekly=keep_weekly, monthly=keep_monthly, yearly=keep_yearly)
    with signed_in(data) as client:
        source = find(client, SHARES, share)
        server_uid = source["backupServerUid"]
        target = find(client, REPOSITORIES, repository, server_uid=server_uid)
        body |= {"fileShareUid": source["fileShareUid"], "targetRepositoryUid": target["instanceUid"]}
        row = client.post(f"{BACKUP_SERVERS}/{server_uid}/jobs/fileShareJobs", body)
    if as_json:
        show_json(row)
    else:
        say(f"The job {name} backs up {source['name']} to {target['name']} ({row['instanceUid']}).")
