"""Backup proxies: the hosts that move data. In this product it is the host of a backup server's own agent."""

from __future__ import annotations

import msgspec

# The contract's words: while the agent calls, when it is away, before its first call.
HEALTHY, AWAY, UNHEARD = "Healthy", "Error", "Unknown"


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """A proxy: `instance_uid` is the management agent's, `host_uid` the backup server's."""

    instance_uid: str
    name: str
    version: str
    backup_server_uid: str
    is_out_of_date: bool
    host_uid: str
    host_name: str
    status: str
