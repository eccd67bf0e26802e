"""Creating file share jobs and file share copy jobs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import msgspec

from tandem.actions.change_job import log_job
from tandem.actions.context import Act, new_uid
from tandem.actions.create_repository import NewRepository, create_repository
from tandem.domain.backup_servers import BackupServer
from tandem.domain.errors import Conflict, Invalid, NotFound
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.file_share_jobs import FileShareJob
from tandem.domain.jobs import Job, JobStatus, JobType
from tandem.domain.repositories import BackupRepository, RepositoryState
from tandem.domain.retention import Gfs, Retention
from tandem.domain.retries import RETRY_INTERVAL_DEFAULT, RETRY_TIMES_DEFAULT, check_retries
from tandem.domain.schedule import Schedule, ScheduleType, check_schedule
from tandem.store import backup_servers, file_share_copy_jobs, file_share_jobs, file_shares, jobs, repositories
from tandem.store.database import Connection


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """What both kinds of job are made from."""

    name: str
    description: str
    target_repository_uid: str
    retention: Retention
    gfs: Gfs = Gfs()
    schedule: Schedule
    is_enabled: bool
    retry_times: int = RETRY_TIMES_DEFAULT
    retry_interval: int = RETRY_INTERVAL_DEFAULT


def create_file_share_job(act: Act, backup_server_uid: str, new: NewJob, *, file_share_uid: str) -> FileShareJob:
    """Create the backup of a share into its first repository.

    Raises:
        NotFound: if the backup server is not there for the caller.
        Invalid: naming the field; also for a share or a repository that is not on this backup server.
        Conflict: if the name is taken.
    """
    check_schedule(new.schedule)
    check_retries(new.retry_times, new.retry_interval)
    if new.schedule.type is ScheduleType.CHAINED:
        raise Invalid("scheduleType: only a copy job can be chained, to its source job.", field="scheduleType")
    with act.context.database.writing() as connection:
        server = backup_servers.get_backup_server(connection, act.caller.scope, backup_server_uid)
        backup_servers.bump_revision(connection, server.instance_uid)
        share_uids = {uid for uid, _name, _path in file_shares.paths_of_server(connection, backup_server_uid)}
        if file_share_uid not in share_uids:
            text = f"fileShareUid: no file share with the id {file_share_uid} is on this backup server."
            raise Invalid(text, field="fileShareUid")
        repository = _target(connection, act, backup_server_uid, new.target_repository_uid)
        job = _common(act, server, new, kind=JobType.BACKUP_FILE, repository=repository)
        family = FileShareJob(
            instance_uid=job.instance_uid,
            unique_uid=job.unique_uid,
            target_repository_uid=repository.instance_uid,
            retention=new.retention.count,
            retention_unit=new.retention.unit,
            **_counts(new.gfs),
        )
        _insert_common(connection, act, job, "CreateBackupServerFileShareJob")
        file_share_jobs.insert_file_share_job(connection, job, family, file_share_uid)
    return family


class NewTarget(msgspec.Struct, frozen=True):
    """A repository to be made for a copy job: with the password of the source's repository, or one of its own."""

    repository: NewRepository
    is_encryption_inherited: bool


def create_copy_and_repository(
    act: Act, backup_server_uid: str, new: NewJob, *, source_job_uid: str, target: NewTarget
) -> FileShareCopyJob:
    """Create a copy job together with its target; what would be wrong with the job is found before that is made.

    Raises as `create_repository` and `create_file_share_copy_job`, and Invalid if a password is given although the
    source's is to be inherited.
    """
    check_schedule(new.schedule)
    with act.context.database.reading() as connection:
        backup_servers.get_backup_server(connection, act.caller.scope, backup_server_uid)
        source = _source(connection, act, backup_server_uid, source_job_uid)
        _check_name(connection, backup_server_uid, new.name)
        repository = target.repository
        if target.is_encryption_inherited:
            repository = _inheriting(connection, act, backup_server_uid, source, repository)
    with _named_in("targetRepository"):
        made = create_repository(act, backup_server_uid, repository)
    new = msgspec.structs.replace(new, target_repository_uid=made.instance_uid)
    return create_file_share_copy_job(act, backup_server_uid, new, source_job_uid=source_job_uid)


def _inheriting(
    connection: Connection, act: Act, backup_server_uid: str, source: FileShareJob, repository: NewRepository
) -> NewRepository:
    if repository.password is not None or repository.encryption_password_uid is not None or repository.is_existing:
        name = "targetRepository.isEncryptionInherited"
        text = f"{name}: a new repository inherits; leave password, encryptionPasswordUid and isExisting out, or this."
        raise Invalid(text, field=name)
    # The caller must see the repository, not only the job, to have its password used again.
    first = repositories.get_repository(connection, act.caller.scope, source.target_repository_uid, backup_server_uid)
    opening = repositories.openings_of_server(connection, backup_server_uid)[first.instance_uid]
    password = act.context.seal.open(opening.sealed_password, first.instance_uid)
    return msgspec.structs.replace(repository, password=password)


@contextmanager
def _named_in(member: str) -> Generator[None]:
    """Tell of what is wrong with a repository by its place in the body."""
    try:
        yield
    except (Invalid, Conflict) as error:
        inside = f"{member}." if error.field else f"{member}: "
        raise type(error)(
            f"{inside}{error.message}", field=f"{member}.{error.field}" if error.field else member
        ) from error


