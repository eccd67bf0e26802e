"""Releasing a hold: somebody has looked, and retention may delete again."""

from __future__ import annotations

from tandem.actions.change_job import changeable, log_job
from tandem.actions.context import Act
from tandem.domain.errors import Conflict
from tandem.domain.jobs import Job
from tandem.store import backup_servers, holds, jobs


def release_hold(act: Act, uid: str) -> Job:
    """Release the hold of a file share job, or, named by its copy job, of the job that it copies.

    The agent hears of it with its configuration, whenever it is there.

    Raises:
        NotFound: if the job is not there for the caller.
        Forbidden: if it is assigned to a company, and the caller does not see its backup server and repository too.
        Conflict: if the job is not on hold.
    """
    with act.context.database.writing() as connection:
        job = changeable(connection, act, uid)
        held = job
        if job.previous_job_unique_uid is not None:
            held = changeable(connection, act, job.previous_job_unique_uid)
        backup_servers.bump_revision(connection, held.backup_server_uid)
        found = holds.holds_of(connection, act.caller.scope, [held.unique_uid]).get(held.unique_uid)
        if found is None:
            raise Conflict(f"The job {held.name} is not on hold: its retention goes on.")
        holds.release_hold(connection, act.caller.scope, held.unique_uid, found.hold.uid)
        told = " ".join(cause.message for cause in found.hold.causes)
        log_job(connection, act, held, "ReleaseBackupServerJobHold", more=f"({told})")
        return jobs.get_job(connection, act.caller.scope, job.unique_uid)
