"""What one agent has to look after, read together from one state of the data."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import Select, String, bindparam, select

from tandem.decoding import decode
from tandem.domain.adoption import Adoption
from tandem.domain.credentials import Secrets
from tandem.domain.drills import EVERY_DEFAULT_DAYS
from tandem.domain.limits import NO_LIMITS
from tandem.domain.repositories import Account
from tandem.domain.retention import Gfs, Retention, RetentionUnit
from tandem.domain.schedule import periods_zone
from tandem.protocol.messages import (
    Configuration,
    FileShareConfiguration,
    JobConfiguration,
    RepositoryConfiguration,
    ShareCredentials,
)
from tandem.sealing import Seal
from tandem.store import adoption, credentials, file_shares, holds, limits, repositories
from tandem.store.database import Connection
from tandem.store.schema.tables import backup_servers, file_share_copy_jobs, file_share_jobs, jobs


def configuration_of(connection: Connection, seal: Seal, backup_server_uid: str) -> Configuration:
    """Put together an agent's configuration; passwords are opened for it alone."""
    is_server = backup_servers.c.instance_uid == backup_server_uid
    revision = connection.execute(select(backup_servers.c.revision).where(is_server)).scalar_one()
    return Configuration(
        revision=int(revision),
        repositories=_repositories(connection, seal, backup_server_uid),
        file_shares=_file_shares(connection, seal, backup_server_uid),
        jobs=_jobs(connection, backup_server_uid),
        limits=limits.limits_of_server(connection, backup_server_uid),
    )


def _repositories(connection: Connection, seal: Seal, backup_server_uid: str) -> list[RepositoryConfiguration]:
    limited = limits.limits_of_repositories(connection, backup_server_uid)
    openings = repositories.openings_of_server(connection, backup_server_uid)
    kept = _credentials(connection, seal, backup_server_uid, {each.credentials_uid for each in openings.values()})
    found: list[RepositoryConfiguration] = []
    for repository in repositories.repositories_of_server(connection, backup_server_uid):
        opening = openings[repository.instance_uid]
        found.append(
            RepositoryConfiguration(
                uid=repository.instance_uid,
                organization_uid=repository.organization_uid,
                name=repository.name,
                path=repository.path,
                password=seal.open(opening.sealed_password, repository.instance_uid),
                state=repository.state,
                is_existing=opening.is_existing,
                restic_id=repository.restic_id,
                family_uid=opening.family_uid,
                account=kept.get(opening.credentials_uid),
                host_key=opening.host_key,
                verify_every_days=opening.verify_every_days,
                immutability_interval=repository.immutability_interval,
                limits=limited.get(repository.instance_uid, NO_LIMITS),
            )
        )
    return found


def _credentials(
    connection: Connection, seal: Seal, backup_server_uid: str, wanted: set[str | None]
) -> dict[str | None, Account]:
    """Open the credentials of a backup server that something of it uses."""
    kept = credentials.secrets_of_server(connection, backup_server_uid) if wanted - {None} else {}
    found: dict[str | None, Account] = {}
    for uid in wanted - {None}:
        username, sealed = kept[uid or ""]
        secrets = decode(seal.open(sealed, uid or ""), Secrets)
        found[uid] = Account(
            username=username,
            password=secrets.password,
            private_key=secrets.private_key,
            passphrase=secrets.passphrase,
        )
    return found


def _file_shares(connection: Connection, seal: Seal, backup_server_uid: str) -> list[FileShareConfiguration]:
    used = file_shares.credentials_of_server(connection, backup_server_uid)
    kept = credentials.secrets_of_server(connection, backup_server_uid) if used else {}
    masks = file_shares.masks_of_server(connection, backup_server_uid)

    def opened(share_uid: str) -> ShareCredentials | None:
        return _opened(seal, kept, used[share_uid]) if share_uid in used else None

    return [
        FileShareConfiguration(
            uid=uid,
            name=name,
            path=path,
            credentials=opened(uid),
            inclusion_masks=masks[uid][0],
            exclusion_masks=masks[uid][1],
        )
        for uid, name, path in file_shares.paths_of_server(connection, backup_server_uid)
    ]


def share_credentials(connection: Connection, seal: Seal, backup_server_uid: str, uid: str) -> ShareCredentials | None:
    """Open credentials of a backup server for its agent alone; None if they are gone."""
    kept = credentials.secrets_of_server(connection, backup_server_uid)
    return _opened(seal, kept, uid) if uid in kept else None


