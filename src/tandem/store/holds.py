"""Holds of jobs, stored: as their agents report them, until they report that there is none any more."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from tandem.domain.holds import Hold, JobHold
from tandem.domain.identity import Scope
from tandem.store.database import Connection
from tandem.store.query import visible_one_by_one
from tandem.store.schema.tables import job_holds, jobs


def holds_of(connection: Connection, scope: Scope, job_unique_uids: list[str]) -> dict[str, JobHold]:
    """Get the holds of jobs, those that the caller sees; a job that is not on hold is left out."""
    statement = select(job_holds).where(
        visible_one_by_one(job_holds, scope), job_holds.c.job_unique_uid.in_(job_unique_uids)
    )
    return {
        row.job_unique_uid: JobHold(row.hold, is_released=row.released_uid == row.hold.uid)
        for row in connection.execute(statement)
    }


def standing_hold(connection: Connection, scope: Scope, job_unique_uid: str) -> Hold | None:
    """Get the hold of a job that the caller sees, unless it has none, or one that is released."""
    found = holds_of(connection, scope, [job_unique_uid]).get(job_unique_uid)
    return None if found is None or found.is_released else found.hold


def release_hold(connection: Connection, scope: Scope, job_unique_uid: str, hold_uid: str) -> None:
    """Note that somebody has released a hold, as it is; one with a cause that comes later is another."""
    is_hold = visible_one_by_one(job_holds, scope) & (job_holds.c.job_unique_uid == job_unique_uid)
    connection.execute(update(job_holds).where(is_hold).values(released_uid=hold_uid))


def released_of_server(connection: Connection, backup_server_uid: str) -> dict[str, str]:
    """Get the uids of the holds that are released, by the job's id at a backup server."""
    joined = job_holds.join(jobs, jobs.c.unique_uid == job_holds.c.job_unique_uid)
    statement = select(jobs.c.instance_uid, job_holds.c.released_uid).select_from(joined)
    is_released = (jobs.c.backup_server_uid == backup_server_uid) & job_holds.c.released_uid.is_not(None)
    return {row[0]: row[1] for row in connection.execute(statement.where(is_released))}


def apply_hold(connection: Connection, backup_server_uid: str, job_uid: str, hold: Hold | None) -> None:
    """Keep what an agent says of a job's hold; of a job that is not its own, nothing."""
    is_job = (jobs.c.instance_uid == job_uid) & (jobs.c.backup_server_uid == backup_server_uid)
    unique_uid = connection.scalar(select(jobs.c.unique_uid).where(is_job))
    if unique_uid is None:
        return
    is_row = job_holds.c.job_unique_uid == unique_uid
    if hold is None:
        connection.execute(delete(job_holds).where(is_row))
    elif not connection.execute(update(job_holds).where(is_row).values(hold=hold)).rowcount:
        connection.execute(insert(job_holds).values(job_unique_uid=unique_uid, hold=hold))
