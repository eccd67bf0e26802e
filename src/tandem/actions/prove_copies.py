"""Having repositories read back or healed, and copies restored for a drill; queued for the agent, not done."""

from __future__ import annotations

from tandem.actions.ask_agent import require_connected
from tandem.actions.change_job import changeable, log_job
from tandem.actions.context import Act
from tandem.actions.queue_session import queue_session
from tandem.domain import drills, verification
from tandem.domain.errors import Conflict, Invalid
from tandem.domain.jobs import Job
from tandem.domain.proof import CopyProof, RepositoryVerification
from tandem.domain.sessions import Session, SessionType
from tandem.protocol.messages import DrillCopy, VerifyRepository
from tandem.store import activity_log, backup_servers, file_share_copy_jobs, file_share_jobs, jobs, proof, repositories
from tandem.store.database import Connection


def verify_repository(
    act: Act, server_uid: str, uid: str, *, is_everything: bool = False, is_healing: bool = False
) -> Session:
    """Queue the reading back of a repository, its next part or all of it, or its healing; gives the session.

    Raises:
        NotFound: if the repository is not there for the caller.
        Conflict: if it was not made yet, or no job uses it.
        Unavailable: if its agent is away.
    """
    with act.context.database.writing() as connection:
        repository = repositories.get_repository(connection, act.caller.scope, uid, server_uid)
        server = backup_servers.get_backup_server(connection, act.caller.scope, server_uid)
        require_connected(act.context, server)
        # One that could not be opened lately is tried: its session says what came of it.
        if repository.restic_id is None:
            raise Conflict(f"The repository {repository.name} is not ready; its status is {repository.state}.")
        job = _job_of_repository(connection, uid)
        if job is None:
            raise Conflict(f"No job uses the repository {repository.name}; create one first.")
        session = queue_session(
            connection,
            act,
            job,
            SessionType.HEALING if is_healing else SessionType.VERIFICATION,
            file_share_uid=jobs.share_of_job(connection, job.unique_uid),
            order=lambda session_uid: VerifyRepository(
                session_uid=session_uid,
                repository_uid=uid,
                job_uid=job.instance_uid,
                is_everything=is_everything,
                is_healing=is_healing,
            ),
        )
        activity_log.record_activity(
            connection,
            act.caller,
            "HealBackupRepository" if is_healing else "VerifyBackupRepository",
            object_uid=uid,
            object_organization_uid=repository.organization_uid,
            detail=repository.name,
            now=act.now,
        )
    return session


def set_verification(act: Act, server_uid: str, uid: str, verify_every_days: int) -> RepositoryVerification:
    """Change the period in which every pack of a repository is read; raises NotFound, or Invalid for the days."""
    _check_days(verify_every_days, "verifyEveryDays", verification.EVERY_MIN_DAYS, verification.EVERY_MAX_DAYS)
    with act.context.database.writing() as connection:
        backup_servers.bump_revision(connection, server_uid)
        repository = repositories.get_repository(connection, act.caller.scope, uid, server_uid)
        proof.set_verify_every(connection, act.caller.scope, uid, verify_every_days)
        activity_log.record_activity(
            connection,
            act.caller,
            "SetBackupRepositoryVerification",
            object_uid=uid,
            object_organization_uid=repository.organization_uid,
            detail=f"{repository.name}: every {verify_every_days} days",
            now=act.now,
        )
        return proof.get_verification(connection, act.caller.scope, uid, server_uid)


def drill_copy(act: Act, uid: str, files: int | None) -> Session:
    """Queue a restore drill of a copy job; gives the session.

    Args:
        act: who asks.
        uid: either of the job's ids.
        files: how many files to restore; None means all of the newest copy.

    Raises:
        NotFound: if the job is not there for the caller.
        Forbidden: if it is assigned to a company, and the caller does not see its backup server and repository too.
        Invalid: for a number of files that is not allowed.
        Unavailable: if its agent is away.
    """
    if files is not None and not 1 <= files <= drills.FILES_MAX:
        raise Invalid(f"files: {files} is not a number from 1 to {drills.FILES_MAX}, nor null for all.", field="files")
    with act.context.database.writing() as connection:
        job = _changeable_copy_job(connection, act, uid)
        server = backup_servers.get_server_of_job(connection, job.backup_server_uid)
        require_connected(act.context, server)
        session = queue_session(
            connection,
            act,
            job,
            SessionType.DRILL,
            file_share_uid=jobs.share_of_job(connection, job.unique_uid),
            order=lambda session_uid: DrillCopy(session_uid=session_uid, job_uid=job.instance_uid, files=files),
        )
        log_job(connection, act, job, "DrillFileShareCopyJob")
    return session


def set_drills(act: Act, uid: str, drill_every_days: int) -> CopyProof:
    """Change how often the newest copy of a copy job is restored; raises as `drill_copy`."""
    _check_days(drill_every_days, "drillEveryDays", drills.EVERY_MIN_DAYS, drills.EVERY_MAX_DAYS)
    with act.context.database.writing() as connection:
        job = _changeable_copy_job(connection, act, uid)
        backup_servers.bump_revision(connection, job.backup_server_uid)
        proof.set_drill_every(connection, act.caller.scope, job.unique_uid, drill_every_days)
        activity_log.record_activity(
            connection,
            act.caller,
            "SetFileShareCopyJobProof",
            object_uid=job.unique_uid,
            object_organization_uid=job.mapped_organization_uid or job.organization_uid,
            detail=f"{job.name}: every {drill_every_days} days",
            now=act.now,
        )
        return proof.get_copy_proof(connection, act.caller.scope, job.unique_uid)


def _job_of_repository(connection: Connection, uid: str) -> Job | None:
    """Give a job whose session the work on a repository is; one that copies into it before one that backs up."""
    unique_uid = file_share_copy_jobs.first_job_into(connection, uid) or file_share_jobs.first_job_into(connection, uid)
    return None if unique_uid is None else jobs.get_job_of_repository(connection, unique_uid)


def _changeable_copy_job(connection: Connection, act: Act, uid: str) -> Job:
    copy = file_share_copy_jobs.get_file_share_copy_job(connection, act.caller.scope, uid)
    return changeable(connection, act, copy.unique_uid)


def _check_days(days: int, field: str, low: int, high: int) -> None:
    if not low <= days <= high:
        raise Invalid(f"{field}: {days} is not a number of days from {low} to {high}.", field=field)
