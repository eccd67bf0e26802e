"""Backup proxies: the hosts that move data. In this product it is the host of a backup server's own agent."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ProxyStatus(StrEnum):
    """How a proxy is (contract `BackupProxyStatus`)."""

    ERROR = "Error"
    HEALTHY = "Healthy"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class ProxyType(StrEnum):
    """What a proxy works on (contract `BackupProxyType`); ours work on file shares."""

    CDP = "CDP"
    FILE = "File"
    HYPER_V = "HyperV"
    HYPER_V_OFFHOST = "HyperVOffhost"
    UNKNOWN = "Unknown"
    VSPHERE = "vSphere"


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy: `instance_uid` is the management agent's, `host_uid` the backup server's."""

    instance_uid: str
    backup_server_uid: str
    organization_uid: str
    name: str
    version: str
    host_uid: str
    host_name: str
    status: ProxyStatus
    is_out_of_date: bool