def create_file_share_copy_job(
    act: Act, backup_server_uid: str, new: NewJob, *, source_job_uid: str
) -> FileShareCopyJob:
    """Create the second copy of what a file share job makes.

    Raises:
        NotFound: if the backup server is not there for the caller.
        Invalid: naming the field; also for a source job that is not on this backup server, or a target that is the
            source job's own repository.
        Conflict: if the name is taken, or the target is a copy of the same job already.
    """
    check_schedule(new.schedule)
    check_retries(new.retry_times, new.retry_interval)
    with act.context.database.writing() as connection:
        server = backup_servers.get_backup_server(connection, act.caller.scope, backup_server_uid)
        backup_servers.bump_revision(connection, server.instance_uid)
        source = _source(connection, act, backup_server_uid, source_job_uid)
        repository = _target(connection, act, backup_server_uid, new.target_repository_uid)
        if repository.instance_uid == source.target_repository_uid:
            text = "targetRepositoryUid: this is the source job's own repository; a second copy needs another one."
            raise Invalid(text, field="targetRepositoryUid")
        if file_share_copy_jobs.is_copied_to(connection, source.unique_uid, repository.instance_uid):
            text = "targetRepositoryUid: another copy job copies the same source job to this repository."
            raise Conflict(text, field="targetRepositoryUid")
        job = _common(act, server, new, kind=JobType.BACKUP_FILE_COPY, repository=repository)
        job = msgspec.structs.replace(job, previous_job_unique_uid=source.unique_uid)
        family = FileShareCopyJob(
            instance_uid=job.instance_uid,
            unique_uid=job.unique_uid,
            source_job_instance_uid=source.instance_uid,
            source_job_unique_uid=source.unique_uid,
            target_repository_uid=repository.instance_uid,
            retention=new.retention.count,
            retention_unit=new.retention.unit,
            source_size=file_share_jobs.source_size_of(connection, source.unique_uid),
            **_counts(new.gfs),
        )
        _insert_common(connection, act, job, "CreateBackupServerFileShareCopyJob")
        file_share_copy_jobs.insert_file_share_copy_job(connection, job, family)
    return family


def _counts(gfs: Gfs) -> dict[str, int]:
    return {"gfs_daily": gfs.daily, "gfs_weekly": gfs.weekly, "gfs_monthly": gfs.monthly, "gfs_yearly": gfs.yearly}


def _source(connection: Connection, act: Act, backup_server_uid: str, uid: str) -> FileShareJob:
    try:
        source = file_share_jobs.get_file_share_job(connection, act.caller.scope, uid)
        if jobs.get_job(connection, act.caller.scope, source.unique_uid).backup_server_uid == backup_server_uid:
            return source
    except NotFound:
        pass  # Told below, as for a job of another backup server.
    text = f"sourceFileShareJobUid: no file share job with the id {uid} is on this backup server."
    raise Invalid(text, field="sourceFileShareJobUid")


def _target(connection: Connection, act: Act, backup_server_uid: str, uid: str) -> BackupRepository:
    try:
        repository = repositories.get_repository(connection, act.caller.scope, uid, backup_server_uid)
    except NotFound as error:
        text = f"targetRepositoryUid: no repository with the id {uid} is on this backup server."
        raise Invalid(text, field="targetRepositoryUid") from error
    if repository.state is not RepositoryState.READY:
        why = repository.failure or f"{repository.state}."
        text = f"targetRepositoryUid: the repository {repository.name} is not ready: {why}"
        raise Invalid(text, field="targetRepositoryUid")
    return repository


def _common(act: Act, server: BackupServer, new: NewJob, *, kind: JobType, repository: BackupRepository) -> Job:
    return Job(
        unique_uid=new_uid(),
        instance_uid=new_uid(),
        name=new.name,
        description=new.description,
        created_by=act.caller.user_name,
        creation_time=act.now,
        backup_server_uid=server.instance_uid,
        organization_uid=server.organization_uid,
        mapped_organization_uid=None,
        location_uid=server.location_uid,
        type=kind,
        is_enabled=new.is_enabled,
        status=JobStatus.NONE,
        schedule=new.schedule,
        previous_job_unique_uid=None,
        destination=repository.name,
        retention=new.retention.count,
        retention_unit=new.retention.unit,
        last_run=None,
        last_end_time=None,
        last_duration=None,
        average_duration=None,
        transferred_data=None,
        backup_chain_size=None,
        failure_message=None,
        is_gfs_option_enabled=new.gfs.is_enabled,
        retry_times=new.retry_times,
        retry_interval=new.retry_interval,
    )


def _insert_common(connection: Connection, act: Act, job: Job, activity: str) -> None:
    _check_name(connection, job.backup_server_uid, job.name)
    jobs.insert_job(connection, job)
    log_job(connection, act, job, activity)


def _check_name(connection: Connection, backup_server_uid: str, name: str) -> None:
    if jobs.is_job_name_taken(connection, backup_server_uid, name):
        raise Conflict(f'name: a job named "{name}" exists on this backup server.', field="name")
