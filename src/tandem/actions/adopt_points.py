"""Adoption: looking into a repository, and making points that were made without Tandem those of a job."""

from __future__ import annotations

from tandem.actions.ask_agent import PAUSE_SECONDS, ask, require_connected
from tandem.actions.change_job import log_job
from tandem.actions.context import Act, new_uid
from tandem.actions.queue_session import queue_session
from tandem.domain.adoption import Adoption, Origin, RepositorySnapshots
from tandem.domain.errors import Conflict, Invalid, Unavailable
from tandem.domain.jobs import Job, JobType
from tandem.domain.sessions import Session, SessionType
from tandem.protocol.messages import AdoptPoints, CollectSnapshots
from tandem.store import (
    activity_log,
    adoption,
    backup_servers,
    file_share_copy_jobs,
    file_share_jobs,
    jobs,
    repositories,
)
from tandem.store.database import Connection

PATIENCE_SECONDS = 60
ORIGINS_MAX = 100


def collect_snapshots(act: Act, uid: str, backup_server_uid: str) -> RepositorySnapshots:
    """Have an agent look into a repository and wait for what it finds.

    Raises:
        NotFound: if the repository is not there for the caller.
        Conflict: if the repository does not open.
        Unavailable: if the agent is away or takes too long.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        server = backup_servers.get_backup_server(connection, scope, backup_server_uid)
        repository = repositories.get_repository(connection, scope, uid, backup_server_uid)
        activity_log.record_activity(
            connection,
            act.caller,
            "CollectBackupRepositorySnapshots",
            object_uid=uid,
            object_organization_uid=repository.organization_uid,
            detail=repository.name,
            now=act.now,
        )
    request_uid = new_uid()
    refusal = ask(act.context, server, CollectSnapshots(request_uid=request_uid, repository_uid=uid))
    if refusal:
        raise Conflict(refusal)
    for _ in range(round(PATIENCE_SECONDS / PAUSE_SECONDS)):
        with act.context.database.reading() as connection:
            found = adoption.find_snapshots(connection, scope, uid)
        if found is not None and found.request_uid == request_uid:
            if found.failure:
                raise Conflict(f"The repository {repository.name} cannot be read: {found.failure}")
            return found
        act.context.pause(PAUSE_SECONDS)
    raise Unavailable(
        f"Looking into {repository.name} takes more than {PATIENCE_SECONDS} s; ask again what was found in a while."
    )


def adopt_points(act: Act, job_uid: str, origins: list[Origin], *, may_forget: bool) -> Session:
    """Make points of these origins those of a job, beside what it has adopted; gives the session that does it.

    A copy job recognizes copies of its points by itself, so that it takes no origins.

    Args:
        act: who asks.
        job_uid: either of the job's ids.
        origins: whose points; none, to confirm what was adopted.
        may_forget: whether the job's retention may forget what it adopts: False keeps all of that.

    Raises:
        NotFound: if the job, its backup server or its repository is not there for the caller.
        Invalid: if there is nothing to adopt.
        Conflict: if another job has adopted one of the origins.
        Unavailable: if the agent is away.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        job = jobs.get_job(connection, scope, job_uid)
        # Seeing the job alone is not enough: what is in the repository may be another tenant's.
        server = backup_servers.get_backup_server(connection, scope, job.backup_server_uid)
        require_connected(act.context, server)
        share_uid = _check(connection, act, job, origins)
        kept = adoption.find_adoption(connection, scope, job.unique_uid)
        all_origins = [*kept.origins, *(origin for origin in origins if origin not in kept.origins)]
        if job.type is JobType.BACKUP_FILE and not all_origins:
            raise Invalid("origins: name the host and the paths of the points to adopt.", field="origins")
        if len(all_origins) > ORIGINS_MAX:
            raise Invalid(f"origins: a job adopts {ORIGINS_MAX} at most.", field="origins")
        backup_servers.bump_revision(connection, server.instance_uid)
        changed = Adoption(origins=all_origins, may_forget=may_forget)
        adoption.put_adoption(connection, scope, job.unique_uid, changed, act.now)
        session = queue_session(
            connection,
            act,
            job,
            SessionType.ADOPTION,
            file_share_uid=share_uid,
            order=lambda uid: AdoptPoints(session_uid=uid, job_uid=job.instance_uid),
        )
        more = "; its retention may forget them" if may_forget else ""
        log_job(connection, act, job, "AdoptBackupServerJobPoints", more=f"{_told(origins)}{more}")
    return session


def _check(connection: Connection, act: Act, job: Job, origins: list[Origin]) -> str:
    """Check what may be adopted; gives the uid of the job's share."""
    scope = act.caller.scope
    if job.type is JobType.BACKUP_FILE_COPY:
        if origins:
            text = "origins: a copy job recognizes copies of its points by itself; leave this out."
            raise Invalid(text, field="origins")
        copy = file_share_copy_jobs.get_file_share_copy_job(connection, scope, job.unique_uid)
        repositories.get_repository(connection, scope, copy.target_repository_uid, job.backup_server_uid)
        return file_share_jobs.file_share_of(connection, copy.source_job_unique_uid)
    own = file_share_jobs.get_file_share_job(connection, scope, job.unique_uid)
    repositories.get_repository(connection, scope, own.target_repository_uid, job.backup_server_uid)
    for unique_uid, taken in adoption.adopted_of_repository(connection, own.target_repository_uid).items():
        both = [origin for origin in origins if origin in taken and unique_uid != job.unique_uid]
        if both:
            raise Conflict(f"origins: another job has adopted the points{_told(both)}.", field="origins")
    return file_share_jobs.file_share_of(connection, job.unique_uid)


def _told(origins: list[Origin]) -> str:
    shown = (f"{origin.host_name}:{', '.join(origin.paths)}" for origin in origins)
    return f" of {'; '.join(shown)}" if origins else ""
