"""Removing a company with everything that is its, save the activity log and the keys to what it backed up."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, Table, delete, exists, insert, literal, or_, select, update

from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.store.database import Connection
from tandem.store.jobs import LIVE
from tandem.store.query import visible
from tandem.store.schema.columns import Instant
from tandem.store.schema.tables import (
    agent_news,
    backup_repositories,
    backup_servers,
    companies,
    credentials,
    jobs,
    list_blocks,
    list_changes,
    list_counts,
    metadata,
    organizations,
    removed_repositories,
)

# What was done stays told, also of those who are gone; what they left in repositories stays readable.
KEPT = {"activity_log", "removed_repositories"}


def has_jobs(connection: Connection, organization_uid: str) -> bool:
    """Say whether any backup server of an organization has jobs; those servers wait until the commit."""
    of_company = backup_servers.c.organization_uid == organization_uid
    servers = connection.scalars(select(backup_servers.c.instance_uid).where(of_company).with_for_update()).all()
    live = jobs.c.backup_server_uid.in_(servers) & LIVE
    return bool(connection.scalar(select(exists().where(live))))


def keep_repositories(connection: Connection, organization_uid: str, now: datetime) -> None:
    """Keep where a company's repositories are and their sealed passwords, for whoever needs what is in them."""
    repositories, servers = backup_repositories.c, backup_servers.c
    joined = backup_repositories.join(backup_servers, servers.instance_uid == repositories.backup_server_uid)
    joined = joined.join(organizations, organizations.c.instance_uid == repositories.organization_uid)
    joined = joined.outerjoin(credentials, credentials.c.instance_uid == repositories.credentials_uid)
    kept = {
        "instance_uid": repositories.instance_uid,
        "organization_uid": repositories.organization_uid,
        "organization_name": organizations.c.name,
        "backup_server_name": servers.name,
        "host_name": servers.host_name,
        "name": repositories.name,
        "path": repositories.path,
        "restic_id": repositories.restic_id,
        "sealed_password": repositories.sealed_password,
        "credentials_uid": repositories.credentials_uid,
        "credentials_username": credentials.c.username,
        "sealed_credentials": credentials.c.sealed_secrets,
        "host_key": repositories.host_key,
        "removed_at": literal(now, Instant),
    }
    found = select(*kept.values()).select_from(joined).where(repositories.organization_uid == organization_uid)
    connection.execute(insert(removed_repositories).from_select(list(kept), found))


def delete_company(connection: Connection, scope: Scope, uid: str) -> None:
    """Remove a company and all that belongs to it; raises NotFound.

    A row belongs to the company if it says so, or cannot be without a row that does. What only mentions such a row, as
    an assigned job of somebody else's does, stays without the mention.
    """
    is_company = visible(companies, scope) & (companies.c.instance_uid == uid)
    if connection.scalar(select(companies.c.instance_uid).where(is_company)) is None:
        raise NotFound.of("company", uid)
    gone = select(backup_servers.c.instance_uid).where(backup_servers.c.organization_uid == uid)
    connection.execute(insert(agent_news).from_select(["backup_server_uid"], gone))
    for table in reversed(metadata.sorted_tables):
        _forget_assignments(connection, table, uid)
        condition = _belongs(table, uid)
        if condition is None:
            continue
        _forget_mentions(connection, table, condition)
        connection.execute(delete(table).where(condition))
    _forget_counts(connection, uid)


def _forget_counts(connection: Connection, uid: str) -> None:
    # Nothing is left to be counted, so what was counted and what has changed since cancel each other.
    is_of_company = list_counts.c.organization_uid == uid
    stretches = [
        each for found in connection.scalars(select(list_counts.c.stretches).where(is_of_company)) for each in found
    ]
    connection.execute(delete(list_blocks).where(list_blocks.c.stretch_uid.in_([each.uid for each in stretches])))
    connection.execute(delete(list_counts).where(is_of_company))
    connection.execute(delete(list_changes).where(list_changes.c.organization_uid == uid))


def _belongs(table: Table, uid: str) -> ColumnElement[bool] | None:
    if table.name in KEPT:
        return None
    if "owners" in table.info:
        return table.c[cast("tuple[str, ...]", table.info["owners"])[0]] == uid
    links: list[ColumnElement[bool]] = []
    for key in table.foreign_keys:
        parent = key.column.table
        condition = _belongs(parent, uid) if parent is not table else None
        if condition is not None and not key.parent.nullable:
            links.append(key.parent.in_(select(key.column).where(condition).correlate(None)))
    return or_(*links) if links else None


def _forget_assignments(connection: Connection, table: Table, uid: str) -> None:
    if table.name in KEPT:
        return
    for name in cast("tuple[str, ...]", table.info.get("owners", ()))[1:]:
        connection.execute(update(table).where(table.c[name] == uid).values({name: None}))


def _forget_mentions(connection: Connection, parent: Table, condition: ColumnElement[bool]) -> None:
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            # What goes along with the row, the database removes by itself.
            if key.column.table is parent and key.parent.nullable and key.ondelete is None:
                mentions = key.parent.in_(select(key.column).where(condition).correlate(None))
                connection.execute(update(table).where(mentions).values({key.parent.name: None}))
