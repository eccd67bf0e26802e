"""The usage of companies over HTTP, by location and day."""

from __future__ import annotations

from datetime import date
from enum import StrEnum

import msgspec

from tandem.api.http.answers import Many
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Date, Int32, Uid
from tandem.domain.errors import Invalid
from tandem.domain.usage import DAYS_MAX, LocationUsage, gigabytes
from tandem.store import organizations, usage


class AggregatedUsageType(StrEnum):
    """The contract's AggregatedUsageType."""

    AGENT_CLOUD_BACKUP_DATA_TRANSFER_IN = "AgentCloudBackupDataTransferIn"
    AGENT_CLOUD_BACKUP_DATA_TRANSFER_OUT = "AgentCloudBackupDataTransferOut"
    BACKEDUP_VMS = "BackedupVms"
    CLOUD_ARCHIVE_TIER_BACKUP_SIZE = "CloudArchiveTierBackupSize"
    CLOUD_CAPACITY_TIER_BACKUP_SIZE = "CloudCapacityTierBackupSize"
    CLOUD_INSIDER_PROTECTION_BACKUP_SIZE = "CloudInsiderProtectionBackupSize"
    CLOUD_OBJECT_STORAGE_USAGE = "CloudObjectStorageUsage"
    CLOUD_PERFORMANCE_TIER_BACKUP_SIZE = "CloudPerformanceTierBackupSize"
    CLOUD_REGULAR_STORAGE_USAGE = "CloudRegularStorageUsage"
    CLOUD_REPOSITORY_USAGE_BY_SERVER_AGENT = "CloudRepositoryUsageByServerAgent"
    CLOUD_REPOSITORY_USAGE_BY_UNKNOWN_FILES = "CloudRepositoryUsageByUnknownFiles"
    CLOUD_REPOSITORY_USAGE_BY_VM = "CloudRepositoryUsageByVm"
    CLOUD_REPOSITORY_USAGE_BY_WORKSTATION_AGENT = "CloudRepositoryUsageByWorkstationAgent"
    CLOUD_TOTAL_USAGE = "CloudTotalUsage"
    FILE_SHARE_ARCHIVE_SIZE = "FileShareArchiveSize"
    FILE_SHARE_BACKUP_SIZE = "FileShareBackupSize"
    FILE_SHARE_SOURCE_SIZE = "FileShareSourceSize"
    MANAGED_AGENTS_LINUX_OS = "ManagedAgentsLinuxOS"
    MANAGED_AGENTS_MAC_OS = "ManagedAgentsMacOS"
    MANAGED_AGENTS_WINDOWS_DESKTOP_OS = "ManagedAgentsWindowsDesktopOS"
    MANAGED_AGENTS_WINDOWS_SERVER_OS = "ManagedAgentsWindowsServerOS"
    MANAGED_CDP_VMS = "ManagedCdpVms"
    MANAGED_CLOUD_VMS = "ManagedCloudVms"
    MANAGED_SERVER_AGENTS = "ManagedServerAgents"
    MANAGED_USERS = "ManagedUsers"
    MANAGED_VMS = "ManagedVms"
    MANAGED_WORKSTATION_AGENTS = "ManagedWorkstationAgents"
    OBJECT_STORAGE_ARCHIVE_SIZE = "ObjectStorageArchiveSize"
    OBJECT_STORAGE_BACKUP_SIZE = "ObjectStorageBackupSize"
    OBJECT_STORAGE_SOURCE_SIZE = "ObjectStorageSourceSize"
    PROTECTED_FILE_SHARES = "ProtectedFileShares"
    PROTECTED_OBJECT_STORAGES = "ProtectedObjectStorages"
    PUBLIC_CLOUD_ARCHIVE_SIZE = "PublicCloudArchiveSize"
    PUBLIC_CLOUD_BACKUP_SIZE = "PublicCloudBackupSize"
    PUBLIC_CLOUD_PROTECTED_CLOUD_DATABASES = "PublicCloudProtectedCloudDatabases"
    PUBLIC_CLOUD_PROTECTED_FILE_SHARES = "PublicCloudProtectedFileShares"
    REPLICATED_VMS = "ReplicatedVms"
    SERVER_CLOUD_BACKUPS = "ServerCloudBackups"
    UNKNOWN = "Unknown"
    VB365_ARCHIVE_SIZE = "Vb365ArchiveSize"
    VB365_BACKUP_SIZE = "Vb365BackupSize"
    VB365_PROTECTED_EDUCATIONAL_USERS = "Vb365ProtectedEducationalUsers"
    VB365_PROTECTED_GROUPS = "Vb365ProtectedGroups"
    VB365_PROTECTED_SITES = "Vb365ProtectedSites"
    VB365_PROTECTED_TEAMS = "Vb365ProtectedTeams"
    VB365_PROTECTED_USERS = "Vb365ProtectedUsers"
    VBR_BACKUP_SIZE = "VbrBackupSize"
    VBR_CLOUD_BACKUPS_DATA_TRANSFER_IN = "VbrCloudBackupsDataTransferIn"
    VBR_CLOUD_BACKUPS_DATA_TRANSFER_OUT = "VbrCloudBackupsDataTransferOut"
    VBR_CLOUD_REPLICA_DATA_TRANSFER_IN = "VbrCloudReplicaDataTransferIn"
    VBR_CLOUD_REPLICA_DATA_TRANSFER_OUT = "VbrCloudReplicaDataTransferOut"
    VM_CLOUD_BACKUPS = "VmCloudBackups"
    VM_CLOUD_REPLICA_COMPUTE_TIME = "VmCloudReplicaComputeTime"
    VM_CLOUD_REPLICAS = "VmCloudReplicas"
    VM_CLOUD_REPLICA_STORAGE_USAGE = "VmCloudReplicaStorageUsage"
    WORKSTATION_CLOUD_BACKUPS = "WorkstationCloudBackups"


