"""The services of a company, as the contract tells them: here, backup servers of its own without a quota."""

from __future__ import annotations

import msgspec

from tandem.api.http.texts import Int32


class HostedServices(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CompanyHostedServices."""

    is_vb_public_cloud_management_enabled: bool = False


class BackupAgentsManagement(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CompanyBackupAgentsManagement."""

    workstation_agents_quota: Int32 | None = None
    server_agents_quota: Int32 | None = None


class BackupServersManagement(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CompanyBackupServerManagement; null is no limit."""

    backup_server_quota: Int32 | None = None


class Vb365ServersManagement(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CompanyVb365ServerManagement."""

    backup_server_quota: Int32 | None = None


class RemoteServices(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CompanyRemoteServices; what is null is not served."""

    is_backup_resources_enabled: bool = False
    backup_agents_management: BackupAgentsManagement | None = None
    backup_servers_management: BackupServersManagement | None = msgspec.field(default_factory=BackupServersManagement)
    vb365_servers_management: Vb365ServersManagement | None = msgspec.field(name="vb365ServersManagement", default=None)
    is_vb_public_cloud_management_enabled: bool = False


class CompanyServices(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CompanyServices."""

    hosted_services: HostedServices = msgspec.field(default_factory=HostedServices)
    remote_services: RemoteServices = msgspec.field(default_factory=RemoteServices)
