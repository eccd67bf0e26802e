"""Backup servers: the machines that hold shares and repositories, each with an agent of ours."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

# An agent calls at least every half minute; four missed calls mean that it is away.
SILENCE_MAX = timedelta(minutes=2)
NAME_LENGTH_MAX = 255


class BackupServerStatus(StrEnum):
    """How a backup server is (contract `BackupServerStatus`)."""

    HEALTHY = "Healthy"
    INACCESSIBLE = "Inaccessible"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class BackupServerRole(StrEnum):
    """Where a backup server stands (contract `BackupServerBackupServerRoleType`)."""

    CLIENT = "Client"
    CLOUD_CONNECT = "CloudConnect"
    HOSTED = "Hosted"
    UNKNOWN = "Unknown"


class BackupServer(msgspec.Struct, frozen=True, kw_only=True):
    """A backup server as the console knows it; its role follows from whose it is."""

    instance_uid: str
    name: str
    organization_uid: str
    location_uid: str
    management_agent_uid: str
    installation_uid: str
    version: str
    restic_version: str
    host_name: str
    last_seen_at: datetime | None
    role: BackupServerRole = BackupServerRole.CLIENT

    def status(self, now: datetime) -> BackupServerStatus:
        """Give the status: Healthy while its agent calls, else Inaccessible."""
        is_there = is_connected(self.last_seen_at, now)
        return BackupServerStatus.HEALTHY if is_there else BackupServerStatus.INACCESSIBLE


def is_connected(last_seen_at: datetime | None, now: datetime) -> bool:
    """Say whether an agent that was last heard at `last_seen_at` still counts as there; both aware."""
    return last_seen_at is not None and now - last_seen_at <= SILENCE_MAX
