"""The contract's enumerations, under its own names, each with all of its words: clients may filter by any of them."""

from __future__ import annotations

from enum import StrEnum


class BackupServerJobStatus(StrEnum):
    """The contract's BackupServerJobStatus."""

    DISABLING = "Disabling"
    ENABLING = "Enabling"
    FAILED = "Failed"
    IDLE = "Idle"
    NONE = "None"
    RUNNING = "Running"
    STARTING = "Starting"
    STOPPING = "Stopping"
    SUCCESS = "Success"
    UNKNOWN = "Unknown"
    WAITING_REPOSITORY = "WaitingRepository"
    WAITING_TAPE = "WaitingTape"
    WARNING = "Warning"


class BackupServerJobType(StrEnum):
    """The contract's BackupServerJobType."""

    AGENT_BACKUP_JOB = "AgentBackupJob"
    AGENT_POLICY = "AgentPolicy"
    AHV_STORAGE_SNAPSHOT_JOB = "AhvStorageSnapshotJob"
    AWS_BACKUP_JOB = "AwsBackupJob"
    AZURE_BACKUP_JOB = "AzureBackupJob"
    BACKUP_COPY = "BackupCopy"
    BACKUP_FILE = "BackupFile"
    BACKUP_FILE_COPY = "BackupFileCopy"
    BACKUP_TO_TAPE = "BackupToTape"
    BACKUP_VM = "BackupVm"
    CDP_REPLICATION_VM = "CdpReplicationVM"
    COPY_FILE = "CopyFile"
    COPY_VM = "CopyVm"
    FILE_TO_TAPE = "FileToTape"
    GOOGLE_BACKUP_JOB = "GoogleBackupJob"
    OBJECT_STORAGE_BACKUP = "ObjectStorageBackup"
    OBJECT_STORAGE_BACKUP_COPY = "ObjectStorageBackupCopy"
    ORACLE_LOG_BACKUP = "OracleLogBackup"
    POSTGRE_SQL_LOG_BACKUP = "PostgreSqlLogBackup"
    REPLICATION_VM = "ReplicationVM"
    SIMPLE_BACKUP_COPY = "SimpleBackupCopy"
    SOBR_MAINTENANCE = "SobrMaintenance"
    SQL_LOG_BACKUP = "SqlLogBackup"
    SURE_BACKUP = "SureBackup"
    UNKNOWN = "Unknown"


class BackupServerJobBottleneck(StrEnum):
    """The contract's BackupServerJobBottleneck."""

    NETWORK = "Network"
    NONE = "None"
    PROXY = "Proxy"
    SOURCE = "Source"
    SOURCE_WAN_ACCELERATOR = "SourceWanAccelerator"
    TARGET = "Target"
    TARGET_WAN_ACCELERATOR = "TargetWanAccelerator"
    UNKNOWN = "Unknown"


class BackupServerJobScheduleType(StrEnum):
    """The contract's BackupServerJobScheduleType."""

    BACKUP_WINDOW = "BackupWindow"
    CHAINED = "Chained"
    CONTINUOUSLY = "Continuously"
    DAILY = "Daily"
    MONTHLY = "Monthly"
    NOT_SCHEDULED = "NotScheduled"
    PERIODICALLY = "Periodically"
    UNKNOWN = "Unknown"


class BackupServerJobTargetType(StrEnum):
    """The contract's BackupServerJobTargetType."""

    CLOUD = "Cloud"
    LOCAL = "Local"
    NONE = "None"
    UNKNOWN = "Unknown"


class BackupServerJobRetentionLimitType(StrEnum):
    """The contract's BackupServerJobRetentionLimitType."""

    DAYS = "Days"
    NONE = "None"
    RESTORE_POINTS = "RestorePoints"
    UNKNOWN = "Unknown"


class DaysOfWeek(StrEnum):
    """The contract's DaysOfWeek."""

    FRIDAY = "Friday"
    MONDAY = "Monday"
    SATURDAY = "Saturday"
    SUNDAY = "Sunday"
    THURSDAY = "Thursday"
    TUESDAY = "Tuesday"
    WEDNESDAY = "Wednesday"


class BackupServerJobScheduleOptionsDailyKind(StrEnum):
    """The contract's BackupServerJobScheduleOptionsDailyKind."""

    EVERYDAY = "Everyday"
    SELECTED_DAYS = "SelectedDays"
    UNKNOWN = "Unknown"
    WEEK_DAYS = "WeekDays"


class BackupServerJobScheduleOptionsPeriodicallyKind(StrEnum):
    """The contract's BackupServerJobScheduleOptionsPeriodicallyKind."""

    DAYS = "Days"
    HOURS = "Hours"
    MINUTES = "Minutes"
    SECONDS = "Seconds"
    UNKNOWN = "Unknown"


class BackupServerFileJobObjectSourceType(StrEnum):
    """The contract's BackupServerFileJobObjectSourceType."""

    DIRECTORY = "Directory"
    FILE = "File"
    UNKNOWN = "Unknown"


class BackupServerJobObjectLastSessionBackupStatus(StrEnum):
    """The contract's BackupServerJobObjectLastSessionBackupStatus."""

    FAILED = "Failed"
    RUNNING = "Running"
    SUCCESS = "Success"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class BackupServerJobSessionTaskStatus(StrEnum):
    """The contract's BackupServerJobSessionTaskStatus."""

    FAILED = "Failed"
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESS = "Success"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class BackupServerStatus(StrEnum):
    """The contract's BackupServerStatus."""

    HEALTHY = "Healthy"
    INACCESSIBLE = "Inaccessible"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class BackupServerBackupServerRoleType(StrEnum):
    """The contract's BackupServerBackupServerRoleType."""

    CLIENT = "Client"
    CLOUD_CONNECT = "CloudConnect"
    HOSTED = "Hosted"
    UNKNOWN = "Unknown"


