"""What runs of each kind want: which repositories, what they do, and what brings them back after a restart."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path

from tandem.agent.queue import Wish
from tandem.agent.restore import run_restore
from tandem.agent.run import Run
from tandem.agent.run_file_share_copy_job import run_file_share_copy_job
from tandem.agent.run_file_share_job import run_file_share_job
from tandem.agent.state import State
from tandem.domain.sessions import Session, SessionState, SessionType
from tandem.protocol.messages import Configuration, JobConfiguration, Order, RestorePointTo, StartJob


def job_wish(job: JobConfiguration, configuration: Configuration, host_name: str) -> Wish:
    """Give what a run of a job wants: a copy only reads the repository of its source job."""
    sources = {other.target_repository_uid for other in configuration.jobs if other.uid == job.source_job_uid}

    def work(run: Run) -> None:
        # As it is when the run begins: it may have waited for long.
        now = run.job(job.uid)
        if now.is_copy:
            run_file_share_copy_job(run, now)
        else:
            run_file_share_job(run, now, host_name)

    return Wish(
        key=job.uid,
        type=SessionType.COPY if job.is_copy else SessionType.BACKUP,
        label=f"the job {job.name}",
        work=work,
        writes=frozenset({job.target_repository_uid}),
        reads=frozenset(sources),
        job=job,
        file_share_uid=job.file_share_uid,
        chains=True,
        order=StartJob(job.uid),
    )


def restore_wish(order: RestorePointTo, data: Path) -> Wish:
    """Give what a restore wants; somebody waits for it, so it heeds no hours."""

    def work(run: Run) -> None:
        run_restore(run, order, data)

    return Wish(
        key=order.session_uid,
        type=SessionType.RESTORE,
        label="a restore",
        work=work,
        reads=frozenset({order.repository_uid}),
        file_share_uid=order.file_share_uid,
        session_uid=order.session_uid,
        order=order,
        heeds_hours=False,
    )


def job_of(wish: Wish) -> JobConfiguration | None:
    """Give the job whose run is wanted; other work on a job is not tried again by itself."""
    return wish.job if wish.job is not None and wish.job.uid == wish.key else None


def new_session(wish: Wish, now: datetime) -> Session:
    """Begin the session of a wish: it waits."""
    return Session(
        instance_uid=wish.session_uid or str(uuid.uuid4()),
        job_uid=wish.job.uid if wish.job else None,
        job_unique_uid=wish.job.unique_uid if wish.job else None,
        file_share_uid=wish.file_share_uid,
        type=wish.type,
        state=SessionState.QUEUED,
        started_at=now,
    )


def left_waiting(state: State) -> tuple[dict[str, Session], list[Order]]:
    """Give the sessions that waited when the agent ended, by key, and the orders that bring them back."""
    sessions = {session.instance_uid: session for session in state.open_sessions()}
    left: dict[str, Session] = {}
    orders: list[Order] = []
    for session_uid, (key, order) in state.wishes().items():
        if session_uid in sessions and order is not None:
            left[key] = sessions[session_uid]
            orders.append(order)
    return left, orders
