"""Backup repositories, stored; their passwords sealed."""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Update, bindparam, delete, insert, or_, select, update

from tandem.domain.errors import Conflict, NotFound
from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.domain.repositories import BackupRepository, RepositoryState
from tandem.protocol.messages import RepositoryReport
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import fetch_one, records, visible
from tandem.store.schema.tables import backup_repositories, backup_servers, file_share_copy_jobs, file_share_jobs

_COLUMNS = {column.name: column for column in backup_repositories.c} | {"host_name": backup_servers.c.host_name}
_FROM = backup_repositories.join(
    backup_servers, backup_servers.c.instance_uid == backup_repositories.c.backup_server_uid
)
# What a repository says whose recovery kit would not open it any more.
WITHOUT_KIT = {
    "recovery_kit_download_time": None,
    "recovery_kit_user_name": None,
    "recovery_kit_organization_uid": None,
}
REPOSITORIES = Collection(backup_repositories, BackupRepository, source=_FROM, columns=_COLUMNS)
_REPOSITORY = select(*(_COLUMNS[name] for name in BackupRepository.__struct_fields__)).select_from(_FROM)


def list_repositories(
    connection: Connection,
    scope: Scope,
    query: Query,
    backup_server_uid: str | None = None,
    *,
    company_uid: str | None = None,
) -> Page[BackupRepository]:
    """List the repositories that the caller sees: all, those of one backup server, those available to a company."""
    available = [] if company_uid is None else [_is_available_to(company_uid)]
    return REPOSITORIES.page(connection, scope, query, *available, backup_server_uid=backup_server_uid)


def _is_available_to(company_uid: str) -> ColumnElement[bool]:
    is_target = [
        backup_repositories.c.instance_uid.in_(
            select(family.c.target_repository_uid).where(family.c.mapped_organization_uid == company_uid)
        )
        for family in (file_share_jobs, file_share_copy_jobs)
    ]
    return or_(backup_repositories.c.organization_uid == company_uid, *is_target)


def get_repository(connection: Connection, scope: Scope, uid: str, backup_server_uid: str) -> BackupRepository:
    """Get one repository of a backup server; raises NotFound."""
    statement = _REPOSITORY.where(
        visible(backup_repositories, scope),
        backup_repositories.c.instance_uid == uid,
        backup_repositories.c.backup_server_uid == backup_server_uid,
    )
    return fetch_one(connection, statement, BackupRepository, noun="backup repository", uid=uid)


def repositories_of_server(connection: Connection, backup_server_uid: str) -> list[BackupRepository]:
    """Get all repositories of a backup server, oldest first."""
    of_server = backup_repositories.c.backup_server_uid == backup_server_uid
    return records(connection, _REPOSITORY.where(of_server).order_by(backup_repositories.c.position), BackupRepository)


class Opening(msgspec.Struct, frozen=True):
    """What its agent needs to make and open a repository: password sealed, credentials by name."""

    sealed_password: str
    is_existing: bool
    family_uid: str | None
    credentials_uid: str | None
    host_key: str | None
    verify_every_days: int


def openings_of_server(connection: Connection, backup_server_uid: str) -> dict[str, Opening]:
    """Get what opens the repositories of a backup server, by repository."""
    names = Opening.__struct_fields__
    of_server = backup_repositories.c.backup_server_uid == backup_server_uid
    columns = (backup_repositories.c.instance_uid, *(backup_repositories.c[name] for name in names))
    rows = connection.execute(select(*columns).where(of_server))
    return {uid: Opening(**dict(zip(names, rest, strict=True))) for uid, *rest in rows}


def insert_repository(
    connection: Connection,
    repository: BackupRepository,
    *,
    sealed_password: str,
    is_existing: bool,
    family_uid: str | None,
    created_at: datetime,
    encryption_password_uid: str | None = None,
    credentials_uid: str | None = None,
    host_key: str | None = None,
) -> None:
    """Store a repository that its agent is to make."""
    names = set(BackupRepository.__struct_fields__) - {"host_name"}
    values = {name: getattr(repository, name) for name in names}
    values |= {
        "sealed_password": sealed_password,
        "is_existing": is_existing,
        "family_uid": family_uid,
        "created_at": created_at,
        "encryption_password_uid": encryption_password_uid,
        "credentials_uid": credentials_uid,
        "host_key": host_key,
    }
    connection.execute(insert(backup_repositories).values(values))


