"""Backup repositories: where restic keeps the data; each belongs to one backup server, whose agent works on it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePosixPath

import msgspec


class RepositoryState(StrEnum):
    """The life of a repository."""

    CREATING = "Creating"
    READY = "Ready"
    FAILED = "Failed"


class RepositoryStatus(StrEnum):
    """How a repository is (contract `BackupRepositoryInfoType0Status`)."""

    ERROR = "Error"
    HEALTHY = "Healthy"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class RepositoryType(StrEnum):
    """On what a repository is (contract `BackupRepositoryInfoType0Type`); ours are folders of Linux machines."""

    AMAZON_S3 = "AmazonS3"
    AMAZON_S3_COMPATIBLE = "AmazonS3Compatible"
    AMAZON_S3_EXTERNAL = "AmazonS3External"
    AMAZON_S3_GLACIER = "AmazonS3Glacier"
    AMAZON_SNOWBALL = "AmazonSnowball"
    AZURE_ARCHIVE_TIER = "AzureArchiveTier"
    AZURE_EXTERNAL = "AzureExternal"
    CLOUD = "Cloud"
    DELL_EMC_DATA_DOMAIN = "DellEmcDataDomain"
    ELEVEN_ELEVEN = "ElevenEleven"
    EXA_GRID = "ExaGrid"
    FUJITSU = "Fujitsu"
    GOOGLE_ARCHIVE_TIER = "GoogleArchiveTier"
    GOOGLE_CLOUD = "GoogleCloud"
    HPE_STORE_ONCE = "HpeStoreOnce"
    IBM_CLOUD_OBJECT_STORAGE = "IbmCloudObjectStorage"
    INFINIDAT = "Infinidat"
    LINUX = "Linux"
    LINUX_HARDENED = "LinuxHardened"
    MICROSOFT_AZURE_ARCHIVE = "MicrosoftAzureArchive"
    MICROSOFT_AZURE_BLOB_STORAGE = "MicrosoftAzureBlobStorage"
    MICROSOFT_AZURE_DATA_BOX = "MicrosoftAzureDataBox"
    NFS = "NFS"
    QUANTUM_DXI = "QuantumDxi"
    S3_COMPATIBLE = "S3Compatible"
    SAN_SNAPSHOT = "SanSnapshot"
    SCALE_OUT = "ScaleOut"
    SHARE = "Share"
    UNKNOWN = "Unknown"
    VEEAM_VAULT = "VeeamVault"
    WASABI = "Wasabi"
    WINDOWS = "Windows"


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


def overlaps(one: str, other: str) -> bool:
    """Say whether one of two absolute paths is the other or lies inside it."""
    first, second = PurePosixPath(one), PurePosixPath(other)
    return first == second or first in second.parents or second in first.parents
