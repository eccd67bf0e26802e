"""Backup proxies over HTTP: the host of each backup server's agent is one."""

from __future__ import annotations

import msgspec

from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Uid
from tandem.api.http.words import BackupProxyStatus, BackupProxyType
from tandem.domain.proxies import Proxy
from tandem.store import backup_servers, proxies


class ProxyView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupProxy."""

    instance_uid: Uid
    name: str
    version: str
    backup_server_uid: Uid
    is_out_of_date: bool
    is_disabled: bool = False
    host_uid: Uid
    host_name: str
    status: BackupProxyStatus
    type: BackupProxyType = BackupProxyType.FILE


PROXIES = Resource(ProxyView, proxies.PROXIES)


def list_proxies(call: Call) -> Many[ProxyView]:
    """List the proxies of every backup server, or of the one in the path."""
    query = PROXIES.read(call)
    with call.reading() as connection:
        server_uid = call.uid("backupServerUid") if "backupServerUid" in call.path else None
        if server_uid is not None:
            backup_servers.get_backup_server(connection, call.scope, server_uid)
        page = proxies.list_proxies(connection, call.scope, query, call.context.clock(), server_uid)
    return Many(page, [_view(row) for row in page.rows])


def get_proxy(call: Call) -> One[ProxyView]:
    """Get a proxy."""
    with call.reading() as connection:
        server_uid, uid = call.uid("backupServerUid"), call.uid("proxyUid")
        found = proxies.get_proxy(connection, call.scope, uid, server_uid, call.context.clock())
    return One(_view(found))


def _view(proxy: Proxy) -> ProxyView:
    return ProxyView(
        instance_uid=proxy.instance_uid,
        name=proxy.name,
        version=proxy.version,
        backup_server_uid=proxy.backup_server_uid,
        is_out_of_date=proxy.is_out_of_date,
        host_uid=proxy.host_uid,
        host_name=proxy.host_name,
        status=BackupProxyStatus(proxy.status),
    )
