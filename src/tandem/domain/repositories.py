"""Backup repositories: where restic keeps the data; each belongs to one backup server, whose agent works on it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from tandem.domain.repository_locations import RepositoryKind, kind_of


class RepositoryState(StrEnum):
    """The life of a repository."""

    CREATING = "Creating"
    READY = "Ready"
    FAILED = "Failed"

    @property
    def condition(self) -> str:
        """The contract's word for it (`BackupRepositoryInfoStatus`)."""
        return {"Creating": "Unknown", "Ready": "Healthy", "Failed": "Error"}[self.value]


class BackupRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository as the console knows it; its password is elsewhere, sealed."""

    instance_uid: str
    name: str
    backup_server_uid: str
    organization_uid: str
    path: str
    host_name: str
    state: RepositoryState
    failure: str | None
    restic_id: str | None
    capacity: int | None
    free_space: int | None
    used_space: int | None
    # Days for which it lets no point go; 0 is none.
    immutability_interval: int = 0
    # The recovery kit that opens it, if somebody has one: since when, who, and for whom he works.
    recovery_kit_download_time: datetime | None = None
    recovery_kit_user_name: str | None = None
    recovery_kit_organization_uid: str | None = None

    @property
    def kind(self) -> RepositoryKind:
        """How it is reached."""
        return kind_of(self.path)


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """With what one signs in where a remote repository is; it shows itself nowhere.

    Attributes:
        username: of SFTP and REST; of S3 the access key.
        password: of SFTP and REST; of S3 the secret key.
        private_key: of SFTP, in place of the password.
        passphrase: opens the private key.
    """

    username: str
    password: str | None = None
    private_key: str | None = None
    passphrase: str | None = None

    def __repr__(self) -> str:
        """Show nothing of the secrets."""
        return f"Account({self.username!r}, …)"


class RemovedRepository(msgspec.Struct, frozen=True, kw_only=True):
    """A repository of a company that was deleted: its password is still kept, sealed."""

    instance_uid: str
    organization_uid: str
    organization_name: str
    backup_server_name: str
    host_name: str
    name: str
    path: str
    removed_at: datetime
