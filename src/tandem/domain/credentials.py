"""Credentials of a backup server: accounts with which its agent signs in elsewhere, at a file server for instance."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

SSH_PORT = 22


class CredentialsType(StrEnum):
    """The contract's BackupServerCredentialsType: what credentials are for."""

    LINUX = "Linux"
    STANDARD = "Standard"
    UNKNOWN = "Unknown"


class LinuxDetails(msgspec.Struct, frozen=True, kw_only=True):
    """How one signs in at a Linux machine, secrets aside."""

    ssh_port: int = SSH_PORT
    auto_elevated: bool = False
    add_to_sudoers: bool = False
    use_su: bool = False


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials as everybody may see them; their secrets are elsewhere, sealed. `linux` is None for other types."""

    instance_uid: str
    backup_server_uid: str
    organization_uid: str
    mapped_organization_uid: str | None
    mapped_organization_name: str | None
    type: CredentialsType
    username: str
    description: str | None
    linux: LinuxDetails | None
    creation_time: datetime


class Secrets(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The secrets of credentials; never shown, not even to somebody who looks for a fault."""

    password: str | None = None
    root_password: str | None = None
    private_key: str | None = None
    passphrase: str | None = None

    def __repr__(self) -> str:
        """Show nothing."""
        return "Secrets(…)"