class AggregatedUsageView(msgspec.Struct, rename="camel"):
    """The contract's AggregatedUsage; sizes are in gigabytes, rounded up, since bytes do not fit into its 32 bits."""

    type: AggregatedUsageType
    value: Int32


class LocationAggregatedUsageView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's LocationAggregatedUsage."""

    company_uid: Uid
    reseller_uid: Uid | None
    location_uid: Uid
    date: Date
    counters: list[AggregatedUsageView]


class PeriodParameters(msgspec.Struct, rename="camel", kw_only=True):
    """The days that are asked for, UTC; by default the last is today, and the first is the last."""

    from_date: Date | None = None
    to_date: Date | None = None


USAGE = Resource(LocationAggregatedUsageView, usage.USAGE)


def list_usage(call: Call, query: PeriodParameters) -> Many[LocationAggregatedUsageView]:
    """List the usage of all companies, or of the one in the path, from `fromDate` to `toDate`, by default today's."""
    asked = USAGE.read(call)
    first, last = _period(query, call.context.clock().date())
    company_uid = call.uid("companyUid") if "companyUid" in call.path else None
    with call.reading() as connection:
        if company_uid is not None:
            organizations.get_company(connection, call.scope, company_uid)
        page = usage.list_usage(connection, call.scope, asked, first=first, last=last, company_uid=company_uid)
    return Many(page, [_view(row) for row in page.rows])


def _period(query: PeriodParameters, today: date) -> tuple[date, date]:
    last = _date(query.to_date, "toDate", today)
    first = _date(query.from_date, "fromDate", last)
    if first > last:
        raise Invalid(f"fromDate: {first} is after {last}, up to which is asked.", parameter="fromDate")
    if (last - first).days >= DAYS_MAX:
        raise Invalid(f"fromDate: {first} to {last} are more than {DAYS_MAX} days.", parameter="fromDate")
    if first > today:
        raise Invalid(f"fromDate: {first} has not come yet.", parameter="fromDate")
    return first, min(last, today)


def _date(text: str | None, name: str, default: date) -> date:
    if text is None:
        return default
    try:
        # Clients send an instant too; of it, the day counts.
        return date.fromisoformat(text.partition("T")[0])
    except ValueError as error:
        raise Invalid(f'{name}: "{text[:40]}" is not a date; write it as 2026-01-31.', parameter=name) from error


def _view(row: LocationUsage) -> LocationAggregatedUsageView:
    counters = {
        AggregatedUsageType.PROTECTED_FILE_SHARES: row.protected_file_shares,
        AggregatedUsageType.FILE_SHARE_BACKUP_SIZE: gigabytes(row.backup_size),
        AggregatedUsageType.FILE_SHARE_SOURCE_SIZE: gigabytes(row.source_size),
        AggregatedUsageType.FILE_SHARE_ARCHIVE_SIZE: 0,
    }
    return LocationAggregatedUsageView(
        company_uid=row.company_uid,
        reseller_uid=row.reseller_uid,
        location_uid=row.location_uid,
        date=row.day.isoformat(),
        counters=[AggregatedUsageView(kind, value) for kind, value in counters.items()],
    )
