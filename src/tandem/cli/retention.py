"""How long jobs keep their points: seen beforehand as a calendar, foreseen, and changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated

import typer

from tandem.cli.lookup import JOBS, find
from tandem.cli.options import AsJson, Data, Yes, confirm, signed_in
from tandem.cli.output import Column, Row, duration, moment, say, show_fields, show_json, show_table, size
from tandem.cli.schedules import retention_body
from tandem.client import Client
from tandem.domain.fates import Fate
from tandem.domain.jobs import JobType
from tandem.domain.retention import GFS_MAX

PAGE = 500
DAYS_IN_MONTH_MAX = 31
LIST = {JobType.BACKUP_FILE: "fileShareJobs", JobType.BACKUP_FILE_COPY: "fileShareCopyJobs"}
# Of several points of one day, the one that matters most is drawn.
SIGNS = {Fate.DELETE: "x", Fate.KEEP: "#", Fate.COPY: "+", Fate.SKIP: "-"}
MATTERS = (Fate.COPY, Fate.KEEP, Fate.DELETE, Fate.SKIP)
LEGEND = "# stays   x goes   + is copied   - is never copied   . no point"

Job = Annotated[str, typer.Argument(metavar="JOB", help="Name or uid.")]
KeepOther = Annotated[
    str | None, typer.Option("--keep", metavar="TIME", help="How long points are kept: 90min, 12h, 28d, 6months, 2y.")
]


def _count(period: str) -> typer.models.OptionInfo:
    about = f"Keep the first point of each of the last so many {period}s too; 0 is none."
    name = {"day": "daily", "week": "weekly", "month": "monthly", "year": "yearly"}[period]
    return typer.Option(f"--keep-{name}", metavar="N", min=0, max=GFS_MAX, help=about)


KeepDaily = Annotated[int | None, _count("day")]
KeepWeekly = Annotated[int | None, _count("week")]
KeepMonthly = Annotated[int | None, _count("month")]
KeepYearly = Annotated[int | None, _count("year")]


def gfs_body(*, daily: int | None, weekly: int | None, monthly: int | None, yearly: int | None) -> Row:
    """Give the members of a job that say which points are kept longer, as far as they were said."""
    counts = {"gfsDaily": daily, "gfsWeekly": weekly, "gfsMonthly": monthly, "gfsYearly": yearly}
    return {name: count for name, count in counts.items() if count is not None}


def preview(
    job: Job,
    *,
    keep: KeepOther = None,
    daily: KeepDaily = None,
    weekly: KeepWeekly = None,
    monthly: KeepMonthly = None,
    yearly: KeepYearly = None,
    every_point: Annotated[bool, typer.Option("--all", help="List the points that stay as well.")] = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show what the next run of a job keeps, deletes and copies, with its retention or another; changes nothing."""
    asked = (retention_body(keep) if keep else {}) | gfs_body(
        daily=daily, weekly=weekly, monthly=monthly, yearly=yearly
    )
    with signed_in(data) as client:
        found = find(client, JOBS, job)
        shown = _preview(client, found, asked)
    if as_json:
        show_json(shown)
        return
    for line in calendar(shown["points"]):
        say(line)
    if shown["points"]:
        say(LEGEND)
    say(_summary(shown))
    if shown["pointsUnconfirmed"]:
        say(f'Once you have looked at the adopted ones: tandem jobs adopt "{found["name"]}" --confirm-deletion')
    rows = [row for row in shown["points"] if every_point or _is_news(row)]
    if rows:
        columns = [Column("Time"), Column("Action"), Column("Kept until"), Column("Why")]
        show_table(
            columns,
            (
                (moment(row["restorePointDate"]), row["action"], moment(row["expirationTime"]), row["reason"])
                for row in rows
            ),
            empty="",
        )


