"""Backup proxies over HTTP: the host of each backup server's agent is one."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, single
from tandem.domain.proxies import Proxy, ProxyStatus, ProxyType
from tandem.store import backup_servers, proxies


class ProxyView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupProxy."""

    instance_uid: str
    name: str
    version: str
    backup_server_uid: str
    is_out_of_date: bool
    is_disabled: bool = False
    host_uid: str
    host_name: str
    status: ProxyStatus
    type: ProxyType = ProxyType.FILE


def list_proxies(call: Call) -> Response:
    """List the proxies of every backup server, or of the one in the path."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        server_uid = call.uid("backupServerUid") if "backupServerUid" in call.path else None
        if server_uid is not None:
            backup_servers.get_backup_server(connection, call.scope, server_uid)
        page = proxies.list_proxies(connection, call.scope, call.window(), call.context.clock(), server_uid)
    return collection(page, [_view(row) for row in page.rows])


def get_proxy(call: Call) -> Response:
    """Get a proxy."""
    with call.reading() as connection:
        server_uid, uid = call.uid("backupServerUid"), call.uid("proxyUid")
        return single(_view(proxies.get_proxy(connection, call.scope, uid, server_uid, call.context.clock())))


def _view(proxy: Proxy) -> ProxyView:
    return ProxyView(
        instance_uid=proxy.instance_uid,
        name=proxy.name,
        version=proxy.version,
        backup_server_uid=proxy.backup_server_uid,
        is_out_of_date=proxy.is_out_of_date,
        host_uid=proxy.host_uid,
        host_name=proxy.host_name,
        status=proxy.status,
    )
