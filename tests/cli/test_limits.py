"""Limits on the command line: hours as people write them, and what a session is at in one line."""

from typing import Any

import pytest
import typer

from tandem.cli.following import describe
from tandem.cli.limits import describe_hours, read_hours
from tests.cli.test_following import RUNNING


def test_hours_are_read_as_people_write_them() -> None:
    night = {"Friday": {22, 23}, "Saturday": {0, 1, 22, 23}, "Sunday": {0, 1}}
    assert read_hours("Fri-Sat 22-2") == night
    assert read_hours("sat,sun 0-24") == {"Saturday": set(range(24)), "Sunday": set(range(24))}
    assert read_hours("Sun-Mon 5-6") == {"Sunday": {5}, "Monday": {5}}
    assert len(read_hours("daily 20-7")) == 7
    periods: list[Any] = [{"day": "Saturday", "hours": [0, 1, 22, 23]}, {"day": "Sunday", "hours": []}]
    assert describe_hours({"timePeriods": periods, "timeZone": "UTC"}) == "Sat 0-2 22-24 (UTC)"


@pytest.mark.parametrize("text", ["", "22-6", "Mon", "Moo 1-2", "Mon 24-2", "Mon 1-25", "Mon 3-3", "Mon-Moo 1-2"])
def test_what_is_no_range_of_hours_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="Mon-Fri 22-6"):
        read_hours(text)


def at(**members: Any) -> str:
    return describe({**RUNNING, **members})


def test_a_session_is_told_in_a_line() -> None:
    assert at() == "Backing up, 1 B of 10 B"
    progress = {**RUNNING["progress"], "pointsDone": 2, "pointsTotal": 5, "rate": 2048, "remainingSeconds": 61}
    assert (
        at(type="BackupFileCopy", progress=progress) == "Copying, 2 of 5 points, 1 B of 10 B, 2.0 KiB/s, 0:01:01 left"
    )
    assert at(status="Queued", waitingReason="Held.") == "Queued: Held."
    then = "2026-03-01T10:00:00Z"
    assert "no word from its agent since" in at(liveness="Silent", lastHeartbeat=then)
    assert "no progress since" in at(liveness="Hanging", lastProgress=then)
