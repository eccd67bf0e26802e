"""Requests that go on by themselves after 202, and how long what came of them is kept."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

SUCCESS_KEPT = timedelta(minutes=5)
FAILURE_KEPT = timedelta(hours=1)
# The process that runs an action says so every 30 s; one that has not for this long is dead.
DEAD_AFTER = timedelta(minutes=2)
PARALLEL_MAX = 4
WAITING_MAX = 100
WAITING_MAX_OF_USER = 20


class AsyncActionStatus(StrEnum):
    """The contract's words; an action that waits for its turn counts as running."""

    RUNNING = "running"
    SUCCEED = "succeed"
    CANCELED = "canceled"
    FAILED = "failed"


class AsyncAction(msgspec.Struct, frozen=True, kw_only=True):
    """One action; what was asked and what came of it are sealed, since both may hold secrets."""

    instance_uid: str
    initiator_uid: str
    action_name: str
    status: AsyncActionStatus
    sealed_request: str
    sealed_answer: str | None = None
    created_at: datetime
    started_at: datetime | None = None


def kept_for(status: AsyncActionStatus) -> timedelta:
    """Give how long an action that ended so is remembered."""
    return FAILURE_KEPT if status is AsyncActionStatus.FAILED else SUCCESS_KEPT
