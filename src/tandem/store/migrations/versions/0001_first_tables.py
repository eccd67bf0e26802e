"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "activity_log",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("user_uid", sa.String(length=36), nullable=True),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("activity", sa.Text(), nullable=False),
        sa.Column("object_uid", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_activity_log")),
    )
    with op.batch_alter_table("activity_log", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_activity_log_organization_uid"), ["organization_uid"], unique=False)

    op.create_table(
        "installation",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_uid", name=op.f("pk_installation")),
    )
    op.create_table(
        "organizations",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("alias", sa.Text(), nullable=True),
        sa.Column("tax_id", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("country", sa.Integer(), nullable=True),
        sa.Column("state", sa.Integer(), nullable=True),
        sa.Column("country_name", sa.Text(), nullable=True),
        sa.Column("region_name", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("street", sa.Text(), nullable=True),
        sa.Column("location_admin0_code", sa.Text(), nullable=True),
        sa.Column("location_admin1_code", sa.Text(), nullable=True),
        sa.Column("location_admin2_code", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=True),
        sa.Column("zip_code", sa.Text(), nullable=True),
        sa.Column("website", sa.Text(), nullable=True),
        sa.Column("veeam_tenant_id", sa.Text(), nullable=True),
        sa.Column("company_id", sa.Text(), nullable=True),
        sa.Column("location_uid", sa.String(length=36), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_organizations")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_organizations_instance_uid")),
        sa.UniqueConstraint("name_key", name=op.f("uq_organizations_name_key")),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("subject", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name=op.f("pk_sign_in_failures")),
    )
    with op.batch_alter_table("sign_in_failures", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_failures_last_failed_at"), ["last_failed_at"], unique=False)

    op.create_table(
        "signing_keys",
        sa.Column("key_id", sa.String(length=36), nullable=False),
        sa.Column("sealed_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_signing_keys")),
    )
    op.create_table(
        "backup_servers",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("location_uid", sa.String(length=36), nullable=False),
        sa.Column("management_agent_uid", sa.String(length=36), nullable=False),
        sa.Column("installation_uid", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("restic_version", sa.Text(), nullable=False),
        sa.Column("host_name", sa.Text(), nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=True),
        sa.Column("public_key", sa.Text(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("session_hash", sa.String(length=64), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("spool_uid", sa.String(length=36), nullable=True),
        sa.Column("last_report", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_backup_servers_organization_uid")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_backup_servers")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_backup_servers_instance_uid")),
    )
    with op.batch_alter_table("backup_servers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_backup_servers_organization_uid"), ["organization_uid"], unique=False)

    op.create_table(
        "companies",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("reseller_uid", sa.String(length=36), nullable=True),
        sa.Column("subscription_plan_uid", sa.String(length=36), nullable=True),
        sa.Column("is_rest_access_enabled", sa.Boolean(), nullable=False),
        sa.Column("is_alarm_detect_enabled", sa.Boolean(), nullable=False),
        sa.Column("owner_user_name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uid"], ["organizations.instance_uid"], name=op.f("fk_companies_instance_uid")
        ),
        sa.ForeignKeyConstraint(
            ["reseller_uid"], ["organizations.instance_uid"], name=op.f("fk_companies_reseller_uid")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_companies")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_companies_instance_uid")),
    )
    with op.batch_alter_table("companies", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_companies_reseller_uid"), ["reseller_uid"], unique=False)

    op.create_table(
        "enrolment_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_enrolment_tokens_organization_uid")
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_enrolment_tokens")),
    )
    op.create_table(
        "users",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("user_name", sa.Text(), nullable=False),
        sa.Column("user_name_key", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_users_organization_uid")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_users")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_users_instance_uid")),
        sa.UniqueConstraint("user_name_key", name=op.f("uq_users_user_name_key")),
    )
    with op.batch_alter_table("users", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_users_organization_uid"), ["organization_uid"], unique=False)

    op.create_table(
        "agent_commands",
        sa.Column("serial", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("command", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["backup_server_uid"], ["backup_servers.instance_uid"], name=op.f("fk_agent_commands_backup_server_uid")
        ),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_agent_commands")),
    )
    with op.batch_alter_table("agent_commands", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agent_commands_backup_server_uid"), ["backup_server_uid"], unique=False)

    op.create_table(
        "backup_repositories",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sealed_password", sa.Text(), nullable=False),
        sa.Column("is_existing", sa.Boolean(), nullable=False),
        sa.Column("family_uid", sa.String(length=36), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("failure", sa.Text(), nullable=True),
        sa.Column("restic_id", sa.String(length=64), nullable=True),
        sa.Column("capacity", sa.BigInteger(), nullable=True),
        sa.Column("free_space", sa.BigInteger(), nullable=True),
        sa.Column("used_space", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backup_server_uid"],
            ["backup_servers.instance_uid"],
            name=op.f("fk_backup_repositories_backup_server_uid"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_backup_repositories_organization_uid")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_backup_repositories")),
        sa.UniqueConstraint("backup_server_uid", "path", name=op.f("uq_backup_repositories_backup_server_uid_path")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_backup_repositories_instance_uid")),
        sa.UniqueConstraint("restic_id", name=op.f("uq_backup_repositories_restic_id")),
    )
    with op.batch_alter_table("backup_repositories", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_backup_repositories_backup_server_uid"), ["backup_server_uid"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_backup_repositories_organization_uid"), ["organization_uid"], unique=False)

    op.create_table(
        "file_shares",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backup_server_uid"], ["backup_servers.instance_uid"], name=op.f("fk_file_shares_backup_server_uid")
        ),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_file_shares_organization_uid")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_file_shares")),
        sa.UniqueConstraint("backup_server_uid", "path", name=op.f("uq_file_shares_backup_server_uid_path")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_file_shares_instance_uid")),
    )
    with op.batch_alter_table("file_shares", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_file_shares_backup_server_uid"), ["backup_server_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_shares_organization_uid"), ["organization_uid"], unique=False)

    op.create_table(
        "jobs",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("unique_uid", sa.String(length=36), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("mapped_organization_uid", sa.String(length=36), nullable=True),
        sa.Column("location_uid", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("schedule", sa.Text(), nullable=False),
        sa.Column("previous_job_unique_uid", sa.String(length=36), nullable=True),
        sa.Column("destination", sa.Text(), nullable=False),
        sa.Column("retention", sa.Integer(), nullable=False),
        sa.Column("retention_unit", sa.String(length=40), nullable=False),
        sa.Column("last_run", sa.BigInteger(), nullable=True),
        sa.Column("last_end_time", sa.BigInteger(), nullable=True),
        sa.Column("last_duration", sa.Integer(), nullable=True),
        sa.Column("average_duration", sa.Integer(), nullable=True),
        sa.Column("transferred_data", sa.BigInteger(), nullable=True),
        sa.Column("backup_chain_size", sa.BigInteger(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.Column("last_session_uid", sa.String(length=36), nullable=True),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["backup_server_uid"], ["backup_servers.instance_uid"], name=op.f("fk_jobs_backup_server_uid")
        ),
        sa.ForeignKeyConstraint(
            ["mapped_organization_uid"], ["organizations.instance_uid"], name=op.f("fk_jobs_mapped_organization_uid")
        ),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_jobs_organization_uid")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_jobs")),
        sa.UniqueConstraint("backup_server_uid", "instance_uid", name=op.f("uq_jobs_backup_server_uid_instance_uid")),
        sa.UniqueConstraint("unique_uid", name=op.f("uq_jobs_unique_uid")),
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jobs_backup_server_uid"), ["backup_server_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_jobs_instance_uid"), ["instance_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_jobs_mapped_organization_uid"), ["mapped_organization_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_jobs_organization_uid"), ["organization_uid"], unique=False)

    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("family_uid", sa.String(length=36), nullable=False),
        sa.Column("user_uid", sa.String(length=36), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["user_uid"], ["users.instance_uid"], name=op.f("fk_refresh_tokens_user_uid")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    with op.batch_alter_table("refresh_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_refresh_tokens_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_refresh_tokens_family_uid"), ["family_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_refresh_tokens_user_uid"), ["user_uid"], unique=False)

    op.create_table(
        "file_share_jobs",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("unique_uid", sa.String(length=36), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("mapped_organization_uid", sa.String(length=36), nullable=True),
        sa.Column("file_share_uid", sa.String(length=36), nullable=False),
        sa.Column("target_repository_uid", sa.String(length=36), nullable=False),
        sa.Column("retention", sa.Integer(), nullable=False),
        sa.Column("retention_unit", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_share_uid"], ["file_shares.instance_uid"], name=op.f("fk_file_share_jobs_file_share_uid")
        ),
        sa.ForeignKeyConstraint(
            ["target_repository_uid"],
            ["backup_repositories.instance_uid"],
            name=op.f("fk_file_share_jobs_target_repository_uid"),
        ),
        sa.ForeignKeyConstraint(["unique_uid"], ["jobs.unique_uid"], name=op.f("fk_file_share_jobs_unique_uid")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_file_share_jobs")),
        sa.UniqueConstraint("unique_uid", name=op.f("uq_file_share_jobs_unique_uid")),
    )
    with op.batch_alter_table("file_share_jobs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_file_share_jobs_backup_server_uid"), ["backup_server_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_share_jobs_file_share_uid"), ["file_share_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_file_share_jobs_instance_uid"), ["instance_uid"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_file_share_jobs_mapped_organization_uid"), ["mapped_organization_uid"], unique=False
        )
        batch_op.create_index(
            "ix_file_share_jobs_organization_uid_position", ["organization_uid", "position"], unique=False
        )

    op.create_table(
        "restore_points",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("file_share_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("job_unique_uid", sa.String(length=36), nullable=False),
        sa.Column("job_uid", sa.String(length=36), nullable=False),
        sa.Column("repository_uid", sa.String(length=36), nullable=False),
        sa.Column("snapshot_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.Column("files", sa.BigInteger(), nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("forgotten_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["file_share_uid"], ["file_shares.instance_uid"], name=op.f("fk_restore_points_file_share_uid")
        ),
        sa.ForeignKeyConstraint(["job_unique_uid"], ["jobs.unique_uid"], name=op.f("fk_restore_points_job_unique_uid")),
        sa.ForeignKeyConstraint(
            ["repository_uid"], ["backup_repositories.instance_uid"], name=op.f("fk_restore_points_repository_uid")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_restore_points")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_restore_points_instance_uid")),
        sa.UniqueConstraint("repository_uid", "snapshot_id", name=op.f("uq_restore_points_repository_uid_snapshot_id")),
    )
    with op.batch_alter_table("restore_points", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_restore_points_file_share_uid"), ["file_share_uid"], unique=False)
        batch_op.create_index(
            "ix_restore_points_job_unique_uid_snapshot_id", ["job_unique_uid", "snapshot_id"], unique=False
        )

    op.create_table(
        "sessions",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("job_unique_uid", sa.String(length=36), nullable=True),
        sa.Column("job_uid", sa.String(length=36), nullable=True),
        sa.Column("file_share_uid", sa.String(length=36), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("progress", sa.Text(), nullable=False),
        sa.Column("statistics", sa.Text(), nullable=False),
        sa.Column("messages", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_share_uid"], ["file_shares.instance_uid"], name=op.f("fk_sessions_file_share_uid")
        ),
        sa.ForeignKeyConstraint(["job_unique_uid"], ["jobs.unique_uid"], name=op.f("fk_sessions_job_unique_uid")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_sessions")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_sessions_instance_uid")),
    )
    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sessions_file_share_uid"), ["file_share_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_sessions_job_unique_uid"), ["job_unique_uid"], unique=False)

    op.create_table(
        "file_share_copy_jobs",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("unique_uid", sa.String(length=36), nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("mapped_organization_uid", sa.String(length=36), nullable=True),
        sa.Column("source_job_unique_uid", sa.String(length=36), nullable=False),
        sa.Column("source_job_instance_uid", sa.String(length=36), nullable=False),
        sa.Column("target_repository_uid", sa.String(length=36), nullable=False),
        sa.Column("retention", sa.Integer(), nullable=False),
        sa.Column("retention_unit", sa.String(length=40), nullable=False),
        sa.Column("source_size", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_job_unique_uid"],
            ["file_share_jobs.unique_uid"],
            name=op.f("fk_file_share_copy_jobs_source_job_unique_uid"),
        ),
        sa.ForeignKeyConstraint(
            ["target_repository_uid"],
            ["backup_repositories.instance_uid"],
            name=op.f("fk_file_share_copy_jobs_target_repository_uid"),
        ),
        sa.ForeignKeyConstraint(["unique_uid"], ["jobs.unique_uid"], name=op.f("fk_file_share_copy_jobs_unique_uid")),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_file_share_copy_jobs")),
        sa.UniqueConstraint("unique_uid", name=op.f("uq_file_share_copy_jobs_unique_uid")),
    )
    with op.batch_alter_table("file_share_copy_jobs", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_file_share_copy_jobs_backup_server_uid"), ["backup_server_uid"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_file_share_copy_jobs_instance_uid"), ["instance_uid"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_file_share_copy_jobs_mapped_organization_uid"), ["mapped_organization_uid"], unique=False
        )
        batch_op.create_index(
            "ix_file_share_copy_jobs_organization_uid_position", ["organization_uid", "position"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_file_share_copy_jobs_source_job_unique_uid"), ["source_job_unique_uid"], unique=False
        )

    op.create_table(
        "restore_point_copies",
        sa.Column("restore_point_uid", sa.String(length=36), nullable=False),
        sa.Column("job_unique_uid", sa.String(length=36), nullable=False),
        sa.Column("job_uid", sa.String(length=36), nullable=False),
        sa.Column("repository_uid", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("target_snapshot_id", sa.String(length=64), nullable=True),
        sa.Column("copied_at", sa.BigInteger(), nullable=True),
        sa.Column("verified_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("added", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_unique_uid"], ["jobs.unique_uid"], name=op.f("fk_restore_point_copies_job_unique_uid")
        ),
        sa.ForeignKeyConstraint(
            ["repository_uid"],
            ["backup_repositories.instance_uid"],
            name=op.f("fk_restore_point_copies_repository_uid"),
        ),
        sa.ForeignKeyConstraint(
            ["restore_point_uid"],
            ["restore_points.instance_uid"],
            name=op.f("fk_restore_point_copies_restore_point_uid"),
        ),
        sa.PrimaryKeyConstraint("restore_point_uid", "job_unique_uid", name=op.f("pk_restore_point_copies")),
    )