class BackupProxyStatus(StrEnum):
    """The contract's BackupProxyStatus."""

    ERROR = "Error"
    HEALTHY = "Healthy"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class BackupProxyType(StrEnum):
    """The contract's BackupProxyType."""

    CDP = "CDP"
    FILE = "File"
    HYPER_V = "HyperV"
    HYPER_V_OFFHOST = "HyperVOffhost"
    UNKNOWN = "Unknown"
    VSPHERE = "vSphere"


class CredentialsOrderColumn(StrEnum):
    """The contract's GetBackupServerCredentialsByServerOrderColumn."""

    DESCRIPTION = "Description"
    USERNAME = "Username"


class EncryptionPasswordsOrderColumn(StrEnum):
    """The contract's GetBackupServerEncryptionPasswordsByServerOrderColumn."""

    HINT = "Hint"
    MODIFICATION_TIME = "ModificationTime"


class BackupRepositoryInfoStatus(StrEnum):
    """The contract's BackupRepositoryInfoStatus."""

    ERROR = "Error"
    HEALTHY = "Healthy"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class BackupRepositoryInfoType(StrEnum):
    """The contract's BackupRepositoryInfoType."""

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


class OrganizationType(StrEnum):
    """The contract's OrganizationType."""

    COMPANY = "Company"
    PROVIDER = "Provider"
    RESELLER = "Reseller"
    UNKNOWN = "Unknown"


class CompanyStatus(StrEnum):
    """The contract's CompanyStatus."""

    ACTIVE = "Active"
    DISABLED = "Disabled"
    REMOVED_CREATING = "REMOVED_Creating"
    REMOVED_DELETED = "REMOVED_Deleted"
    REMOVED_DELETING = "REMOVED_Deleting"
    REMOVED_EXPIRED = "REMOVED_Expired"
    REMOVED_SITE_RESOURCE_CREATING = "REMOVED_SiteResourceCreating"
    REMOVED_SITE_RESOURCE_CREATION_FAILED = "REMOVED_SiteResourceCreationFailed"
    REMOVED_SITE_RESOURCE_UPDATE_FAILED = "REMOVED_SiteResourceUpdateFailed"
    REMOVED_SITE_RESOURCE_UPDATING = "REMOVED_SiteResourceUpdating"
    UNKNOWN = "Unknown"


class UserRole(StrEnum):
    """The contract's UserRole."""

    COMPANY_ADMINISTRATOR = "CompanyAdministrator"
    COMPANY_INVOICE_AUDITOR = "CompanyInvoiceAuditor"
    COMPANY_LOCATION_ADMINISTRATOR = "CompanyLocationAdministrator"
    COMPANY_LOCATION_USER = "CompanyLocationUser"
    COMPANY_OWNER = "CompanyOwner"
    COMPANY_SUBTENANT = "CompanySubtenant"
    COMPANY_TENANT = "CompanyTenant"
    PORTAL_ADMINISTRATOR = "PortalAdministrator"
    PORTAL_OPERATOR = "PortalOperator"
    PORTAL_READONLY_OPERATOR = "PortalReadonlyOperator"
    RESELLER_ADMINISTRATOR = "ResellerAdministrator"
    RESELLER_INVOICE_AUDITOR = "ResellerInvoiceAuditor"
    RESELLER_OPERATOR = "ResellerOperator"
    RESELLER_OWNER = "ResellerOwner"
    RESELLER_USER = "ResellerUser"
    SITE_ADMINISTRATOR = "SiteAdministrator"
    UNKNOWN = "Unknown"


class UserStatus(StrEnum):
    """The contract's UserStatus."""

    DISABLED = "Disabled"
    ENABLED = "Enabled"
    UNKNOWN = "Unknown"


class UserProfileTitle(StrEnum):
    """The contract's UserProfileTitle."""

    MISS = "Miss"
    MR = "Mr"
    MRS = "Mrs"
    MS = "Ms"
    UNKNOWN = "Unknown"


class UserMfaPolicyStatus(StrEnum):
    """The contract's UserMfaPolicyStatus."""

    DISABLED = "Disabled"
    ENABLED = "Enabled"
    ENABLED_BY_INHERITANCE = "EnabledByInheritance"
    UNKNOWN = "Unknown"


class UserMfaPolicyConfigurationStatus(StrEnum):
    """The contract's UserMfaPolicyConfigurationStatus."""

    CONFIGURED = "Configured"
    NOT_CONFIGURED = "NotConfigured"
    UNKNOWN = "Unknown"


class OrganizationLocationType(StrEnum):
    """The contract's OrganizationLocationType."""

    CUSTOM = "Custom"
    DEFAULT = "Default"
    HOSTED = "Hosted"
    UNKNOWN = "Unknown"


class ResponseErrorType(StrEnum):
    """The contract's ResponseErrorType."""

    LOGICAL = "logical"
    RETRYABLE_LOGICAL = "retryableLogical"
    SECURITY = "security"
    TRANSPORT = "transport"
    UNSPECIFIED = "unspecified"
