"""Every table. `info` says whose a row is: its owner columns, or the column that leads to a table which says so.

Lists are ordered by `position`, which grows with each insert, so that pages stay stable.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from tandem.domain.identity import MfaPolicyConfigurationStatus, MfaPolicyStatus, OrganizationType, Role
from tandem.domain.jobs import JobStatus, JobType
from tandem.domain.limits import Limits
from tandem.domain.repositories import RepositoryState
from tandem.domain.retention import RetentionUnit
from tandem.domain.retries import RETRY_INTERVAL_DEFAULT, RETRY_TIMES_DEFAULT
from tandem.domain.schedule import Schedule, ScheduleType
from tandem.domain.sessions import PlanEntry, Progress, SessionState, SessionType, Statistics
from tandem.protocol.messages import Order
from tandem.store.schema import adoption_tables as adoption_tables  # noqa: PLC0414  (all tables are known here)
from tandem.store.schema import proof_columns
from tandem.store.schema.activity_tables import activity_log as activity_log  # noqa: PLC0414  (passed on: all tables are known here)
from tandem.store.schema.columns import Document, Instant, Serial, Uid, Word
from tandem.store.schema.count_tables import list_blocks as list_blocks  # noqa: PLC0414  (the same)
from tandem.store.schema.count_tables import list_changes as list_changes  # noqa: PLC0414  (the same)
from tandem.store.schema.count_tables import list_counts as list_counts  # noqa: PLC0414  (the same)
from tandem.store.schema.document_tables import file_share_copy_job_documents as file_share_copy_job_documents  # noqa: PLC0414  (the same)
from tandem.store.schema.hold_tables import job_holds as job_holds  # noqa: PLC0414  (the same)
from tandem.store.schema.job_indexes import index_jobs
from tandem.store.schema.location_tables import locations as locations  # noqa: PLC0414  (the same)
from tandem.store.schema.location_tables import removed_repositories as removed_repositories  # noqa: PLC0414  (the same)
from tandem.store.schema.location_tables import user_locations as user_locations  # noqa: PLC0414  (the same)
from tandem.store.schema.login_tables import sign_ins
from tandem.store.schema.metadata import metadata
from tandem.store.schema.metadata import owned_by as _owned_by
from tandem.store.schema.metadata import owned_through as _owned_through
from tandem.store.schema.metadata import position as _position
from tandem.store.schema.point_tables import restore_point_copies as restore_point_copies  # noqa: PLC0414  (the same)
from tandem.store.schema.point_tables import restore_points as restore_points  # noqa: PLC0414  (the same)
from tandem.store.schema.request_tables import async_actions as async_actions  # noqa: PLC0414  (the same)
from tandem.store.schema.request_tables import replays as replays  # noqa: PLC0414  (the same)
from tandem.store.schema.retention_columns import retention_columns
from tandem.store.schema.secret_tables import credentials, encryption_passwords
from tandem.store.schema.session_log_tables import session_logs as session_logs  # noqa: PLC0414  (the same)
from tandem.store.schema.transfer_tables import transfer_parts as transfer_parts  # noqa: PLC0414  (the same)
from tandem.store.schema.transfer_tables import transfers as transfers  # noqa: PLC0414  (the same)

installation = Table(
    "installation",
    metadata,
    Column("instance_uid", Uid, primary_key=True),
    Column("created_at", Instant, nullable=False),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("key_id", Uid, primary_key=True),
    Column("sealed_key", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)

organizations = Table(
    "organizations",
    metadata,
    _position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("type", Word(OrganizationType), nullable=False),
    Column("name", String(255), nullable=False),
    Column("alias", Text),
    Column("tax_id", Text),
    Column("email", Text),
    Column("phone", Text),
    Column("country", Integer),
    Column("state", Integer),
    Column("country_name", Text),
    Column("region_name", Text),
    Column("city", Text),
    Column("street", Text),
    Column("location_admin0_code", Text),
    Column("location_admin1_code", Text),
    Column("location_admin2_code", Text),
    Column("notes", Text),
    Column("zip_code", Text),
    Column("website", Text),
    Column("veeam_tenant_id", Text),
    Column("company_id", Text),
    Column("name_key", Text, nullable=False, unique=True),
    info=_owned_by("instance_uid", located=("instance_uid", "locations", "organization_uid")),
)

companies = Table(
    "companies",
    metadata,
    _position(),
    Column("instance_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("status", String(40), nullable=False),
    Column("reseller_uid", Uid, ForeignKey("organizations.instance_uid"), index=True),
    Column("subscription_plan_uid", Uid),
    Column("is_rest_access_enabled", Boolean, nullable=False),
    Column("is_alarm_detect_enabled", Boolean, nullable=False),
    Column("owner_user_name", Text, nullable=False),
    info=_owned_by("instance_uid", located=("instance_uid", "locations", "organization_uid")),
)

users = Table(
    "users",
    metadata,
    _position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, index=True),
    Column("role", Word(Role), nullable=False),
    Column("user_name", Text, nullable=False),
    Column("user_name_key", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("status", String(40), nullable=False),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("title", String(40), nullable=False),
    Column("email", Text),
    Column("address", Text),
    Column("phone", Text),
    Column("created_at", Instant, nullable=False),
    Column("mfa_policy_status", Word(MfaPolicyStatus), nullable=False, server_default=MfaPolicyStatus.DISABLED),
    # Follows the user's second factors, so that lists can be filtered by it.
    Column(
        "mfa_policy_configuration_status",
        Word(MfaPolicyConfigurationStatus),
        nullable=False,
        server_default=MfaPolicyConfigurationStatus.NOT_CONFIGURED,
    ),
    info=_owned_by("organization_uid", located=("instance_uid", "user_locations", "user_uid")),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("sign_in_uid", Uid, ForeignKey(sign_ins.c.instance_uid, ondelete="CASCADE"), nullable=False, index=True),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("used_at", Instant),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_failed_at", Instant, nullable=False, index=True),
)

backup_servers = Table(
    "backup_servers",
    metadata,
    _position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, index=True),
    Column("location_uid", Uid, nullable=False, index=True),
    Column("management_agent_uid", Uid, nullable=False),
    Column("installation_uid", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("restic_version", Text, nullable=False),
    Column("host_name", Text, nullable=False),
    Column("last_seen_at", Instant),
    Column("public_key", Text),
    Column("generation", Integer, nullable=False),
    Column("session_hash", String(64)),
    Column("revision", Integer, nullable=False),
    Column("spool_uid", Uid),
    Column("last_report", BigInteger, nullable=False),
    Column("limits", Document(Limits)),
    info=_owned_by("organization_uid", located=("location_uid", "user_locations", "location_uid")),
)

enrolment_tokens = Table(
    "enrolment_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False),
    Column("backup_server_uid", Uid),
    Column("location_uid", Uid),
    Column("name", String(255), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_at", Instant),
)

_IS_OPEN = text("answered_at is null")

agent_commands = Table(
    "agent_commands",
    metadata,
    Column("serial", Serial, primary_key=True, autoincrement=True),
    Column("backup_server_uid", Uid, ForeignKey("backup_servers.instance_uid"), nullable=False, index=True),
    Column("command", Document(Order), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("answered_at", Instant),
    Column("error", Text),
    # The open ones are looked through at every word of an agent; there are few.
    Index("ix_agent_commands_open", "backup_server_uid", "serial", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
)

# Notes of what to tell agents; without a link to backup servers, as one that is gone has to be told of, too.
agent_news = Table(
    "agent_news",
    metadata,
    Column("serial", Serial, primary_key=True, autoincrement=True),
    Column("backup_server_uid", Uid, nullable=False),
)

backup_repositories = Table(
    "backup_repositories",
    metadata,
    _position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("name", String(255), nullable=False),
    Column("backup_server_uid", Uid, ForeignKey("backup_servers.instance_uid"), nullable=False, index=True),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, index=True),
    Column("path", Text, nullable=False),
    Column("sealed_password", Text, nullable=False),
    Column("encryption_password_uid", Uid, ForeignKey(encryption_passwords.c.instance_uid), index=True),
    Column("credentials_uid", Uid, ForeignKey(credentials.c.instance_uid), index=True),
    Column("host_key", Text),
    Column("is_existing", Boolean, nullable=False),
    Column("family_uid", Uid),
    Column("state", Word(RepositoryState), nullable=False),
    Column("failure", Text),
    Column("restic_id", String(64), unique=True),
    Column("capacity", BigInteger),
    Column("free_space", BigInteger),
    Column("used_space", BigInteger),
    Column("immutability_interval", Integer, nullable=False, server_default="0"),
    Column("created_at", Instant, nullable=False),
    *proof_columns.of_repository(),
    Column("limits", Document(Limits)),
    # The last recovery kit that still opens it: when and by whom it was downloaded. None, once it would not.
    Column("recovery_kit_download_time", Instant),
    Column("recovery_kit_user_name", Text),
    Column("recovery_kit_organization_uid", Uid),
    UniqueConstraint("backup_server_uid", "path"),
    info=_owned_by("organization_uid"),
)

file_shares = Table(
    "file_shares",
    metadata,
    _position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("backup_server_uid", Uid, ForeignKey("backup_servers.instance_uid"), nullable=False, index=True),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("path", Text, nullable=False),
    Column("credentials_uid", Uid, ForeignKey(credentials.c.instance_uid), index=True),
    Column("inclusion_masks", Document(list[str]), nullable=False, server_default="[]"),
    Column("exclusion_masks", Document(list[str]), nullable=False, server_default="[]"),
    Column("created_at", Instant, nullable=False),
    UniqueConstraint("backup_server_uid", "path"),
    info=_owned_by("organization_uid"),
)

jobs = Table(
    "jobs",
    metadata,
    _position(),
    Column("unique_uid", Uid, nullable=False, unique=True),
    Column("instance_uid", Uid, nullable=False, index=True),
    Column("name", String(255), nullable=False),
    # The name as it is compared whatever its case: searches read this.
    Column("name_key", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("creation_time", Instant, nullable=False),
    Column("backup_server_uid", Uid, ForeignKey("backup_servers.instance_uid"), nullable=False, index=True),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, index=True),
    Column("mapped_organization_uid", Uid, ForeignKey("organizations.instance_uid"), index=True),
    Column("location_uid", Uid, nullable=False),
    Column("type", Word(JobType), nullable=False),
    Column("is_enabled", Boolean, nullable=False),
    Column("status", Word(JobStatus), nullable=False),
    Column("schedule", Document(Schedule), nullable=False),
    Column("schedule_type", Word(ScheduleType), nullable=False),
    Column("previous_job_unique_uid", Uid),
    Column("destination", Text, nullable=False),
    Column("retention", Integer, nullable=False),
    Column("retention_unit", Word(RetentionUnit), nullable=False),
    Column("is_gfs_option_enabled", Boolean, nullable=False, server_default=false()),
    Column("last_run", Instant),
    Column("last_end_time", Instant),
    Column("last_duration", Integer),
    Column("average_duration", Integer),
    Column("transferred_data", BigInteger),
    Column("backup_chain_size", BigInteger),
    Column("failure_message", Text),
    Column("last_session_uid", Uid),
    Column("retry_times", Integer, nullable=False, server_default=str(RETRY_TIMES_DEFAULT)),
    Column("retry_interval", Integer, nullable=False, server_default=str(RETRY_INTERVAL_DEFAULT)),
    # A deleted job keeps its row: its restore points stay visible to their owner, and restorable.
    Column("deleted_at", Instant),
    UniqueConstraint("backup_server_uid", "instance_uid"),
    info=_owned_by("organization_uid", "mapped_organization_uid"),
)

# The two families repeat the immutable ids and the owner of their job, so that their lists read one table only.
file_share_jobs = Table(
    "file_share_jobs",
    metadata,
    _position(),
    Column("unique_uid", Uid, ForeignKey("jobs.unique_uid"), nullable=False, unique=True),
    Column("instance_uid", Uid, nullable=False, index=True),
    Column("backup_server_uid", Uid, nullable=False, index=True),
    Column("organization_uid", Uid, nullable=False),
    Column("mapped_organization_uid", Uid),
    Column("file_share_uid", Uid, ForeignKey("file_shares.instance_uid"), nullable=False, index=True),
    Column("target_repository_uid", Uid, ForeignKey("backup_repositories.instance_uid"), nullable=False),
    Column("retention", Integer, nullable=False),
    Column("retention_unit", Word(RetentionUnit), nullable=False),
    *retention_columns(),
    info=_owned_by("organization_uid", "mapped_organization_uid"),
)

file_share_copy_jobs = Table(
    "file_share_copy_jobs",
    metadata,
    _position(),
    Column("unique_uid", Uid, ForeignKey("jobs.unique_uid"), nullable=False, unique=True),
    Column("instance_uid", Uid, nullable=False, index=True),
    Column("backup_server_uid", Uid, nullable=False, index=True),
    Column("organization_uid", Uid, nullable=False),
    Column("mapped_organization_uid", Uid),
    Column("source_job_unique_uid", Uid, ForeignKey("file_share_jobs.unique_uid"), nullable=False, index=True),
    Column("source_job_instance_uid", Uid, nullable=False),
    Column("target_repository_uid", Uid, ForeignKey("backup_repositories.instance_uid"), nullable=False),
    Column("retention", Integer, nullable=False),
    Column("retention_unit", Word(RetentionUnit), nullable=False),
    Column("source_size", BigInteger),
    *proof_columns.of_copy_job(),
    *retention_columns(),
    info=_owned_by("organization_uid", "mapped_organization_uid"),
)

index_jobs(jobs, [file_share_jobs, file_share_copy_jobs])

sessions = Table(
    "sessions",
    metadata,
    _position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("backup_server_uid", Uid, nullable=False),
    Column("job_unique_uid", Uid, ForeignKey("jobs.unique_uid")),
    Column("job_uid", Uid),
    Column("file_share_uid", Uid, ForeignKey("file_shares.instance_uid"), nullable=False, index=True),
    Column("type", Word(SessionType), nullable=False),
    Column("state", Word(SessionState), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("progress", Document(Progress), nullable=False),
    Column("statistics", Document(Statistics), nullable=False),
    Column("messages", Document(list[str]), nullable=False),
    Column("plan", Document(list[PlanEntry]), nullable=False),
    Column("last_heartbeat", Instant),
    Column("last_progress", Instant),
    Column("queue_position", Integer),
    Column("waiting_reason", Text),
    Index("ix_sessions_started_at", "started_at"),
    # In order: a job's newest are read at the end of each of its runs.
    Index("ix_sessions_job_unique_uid_position", "job_unique_uid", "position"),
    info=_owned_through("job_unique_uid", "jobs", "unique_uid"),
)
