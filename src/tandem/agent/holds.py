"""Holds of this agent's jobs: remembered and reported in one transaction, until the console hands down a release."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import msgspec

from tandem.agent.remembered import HeldPoint
from tandem.agent.state import State
from tandem.domain.holds import Hold, HoldCause, SeenPoint, with_causes
from tandem.protocol.messages import Configuration, HoldReport, JobConfiguration


class Accepted(msgspec.Struct, frozen=True):
    """The newest point when a hold was released: as it is, somebody has said, the share should be."""

    point: SeenPoint


def add_causes(state: State, job_uid: str, causes: Sequence[HoldCause]) -> None:
    """Put a file share job on hold, or add to what it is on hold for."""
    if not causes:
        return
    with state.transaction():
        hold = with_causes(state.note(job_uid, Hold), causes, str(uuid.uuid4()))
        state.put_note(job_uid, hold)
        state.add_report(HoldReport(job_uid=job_uid, hold=hold))


def take_releases(state: State, configuration: Configuration) -> None:
    """Lift the holds that somebody has released; one with a cause that is newer than what was released stays."""
    for job in configuration.jobs:
        with state.transaction():
            hold = state.note(job.uid, Hold)
            if hold is not None and hold.uid == job.released_hold:
                state.drop_note(job.uid, Hold)
                newest = max(state.points(job.uid), key=lambda point: point.created_at, default=None)
                if newest is not None:
                    accepted = msgspec.structs.replace(seen(newest), is_complete=True)
                    state.put_note(job.uid, Accepted(accepted))
                state.add_report(HoldReport(job_uid=job.uid, hold=None))


def why_held(state: State, job: JobConfiguration) -> str:
    """Say why retention may delete nothing of a file share job, nor of its copies; empty when it may."""
    hold = state.note(job.uid, Hold)
    if hold is None:
        return ""
    told = " ".join(cause.message for cause in hold.causes)
    text = f"Retention is on hold since {hold.since:%Y-%m-%d %H:%M:%S %Z} and deletes nothing: {told}"
    return f'{text} If this is as it should be, release it: tandem jobs release "{job.name}".'


def seen_points(state: State, job_uid: str) -> list[SeenPoint]:
    """Give what the rules need to know of a job's points, the one included that somebody has accepted as it was."""
    accepted = state.note(job_uid, Accepted)
    points = [seen(point) for point in state.points(job_uid, is_going=False)]
    return points if accepted is None else [*points, accepted.point]


def seen(point: HeldPoint) -> SeenPoint:
    """Give what the rules need to know of a point."""
    return SeenPoint(
        snapshot_id=point.snapshot_id,
        created_at=point.created_at,
        files=point.files,
        size=point.size,
        is_complete=point.is_complete,
    )
