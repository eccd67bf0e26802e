"""Holds of jobs over HTTP."""

from __future__ import annotations

import msgspec

from tandem.actions import release_hold as release
from tandem.api.http.answers import Done
from tandem.api.http.call import Call
from tandem.api.http.texts import Instant, instant
from tandem.domain.holds import HoldReason, JobHold
from tandem.domain.jobs import Job
from tandem.store import holds
from tandem.store.database import Connection


class HoldCauseView(msgspec.Struct, rename="camel", kw_only=True):
    """One thing that a run saw and that cannot be explained."""

    reason: HoldReason
    message: str
    seen_at: Instant


class RetentionHoldView(msgspec.Struct, rename="camel", kw_only=True):
    """Why retention deletes nothing of a job and its copies; released, it ends once the agent has heard so."""

    since: Instant
    is_released: bool
    causes: list[HoldCauseView]


def release_hold(call: Call) -> Done:
    """Let the retention of a job and of its copies delete again."""
    release.release_hold(call.act, call.uid("jobUid"))
    return Done()


def view_holds(connection: Connection, call: Call, rows: list[Job]) -> dict[str, RetentionHoldView]:
    """Show the holds of jobs, by console id; a copy job is on hold with the job that it copies."""
    held_by = {job.unique_uid: job.previous_job_unique_uid or job.unique_uid for job in rows}
    found = holds.holds_of(connection, call.scope, sorted(set(held_by.values()))) if rows else {}
    return {uid: _view(found[source]) for uid, source in held_by.items() if source in found}


def _view(held: JobHold) -> RetentionHoldView:
    return RetentionHoldView(
        since=instant(held.hold.since),
        is_released=held.is_released,
        causes=[
            HoldCauseView(reason=cause.reason, message=cause.message, seen_at=instant(cause.seen_at))
            for cause in held.hold.causes
        ],
    )
