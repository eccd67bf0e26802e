"""Backup proxies, read from the backup servers whose agents they are."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, literal, select

from tandem import __version__
from tandem.domain.backup_servers import SILENCE_MAX
from tandem.domain.identity import Scope
from tandem.domain.paging import Page, Window
from tandem.domain.proxies import Proxy, ProxyStatus
from tandem.store.columns import Word
from tandem.store.database import Connection
from tandem.store.query import fetch_one, fetch_page, visible
from tandem.store.tables import backup_servers


def status_at(now: datetime) -> ColumnElement[ProxyStatus]:
    """Give the status of a backup server's proxy at an instant, as SQL: Healthy while its agent calls, else Error."""
    word = Word(ProxyStatus)
    return case(
        (backup_servers.c.last_seen_at.is_(None), literal(ProxyStatus.UNKNOWN, word)),
        (backup_servers.c.last_seen_at >= now - SILENCE_MAX, literal(ProxyStatus.HEALTHY, word)),
        else_=literal(ProxyStatus.ERROR, word),
    )


def list_proxies(
    connection: Connection, scope: Scope, window: Window, now: datetime, backup_server_uid: str | None = None
) -> Page[Proxy]:
    """List the proxies that the caller sees, all or those of one backup server, as they are at an instant."""
    statement = _proxies(now).where(visible(backup_servers, scope)).order_by(backup_servers.c.position)
    if backup_server_uid is not None:
        statement = statement.where(backup_servers.c.instance_uid == backup_server_uid)
    return fetch_page(connection, statement, window, Proxy)


def get_proxy(connection: Connection, scope: Scope, uid: str, backup_server_uid: str, now: datetime) -> Proxy:
    """Get one proxy of a backup server, as it is at an instant; raises NotFound."""
    statement = _proxies(now).where(
        visible(backup_servers, scope),
        backup_servers.c.management_agent_uid == uid,
        backup_servers.c.instance_uid == backup_server_uid,
    )
    return fetch_one(connection, statement, Proxy, noun="backup proxy", uid=uid)


def _proxies(now: datetime) -> Select[*tuple[Any, ...]]:
    server = backup_servers.c
    columns: dict[str, ColumnElement[Any]] = {
        "instance_uid": server.management_agent_uid,
        "backup_server_uid": server.instance_uid,
        "organization_uid": server.organization_uid,
        "name": server.host_name,
        "version": server.version,
        "host_uid": server.instance_uid,
        "host_name": server.host_name,
        "status": status_at(now),
        "is_out_of_date": server.version != __version__,
    }
    return select(*(columns[name].label(name) for name in Proxy.__struct_fields__))
