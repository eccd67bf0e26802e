"""Backup servers: the machines that hold shares and repositories, each with an agent of ours."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

# An agent calls at least every half minute; four missed calls mean that it is away.
SILENCE_MAX = timedelta(minutes=2)
NAME_LENGTH_MAX = 255


# Where a backup server stands: at a company that has it, or hosted for companies by their provider or reseller.
CLIENT, HOSTED = "Client", "Hosted"


class BackupServer(msgspec.Struct, frozen=True, kw_only=True):
    """A backup server as the console knows it."""

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
    backup_server_role_type: str = CLIENT

    @property
    def display_version(self) -> str:
        """The agent's version, and its restic's."""
        return f"{self.version} (restic {self.restic_version or 'unknown'})"

    def status(self, now: datetime) -> str:
        """Give the contract's status word: Healthy while its agent calls, else Inaccessible."""
        return "Healthy" if is_connected(self.last_seen_at, now) else "Inaccessible"


def is_connected(last_seen_at: datetime | None, now: datetime) -> bool:
    """Say whether an agent that was last heard at `last_seen_at` still counts as there; both aware."""
    return last_seen_at is not None and now - last_seen_at <= SILENCE_MAX
