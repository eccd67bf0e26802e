"""An adoption as a session of its own: what a job adopts is taken in, and nothing else is done."""

from __future__ import annotations

from tandem.agent.queue import Wish
from tandem.agent.run import Run
from tandem.agent.run_file_share_copy_job import adopt_copies
from tandem.agent.run_file_share_job import adopt_points
from tandem.domain.sessions import SessionType
from tandem.protocol.messages import AdoptPoints, Configuration


def wish_for_adoption(order: AdoptPoints, configuration: Configuration, host_name: str) -> Wish | None:
    """Make of an order the run that is wanted; None if its job is not in the configuration.

    Args:
        order: the console's.
        configuration: as it is now.
        host_name: the name that points of this backup server carry.
    """
    job = next((found for found in configuration.jobs if found.uid == order.job_uid), None)
    if job is None:
        return None

    def work(run: Run) -> None:
        now = run.job(order.job_uid)
        if now.is_copy:
            adopt_copies(run, now)
        else:
            adopt_points(run, now, host_name)

    return Wish(
        key=order.session_uid,
        type=SessionType.ADOPTION,
        label=f"an adoption for the job {job.name}",
        work=work,
        writes=frozenset({job.target_repository_uid}),
        job=job,
        file_share_uid=job.file_share_uid,
        session_uid=order.session_uid,
        order=order,
    )