def change(
    job: Job,
    *,
    keep: KeepOther = None,
    daily: KeepDaily = None,
    weekly: KeepWeekly = None,
    monthly: KeepMonthly = None,
    yearly: KeepYearly = None,
    yes: Yes = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Change how long a job keeps its points; asks before that deletes more than half of them."""
    asked = (retention_body(keep) if keep else {}) | gfs_body(
        daily=daily, weekly=weekly, monthly=monthly, yearly=yearly
    )
    if not asked:
        raise typer.BadParameter("say what is to change", param_hint="--keep, --keep-weekly, …")
    with signed_in(data) as client:
        row = find(client, JOBS, job)
        foreseen = client.get(f"{_path(row)}/retentionPreview", limit=1, **asked)
        if foreseen["isConfirmationNeeded"]:
            confirm(f"{_summary(foreseen)} Go on?", is_certain=yes)
        changes = [{"op": "replace", "path": f"/{name}", "value": value} for name, value in asked.items()]
        # Confirmed is what was seen: if it is more by now, the console asks again.
        confirmation = {"confirmDeletion": "true"} if foreseen["isConfirmationNeeded"] else {}
        now = client.patch(_path(row), changes, **confirmation)
    if as_json:
        show_json(now)
    else:
        say(f"{row['name']}: {_summary(foreseen)}")


def forecast(
    job: Job,
    *,
    keep: KeepOther = None,
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How far to look ahead.")] = 30,
    upload_limit: Annotated[
        int | None,
        typer.Option(
            "--upload-limit", metavar="KIB", min=1, help="KiB per second in place of the limits that are set."
        ),
    ] = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Foresee what a copy job takes: its next run, what it holds after some days, and when the disk is full."""
    asked = retention_body(keep) if keep else {}
    with signed_in(data) as client:
        row = find(client, JOBS, job)
        if row["type"] != JobType.BACKUP_FILE_COPY:
            raise typer.BadParameter(f"{row['name']} is no copy job", param_hint="JOB")
        shown = client.get(f"{_path(row)}/forecast", days=days, uploadLimit=upload_limit, **asked)
    if as_json:
        show_json(shown)
        return
    show_fields(
        [
            ("Next run", f"{shown['nextRunPoints']} points, {size(shown['nextRunBytes'])}"),
            ("Takes", duration(shown["nextRunSeconds"]) or "unknown"),
            ("Holds now", f"{shown['pointsHeld']} points, {size(shown['bytesHeld'])}"),
            (f"In {days} days", f"{shown['pointsHeldThen']} points, {size(shown['bytesHeldThen'])}"),
            ("Free", size(shown["freeSpace"]) or "unknown"),
            ("Disk full", moment(shown["diskFullTime"]) or "not foreseen"),
        ]
    )
    for line in shown["basis"]:
        say(line)


def describe_retention(row: Row) -> str:
    """Say how long a job keeps its points."""
    longer = [f"{row[name]} {period}" for name, period in _PERIODS.items() if row[name]]
    return f"{row['retention']} {row['retentionUnit'].lower()}" + (f" and {', '.join(longer)}" if longer else "")


def calendar(points: Iterable[Row]) -> list[str]:
    """Draw a month as a line and a day as a sign, the newest month first; days are those of UTC."""
    days: dict[str, dict[int, set[str]]] = {}
    for row in points:
        day = datetime.fromisoformat(row["restorePointDate"])
        days.setdefault(f"{day:%Y-%m}", {}).setdefault(day.day, set()).add(row["action"])
    if not days:
        return []
    numbers = range(1, DAYS_IN_MONTH_MAX + 1)
    lines = ["        " + " ".join(f"{number:2}" for number in numbers)]
    for month, fates in sorted(days.items(), reverse=True):
        signs = " ".join(f" {_sign(fates.get(number, set()))}" for number in numbers)
        lines.append(f"{month} {signs}".rstrip())
    return lines


def _sign(fates: set[str]) -> str:
    return next((SIGNS[fate] for fate in MATTERS if fate in fates), ".")


def _is_news(row: Row) -> bool:
    return row["action"] != Fate.KEEP or row["actionOnceConfirmed"] == Fate.DELETE


def _preview(client: Client, job: Row, asked: Row) -> Row:
    shown: Row = client.get(f"{_path(job)}/retentionPreview", limit=PAGE, **asked)
    while len(shown["points"]) < shown["pointsTotal"]:
        page = client.get(f"{_path(job)}/retentionPreview", limit=PAGE, offset=len(shown["points"]), **asked)
        if not page["points"]:
            break
        shown["points"] += page["points"]
    return shown


def _path(job: Row) -> str:
    return f"{JOBS.path}/{LIST[JobType(job['type'])]}/{job['instanceUid']}"


def _summary(shown: Row) -> str:
    told = f"Keeping {describe_retention(shown)}, {shown['pointsDeleted']} of {shown['pointsHeld']} restore points go"
    if shown["pointsCopied"]:
        told = f"{told}, {shown['pointsCopied']} are copied"
    if shown["pointsUnconfirmed"]:
        told = f"{told}, {shown['pointsUnconfirmed']} adopted ones stay until somebody confirms that they may go"
    return f"{told}."


_PERIODS = {"gfsDaily": "daily", "gfsWeekly": "weekly", "gfsMonthly": "monthly", "gfsYearly": "yearly"}
