"""Having a quarantined copy of a restore point tried again."""

from __future__ import annotations

from tandem.actions.ask_agent import ask
from tandem.actions.change_job import changeable, log_job
from tandem.actions.context import Act
from tandem.domain.errors import Conflict, NotFound
from tandem.domain.restore_points import CopyState
from tandem.protocol.messages import ResetCopy
from tandem.store import backup_servers, restore_points


def reset_copy(act: Act, restore_point_uid: str, job_uid: str) -> None:
    """Take a restore point's copy out of quarantine: its agent starts the copy job, which tries it again.

    Raises:
        NotFound: if the point or the job is not there for the caller, or the job does not copy the point.
        Forbidden: as for starting a job.
        Conflict: if the copy is not quarantined, or the job is running.
        Unavailable: if the agent is away.
    """
    scope = act.caller.scope
    with act.context.database.reading() as connection:
        point = restore_points.get_restore_point(connection, scope, restore_point_uid)
        job = changeable(connection, act, job_uid)
        copies = restore_points.copies_of(connection, scope, [point.instance_uid])[point.instance_uid]
        server = backup_servers.get_server_of_job(connection, job.backup_server_uid)
    entry = next((copy.entry for copy in copies if copy.job_unique_uid == job.unique_uid), None)
    if entry is None:
        raise NotFound(f"jobUid: the job {job.name} does not copy this restore point.")
    if entry.state is not CopyState.QUARANTINED:
        text = f"The copy of this restore point by {job.name} is {entry.state}; only a Quarantined one can be reset."
        raise Conflict(text)
    wrong = ask(act.context, server, ResetCopy(job_uid=job.instance_uid, snapshot_id=point.snapshot_id))
    if wrong:
        raise Conflict(wrong)
    with act.context.database.writing() as connection:
        when = f"{point.created_at:%Y-%m-%d %H:%M:%S} UTC"
        log_job(connection, act, job, "ResetFileShareRestorePointCopy", more=f"(the restore point of {when})")
