"""Holds of jobs: why retention deletes nothing, and releasing it."""

from __future__ import annotations

from typing import Annotated

import typer

from tandem.cli.lookup import JOBS, find
from tandem.cli.options import AsJson, Data, Yes, confirm, signed_in
from tandem.cli.output import Row, moment, say, show_json


def release_job(
    job: Annotated[str, typer.Argument(metavar="JOB", help="Name or uid.")],
    *,
    yes: Yes = False,
    as_json: AsJson = False,
    data: Data = None,
) -> None:
    """Let the retention of a job, and of its copies, delete again after a hold."""
    with signed_in(data) as client:
        row = find(client, JOBS, job)
        if hold := row.get("retentionHold"):
            for line in describe_hold(hold):
                say(line)
        confirm(f"Is this as it should be? Retention of {row['name']} and its copies then deletes.", is_certain=yes)
        client.post(f"{JOBS.path}/{row['instanceUid']}/release")
        now = client.get(f"{JOBS.path}/{row['instanceUid']}")
    if as_json:
        show_json(now)
    else:
        say(f"The hold of {row['name']} is released; its agent hears of it with its next configuration.")


def describe_hold(hold: Row) -> list[str]:
    """Give what a hold says, a line for each cause."""
    state = "released, not yet heard by the agent" if hold["isReleased"] else f"since {moment(hold['since'])}"
    return [f"on hold, {state}:", *(f"{moment(cause['seenAt'])} {cause['message']}" for cause in hold["causes"])]