def apply_repository_reports(connection: Connection, told: list[tuple[str, RepositoryReport]]) -> None:
    """Note what agents say of repositories.

    A restic id that is registered already, under any name, at any backup server, is refused: two agents on one
    repository would ruin it. The refusal is the repository's failure.

    Args:
        connection: a transaction.
        told: (backup server, report), each repository once; what is told of other backup servers' counts for nothing.
    """
    restic_ids = sorted({report.restic_id for _uid, report in told if report.restic_id is not None})
    registered = {row[0]: row[1] for row in connection.execute(_REGISTERED, {"restic_ids": restic_ids})}
    rows: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for server_uid, report in sorted(told, key=lambda one: one[1].repository_uid):
        owner_uid = registered.get(report.restic_id or "", report.repository_uid)
        values = _values(report, is_registered=owner_uid != report.repository_uid)
        of_report = {"uid": report.repository_uid, "server_uid": server_uid}
        rows.setdefault(tuple(values), []).append(values | of_report)
    for names, some in rows.items():
        connection.execute(_noting(names), some)


def _values(report: RepositoryReport, *, is_registered: bool) -> dict[str, Any]:
    values = {name: getattr(report, name) for name in ("state", "failure", "capacity", "free_space", "used_space")}
    if report.verification is not None:
        problem = report.verification.problem or None
        values |= {"verified_at": report.verification.proven_since, "verification_problem": problem}
    if is_registered:
        return values | {"state": RepositoryState.FAILED, "failure": "This restic repository is registered already."}
    return values if report.restic_id is None else values | {"restic_id": report.restic_id}


_REGISTERED = select(backup_repositories.c.restic_id, backup_repositories.c.instance_uid).where(
    backup_repositories.c.restic_id.in_(bindparam("restic_ids", expanding=True))
)


@functools.cache
def _noting(names: tuple[str, ...]) -> Update:
    is_it = backup_repositories.c.instance_uid == bindparam("uid")
    is_it &= backup_repositories.c.backup_server_uid == bindparam("server_uid")
    return update(backup_repositories).where(is_it).values({name: bindparam(name) for name in names})


def update_access(
    connection: Connection, scope: Scope, uid: str, credentials_uid: str | None, host_key: str | None
) -> None:
    """Note what opens a repository from now on: its recovery kit is of use no more. Raises NotFound."""
    is_it = visible(backup_repositories, scope) & (backup_repositories.c.instance_uid == uid)
    values = {"credentials_uid": credentials_uid, "host_key": host_key, **WITHOUT_KIT}
    if connection.execute(update(backup_repositories).where(is_it).values(values)).rowcount != 1:
        raise NotFound.of("backup repository", uid)


def repositories_with_password(connection: Connection, encryption_password_uid: str) -> list[str]:
    """Get the names of the repositories that were made with an encryption password."""
    uses = backup_repositories.c.encryption_password_uid == encryption_password_uid
    names = select(backup_repositories.c.name).where(uses)
    return list(connection.scalars(names.order_by(backup_repositories.c.position)))


def repositories_with_credentials(connection: Connection, credentials_uid: str) -> list[str]:
    """Get the names of the repositories that are opened with credentials."""
    names = select(backup_repositories.c.name).where(backup_repositories.c.credentials_uid == credentials_uid)
    return list(connection.scalars(names.order_by(backup_repositories.c.position)))


def delete_failed_repository(connection: Connection, uid: str) -> None:
    """Remove a repository whose making failed; one that was ready at any time stays."""
    connection.execute(
        delete(backup_repositories).where(
            backup_repositories.c.instance_uid == uid,
            backup_repositories.c.state == RepositoryState.FAILED,
            backup_repositories.c.restic_id.is_(None),
        )
    )


def repository_state(connection: Connection, uid: str) -> tuple[RepositoryState, str | None]:
    """Get how far the making of a repository is, and why it failed."""
    columns = select(backup_repositories.c.state, backup_repositories.c.failure)
    row = connection.execute(columns.where(backup_repositories.c.instance_uid == uid)).first()
    if row is None:
        raise Conflict("The repository was removed meanwhile.")
    return row[0], row[1]
