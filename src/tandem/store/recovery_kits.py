"""What recovery kits are made from, and which repositories somebody has one of."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import func, select, union, update

from tandem.domain.identity import Caller, Scope
from tandem.domain.jobs import JobType
from tandem.domain.recovery_kits import KitContent
from tandem.store.database import Connection
from tandem.store.query import fetch_one, visible
from tandem.store.repositories import WITHOUT_KIT
from tandem.store.schema.point_tables import IS_HELD_COPY
from tandem.store.schema.tables import (
    backup_repositories,
    backup_servers,
    credentials,
    file_share_copy_jobs,
    file_share_jobs,
    file_shares,
    jobs,
    organizations,
    removed_repositories,
    restore_point_copies,
    restore_points,
)


class KitSource(msgspec.Struct, frozen=True, kw_only=True):
    """A repository as a kit tells of it; what is secret is sealed, and `restic_id` None if it was never made."""

    instance_uid: str
    name: str
    path: str
    restic_id: str | None
    sealed_password: str
    organization_uid: str
    organization_name: str
    backup_server_name: str
    host_name: str
    restic_version: str
    credentials_uid: str | None
    credentials_username: str | None
    sealed_credentials: str | None
    host_key: str | None

    def __repr__(self) -> str:
        """Show nothing of what is secret."""
        return f"KitSource({self.instance_uid!r}, …)"


def get_kit_source(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> KitSource:
    """Get what the kit of a backup server's repository is made from; raises NotFound."""
    own, server, organization = backup_repositories.c, backup_servers.c, organizations.c
    joined = backup_repositories.join(backup_servers, server.instance_uid == own.backup_server_uid)
    joined = joined.join(organizations, organization.instance_uid == own.organization_uid)
    joined = joined.outerjoin(credentials, credentials.c.instance_uid == own.credentials_uid)
    columns = {
        **{column.name: column for column in own},
        "organization_name": organization.name,
        "backup_server_name": server.name,
        "host_name": server.host_name,
        "restic_version": server.restic_version,
        "credentials_username": credentials.c.username,
        "sealed_credentials": credentials.c.sealed_secrets,
    }
    statement = select(*(columns[name] for name in KitSource.__struct_fields__)).select_from(joined)
    is_asked = (own.instance_uid == uid) & (own.backup_server_uid == backup_server_uid)
    statement = statement.where(visible(backup_repositories, scope), is_asked)
    return fetch_one(connection, statement, KitSource, noun="backup repository", uid=uid)


def get_removed_kit_source(connection: Connection, scope: Scope, uid: str) -> KitSource:
    """Get what the kit of a deleted company's repository is made from; raises NotFound."""
    columns = {column.name: column for column in removed_repositories.c} | {"restic_version": func.trim("")}
    statement = select(*(columns[name] for name in KitSource.__struct_fields__)).select_from(removed_repositories)
    statement = statement.where(visible(removed_repositories, scope), removed_repositories.c.instance_uid == uid)
    return fetch_one(connection, statement, KitSource, noun="removed repository", uid=uid)


def contents_of(connection: Connection, scope: Scope, repository_uid: str) -> list[KitContent]:
    """List the jobs that write to a repository, and those, deleted ones too, that have restore points there."""
    backups, copies = file_share_jobs.c, file_share_copy_jobs.c
    point, copy = restore_points.c, restore_point_copies.c
    joined = file_share_copy_jobs.join(file_share_jobs, backups.unique_uid == copies.source_job_unique_uid)
    copied = restore_point_copies.join(restore_points, point.instance_uid == copy.restore_point_uid)
    found = union(
        select(backups.unique_uid, backups.file_share_uid).where(backups.target_repository_uid == repository_uid),
        select(copies.unique_uid, backups.file_share_uid)
        .select_from(joined)
        .where(copies.target_repository_uid == repository_uid),
        select(point.job_unique_uid, point.file_share_uid).where(
            point.repository_uid == repository_uid, point.forgotten_at.is_(None)
        ),
        select(copy.job_unique_uid, point.file_share_uid)
        .select_from(copied)
        .where(copy.repository_uid == repository_uid, IS_HELD_COPY),
    ).subquery()
    statement = (
        select(jobs.c.name, jobs.c.type, file_shares.c.name, file_shares.c.path)
        .join(found, found.c.unique_uid == jobs.c.unique_uid)
        .join(file_shares, file_shares.c.instance_uid == found.c.file_share_uid)
        .where(visible(jobs, scope))
        .order_by(file_shares.c.name, jobs.c.position)
    )
    return [
        KitContent(job=name, is_copy=kind is JobType.BACKUP_FILE_COPY, share=share, path=path)
        for name, kind, share, path in connection.execute(statement)
    ]


def note_download(connection: Connection, scope: Scope, uid: str, caller: Caller, now: datetime) -> None:
    """Note that somebody has the kit of a repository."""
    statement = update(backup_repositories).where(
        visible(backup_repositories, scope), backup_repositories.c.instance_uid == uid
    )
    connection.execute(
        statement.values(
            recovery_kit_download_time=now,
            recovery_kit_user_name=caller.user_name,
            recovery_kit_organization_uid=caller.organization_uid,
        )
    )


def forget_downloads(connection: Connection, backup_server_uid: str, host_name: str) -> None:
    """Note that the kits of a backup server's own folders are of no use, unless it is on this host already."""
    server = backup_servers.c
    moved = select(server.instance_uid).where(server.instance_uid == backup_server_uid, server.host_name != host_name)
    is_folder = backup_repositories.c.backup_server_uid.in_(moved) & backup_repositories.c.path.startswith("/")
    connection.execute(update(backup_repositories).where(is_folder).values(WITHOUT_KIT))


def count_without_kit(connection: Connection) -> int:
    """Count the repositories that were made and that nobody has a kit of, over all tenants."""
    own = backup_repositories.c
    is_without = own.restic_id.is_not(None) & own.recovery_kit_download_time.is_(None)
    return int(connection.scalar(select(func.count()).where(is_without)) or 0)
