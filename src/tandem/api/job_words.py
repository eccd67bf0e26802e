"""The contract's words for jobs and their sessions, all of them; Tandem's own jobs use a few of each."""

from __future__ import annotations

from enum import StrEnum


class BackupServerJobStatus(StrEnum):
    """How a job is."""

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
    """What a job does."""

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
    """What slows a job down."""

    NETWORK = "Network"
    NONE = "None"
    PROXY = "Proxy"
    SOURCE = "Source"
    SOURCE_WAN_ACCELERATOR = "SourceWanAccelerator"
    TARGET = "Target"
    TARGET_WAN_ACCELERATOR = "TargetWanAccelerator"
    UNKNOWN = "Unknown"


class BackupServerJobScheduleType(StrEnum):
    """What makes a job run."""

    BACKUP_WINDOW = "BackupWindow"
    CHAINED = "Chained"
    CONTINUOUSLY = "Continuously"
    DAILY = "Daily"
    MONTHLY = "Monthly"
    NOT_SCHEDULED = "NotScheduled"
    PERIODICALLY = "Periodically"
    UNKNOWN = "Unknown"


class BackupServerJobTargetType(StrEnum):
    """What a job writes to."""

    CLOUD = "Cloud"
    LOCAL = "Local"
    NONE = "None"
    UNKNOWN = "Unknown"


class BackupServerJobRetentionLimitType(StrEnum):
    """How retention is limited."""

    DAYS = "Days"
    NONE = "None"
    RESTORE_POINTS = "RestorePoints"
    UNKNOWN = "Unknown"


class BackupServerJobSessionTaskStatus(StrEnum):
    """How far a task of a session is, or how it ended."""

    FAILED = "Failed"
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCESS = "Success"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class JobObjectBackupStatus(StrEnum):
    """How the last session of a protected object went."""

    FAILED = "Failed"
    RUNNING = "Running"
    SUCCESS = "Success"
    UNKNOWN = "Unknown"
    WARNING = "Warning"


class JobObjectSourceType(StrEnum):
    """What a source of a protected object is."""

    DIRECTORY = "Directory"
    FILE = "File"
    UNKNOWN = "Unknown"


class DailyKind(StrEnum):
    """On which days a daily schedule runs."""

    EVERYDAY = "Everyday"
    SELECTED_DAYS = "SelectedDays"
    UNKNOWN = "Unknown"
    WEEK_DAYS = "WeekDays"


class PeriodicKind(StrEnum):
    """The unit of a periodic schedule."""

    DAYS = "Days"
    HOURS = "Hours"
    MINUTES = "Minutes"
    SECONDS = "Seconds"
    UNKNOWN = "Unknown"


class DayNumberInMonth(StrEnum):
    """Which of the days of a month."""

    FIRST = "First"
    FOURTH = "Fourth"
    LAST = "Last"
    ON_DAY = "OnDay"
    SECOND = "Second"
    THIRD = "Third"
    UNKNOWN = "Unknown"


class Month(StrEnum):
    """The months."""

    APRIL = "April"
    AUGUST = "August"
    DECEMBER = "December"
    FEBRUARY = "February"
    JANUARY = "January"
    JULY = "July"
    JUNE = "June"
    MARCH = "March"
    MAY = "May"
    NOVEMBER = "November"
    OCTOBER = "October"
    SEPTEMBER = "September"
