"""Backup proxies, read from the backup servers whose agents they are."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import case

from tandem import __version__
from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.domain.proxies import AWAY, HEALTHY, UNHEARD, Proxy
from tandem.store.backup_servers import IS_CONNECTED, silent_since
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.schema.tables import backup_servers

_SERVER = backup_servers.c
PROXIES = Collection(
    backup_servers,
    Proxy,
    columns={
        "instance_uid": _SERVER.management_agent_uid,
        "name": _SERVER.host_name,
        "backup_server_uid": _SERVER.instance_uid,
        "is_out_of_date": _SERVER.version != __version__,
        "host_uid": _SERVER.instance_uid,
        "status": case((_SERVER.last_seen_at.is_(None), UNHEARD), (IS_CONNECTED, HEALTHY), else_=AWAY),
    },
)


def list_proxies(
    connection: Connection, scope: Scope, query: Query, now: datetime, backup_server_uid: str | None = None
) -> Page[Proxy]:
    """List the proxies that the caller sees, all or those of one backup server, as they are at an instant."""
    values = silent_since(now)
    return PROXIES.page(connection, scope, query, values=values, backup_server_uid=backup_server_uid)


def get_proxy(connection: Connection, scope: Scope, uid: str, backup_server_uid: str, now: datetime) -> Proxy:
    """Get one proxy of a backup server, as it is at an instant; raises NotFound."""
    values = silent_since(now)
    found = PROXIES.page(
        connection, scope, Query(), values=values, instance_uid=uid, backup_server_uid=backup_server_uid
    )
    if not found.rows:
        raise NotFound.of("backup proxy", uid)
    return found.rows[0]
