"""Runs that failed and are tried again by themselves; remembered, so that a restart of the agent loses none."""

from __future__ import annotations

from datetime import datetime

import msgspec

from tandem.agent.state import State
from tandem.domain.retries import retry_at
from tandem.domain.sessions import SessionState
from tandem.protocol.messages import JobConfiguration


class Retry(msgspec.Struct, frozen=True):
    """How often a job's run was tried again, and when it is the next time; None while a try goes on."""

    attempts: int
    at: datetime | None


def is_due(state: State, job: JobConfiguration, now: datetime) -> bool:
    """Say whether a job's run is to be tried again now."""
    retry = state.note(job.uid, Retry)
    return retry is not None and retry.at is not None and retry.at <= now


def begin(state: State, job: JobConfiguration, now: datetime) -> None:
    """Note that a run starts: one that was due as another try, or one that begins a new count."""
    retry = state.note(job.uid, Retry)
    if retry is not None and is_due(state, job, now):
        state.put_note(job.uid, Retry(retry.attempts, None))
    else:
        state.drop_note(job.uid, Retry)


def note_end(state: State, job: JobConfiguration, end: SessionState, now: datetime) -> list[str]:
    """Note how a run ended that nobody stopped, and when it is tried again if it failed; gives what to tell of it."""
    with state.transaction():
        retry = state.note(job.uid, Retry) or Retry(0, None)
        if end is not SessionState.FAILED or retry.attempts >= job.retry_times:
            state.drop_note(job.uid, Retry)
            is_last = end is SessionState.FAILED and retry.attempts > 0
            return [f"It was tried again {retry.attempts} times, as often as is set."] if is_last else []
        at = retry_at(now, interval_minutes=job.retry_interval, attempts=retry.attempts)
        state.put_note(job.uid, Retry(retry.attempts + 1, at))
        return [f"It is tried again at {at:%Y-%m-%d %H:%M %Z}, {retry.attempts + 1} of {job.retry_times} times."]


def give_up(state: State, job_uid: str) -> None:
    """Note that a run is not tried again: somebody took it out of the queue."""
    state.drop_note(job_uid, Retry)