def _opened(seal: Seal, kept: dict[str, tuple[str, str]], uid: str) -> ShareCredentials:
    username, sealed = kept[uid]
    secrets = decode(seal.open(sealed, uid), Secrets)
    return ShareCredentials(username=username, password=secrets.password or "")


def _jobs(connection: Connection, backup_server_uid: str) -> list[JobConfiguration]:
    released = holds.released_of_server(connection, backup_server_uid)
    given = {"backup_server_uid": backup_server_uid}
    rows = [(*row, None, None, EVERY_DEFAULT_DAYS) for row in connection.execute(_BACKUPS, given)] + [
        tuple(row) for row in connection.execute(_COPIES, given)
    ]
    adopted = adoption.adoptions_of_server(connection, backup_server_uid)
    made = [_job(*row, adopted=adopted) for row in rows]
    untold = adoption.untold_of_server(connection, backup_server_uid)
    return [
        msgspec.structs.replace(job, released_hold=released.get(job.uid), is_adoption_asked=job.unique_uid in untold)
        for job in made
    ]


def _job(uid: str, unique_uid: str, name: str, *rest: Any, adopted: dict[str, Adoption]) -> JobConfiguration:
    is_enabled, schedule, created_at, times, interval, retention, unit, repository_uid, share_uid, *counts = rest[:-3]
    source_uid, source_schedule, drill_days = rest[-3:]
    daily, weekly, monthly, yearly = counts
    zone = periods_zone(schedule, source_schedule)
    adopts = adopted.get(unique_uid, Adoption())
    return JobConfiguration(
        uid=uid,
        unique_uid=unique_uid,
        name=name,
        is_enabled=is_enabled,
        schedule=schedule,
        created_at=created_at,
        retention=Retention(count=retention, unit=RetentionUnit(unit)),
        target_repository_uid=repository_uid,
        file_share_uid=share_uid,
        source_job_uid=source_uid,
        drill_every_days=drill_days,
        gfs=Gfs(daily=daily, weekly=weekly, monthly=monthly, yearly=yearly, time_zone=zone),
        adopts=adopts.origins,
        may_forget_adopted=adopts.may_forget,
        retry_times=times,
        retry_interval=interval,
    )


def _gfs(family: Any) -> tuple[Any, ...]:
    return family.gfs_daily, family.gfs_weekly, family.gfs_monthly, family.gfs_yearly


_OF_SERVER = bindparam("backup_server_uid", type_=String)


def _select_backups() -> Select[*tuple[Any, ...]]:
    backup = file_share_jobs.c
    return (
        select(
            backup.instance_uid,
            backup.unique_uid,
            *_COMMON,
            backup.retention,
            backup.retention_unit,
            backup.target_repository_uid,
            backup.file_share_uid,
            *_gfs(backup),
        )
        .select_from(jobs.join(file_share_jobs, backup.unique_uid == jobs.c.unique_uid))
        .where(backup.backup_server_uid == _OF_SERVER)
        .order_by(backup.position)
    )


def _select_copies() -> Select[*tuple[Any, ...]]:
    backup, copy, source = file_share_jobs.c, file_share_copy_jobs.c, jobs.alias("source")
    joined = jobs.join(file_share_copy_jobs, copy.unique_uid == jobs.c.unique_uid)
    joined = joined.join(file_share_jobs, backup.unique_uid == copy.source_job_unique_uid)
    joined = joined.join(source, source.c.unique_uid == copy.source_job_unique_uid)
    return (
        select(
            copy.instance_uid,
            copy.unique_uid,
            *_COMMON,
            copy.retention,
            copy.retention_unit,
            copy.target_repository_uid,
            backup.file_share_uid,
            *_gfs(copy),
            copy.source_job_instance_uid,
            source.c.schedule,
            copy.drill_every_days,
        )
        .select_from(joined)
        .where(copy.backup_server_uid == _OF_SERVER)
        .order_by(copy.position)
    )


_COMMON = (
    jobs.c.name,
    jobs.c.is_enabled,
    jobs.c.schedule,
    jobs.c.creation_time,
    jobs.c.retry_times,
    jobs.c.retry_interval,
)
# Made once: thousands of agents may ask at a time, and building them costs more than running them.
_BACKUPS, _COPIES = _select_backups(), _select_copies()
