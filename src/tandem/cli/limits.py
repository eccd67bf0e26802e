"""Limits of backup servers and repositories: `servers limits` and `repositories limits`, the same options for both."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from tandem.cli.lookup import BACKUP_SERVERS, SERVERS, find, find_repository, path_of_repository
from tandem.cli.options import AsJson, Data, Server, signed_in
from tandem.cli.output import Row, show_fields, show_json, yes_or_no
from tandem.client import Client
from tandem.domain.limits import HOURS_A_DAY
from tandem.domain.schedule import Weekday

Runs = Annotated[int | None, typer.Option("--runs", min=0, help="Runs at a time; 0 is without limit.")]
Upload = Annotated[int | None, typer.Option("--upload", min=0, metavar="KIB", help="KiB per second, of all runs.")]
Download = Annotated[int | None, typer.Option("--download", min=0, metavar="KIB", help="KiB per second, of all runs.")]
Hours = Annotated[
    list[str] | None,
    typer.Option("--hours", metavar="DAYS FROM-TO", help='When runs may begin, such as "Mon-Fri 22-6"; or "always".'),
]
Zone = Annotated[str | None, typer.Option("--time-zone", metavar="ZONE", help="Of the hours; UTC unless told.")]
StopAtEnd = Annotated[
    bool | None, typer.Option("--stop-at-end/--finish", help="What runs do that go on when the hours end.")
]

ALWAYS = "always"
_DAYS = {day.value[:3].lower(): day for day in Weekday}
_HOURS = re.compile(r"(?P<days>daily|[a-z]{3}(?:[-,][a-z]{3})*) +(?P<first>\d{1,2})-(?P<end>\d{1,2})", re.IGNORECASE)


def limit_server(
    server: Annotated[str, typer.Argument(metavar="SERVER", help="Name or uid.")],
    *,
    runs: Runs = None,
    upload: Upload = None,
    download: Download = None,
    hours: Hours = None,
    time_zone: Zone = None,
    stop_at_end: StopAtEnd = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show the limits of a backup server, or change them: how many runs at a time, how fast, in which hours."""
    with signed_in(data) as client:
        path = f"{BACKUP_SERVERS}/{find(client, SERVERS, server)['instanceUid']}/limits"
        _limit(client, path, _changes(runs, upload, download), (hours, time_zone, stop_at_end), as_json=as_json)


def limit_repository(
    repository: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Name or uid.")],
    *,
    server: Server = None,
    runs: Runs = None,
    upload: Upload = None,
    download: Download = None,
    hours: Hours = None,
    time_zone: Zone = None,
    stop_at_end: StopAtEnd = None,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Show the limits of a repository, or change them: how many runs touch it at a time, how fast, in which hours."""
    with signed_in(data) as client:
        found = find_repository(client, repository, server)
        path = f"{path_of_repository(found)}/limits"
        _limit(client, path, _changes(runs, upload, download), (hours, time_zone, stop_at_end), as_json=as_json)


def read_hours(text: str) -> dict[str, set[int]]:
    """Read hours such as "Mon-Fri 22-6": by day of the week; those after midnight are of the next day."""
    match = _HOURS.fullmatch(text.strip())
    days = _days(match["days"].lower()) if match else []
    first, end = (int(match["first"]), int(match["end"])) if match else (HOURS_A_DAY, 0)
    if not days or first >= HOURS_A_DAY or end > HOURS_A_DAY or first == end:
        text = f'"{text[:60]}" is no range of hours; write such as "Mon-Fri 22-6", "Sat,Sun 0-24" or "daily 20-7"'
        raise typer.BadParameter(text, param_hint="--hours")
    every, found = list(Weekday), dict[str, set[int]]()
    for day in days:
        for hour in range(first, end if end > first else end + HOURS_A_DAY):
            of_day = every[(every.index(day) + hour // HOURS_A_DAY) % len(every)]
            found.setdefault(of_day.value, set()).add(hour % HOURS_A_DAY)
    return found


def describe_hours(window: Row | None) -> str:
    """Say when runs may begin."""
    if window is None:
        return ALWAYS
    told = [f"{period['day'][:3]} {_ranges(period['hours'])}" for period in window["timePeriods"] if period["hours"]]
    return f"{', '.join(told)} ({window['timeZone']})"


def _limit(
    client: Client,
    path: str,
    changes: Row,
    window: tuple[list[str] | None, str | None, bool | None],
    *,
    as_json: bool,
) -> None:
    row = client.get(path)
    changes |= _window(row["backupWindowOptions"], *window)
    if changes:
        row = client.patch(path, [{"op": "replace", "path": f"/{name}", "value": changes[name]} for name in changes])
    if as_json:
        show_json(row)
        return
    hours = row["backupWindowOptions"]
    show_fields(
        [
            ("Runs at a time", row["maxConcurrentTask"] or "any number"),
            ("Upload", _rate(row["uploadLimit"])),
            ("Download", _rate(row["downloadLimit"])),
            ("Hours", describe_hours(hours)),
            ("Stopped at their end", yes_or_no(hours and hours["stopAtEnd"])),
        ]
    )


def _changes(runs: int | None, upload: int | None, download: int | None) -> Row:
    given = {"maxConcurrentTask": runs, "uploadLimit": upload, "downloadLimit": download}
    return {name: value or None for name, value in given.items() if value is not None}


def _window(now: Row | None, hours: list[str] | None, time_zone: str | None, stop_at_end: bool | None) -> Row:  # noqa: FBT001  (None is a third answer)
    if hours == [ALWAYS]:
        return {"backupWindowOptions": None}
    if hours is None and time_zone is None and stop_at_end is None:
        return {}
    if hours is None and now is None:
        raise typer.BadParameter("there are no hours yet; say which", param_hint="--hours")
    window = now or {"timePeriods": [], "timeZone": "UTC", "stopAtEnd": False}
    if hours:
        found: dict[str, set[int]] = {}
        for text in hours:
            for day, allowed in read_hours(text).items():
                found.setdefault(day, set()).update(allowed)
        days = [day.value for day in Weekday if day.value in found]
        window = {**window, "timePeriods": [{"day": day, "hours": sorted(found[day])} for day in days]}
    if time_zone is not None:
        window = {**window, "timeZone": time_zone}
    if stop_at_end is not None:
        window = {**window, "stopAtEnd": stop_at_end}
    return {"backupWindowOptions": window}


def _days(text: str) -> list[Weekday]:
    every = list(Weekday)
    if text == "daily":
        return every
    found: list[Weekday] = []
    for part in text.split(","):
        names = part.split("-")
        if not all(name in _DAYS for name in names):
            return []
        first, last = every.index(_DAYS[names[0]]), every.index(_DAYS[names[-1]])
        count = (last - first) % len(every) + 1
        found += [every[(first + ahead) % len(every)] for ahead in range(count)]
    return found


def _ranges(hours: list[int]) -> str:
    ranges: list[list[int]] = []
    for hour in sorted(hours):
        if ranges and ranges[-1][1] == hour:
            ranges[-1][1] = hour + 1
        else:
            ranges.append([hour, hour + 1])
    return " ".join(f"{first}-{end}" for first, end in ranges)


def _rate(rate: int | None) -> str:
    return f"{rate} KiB/s" if rate else "unlimited"
