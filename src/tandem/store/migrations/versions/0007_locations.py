"""Locations: each organization's one becomes the first of many, and users are bound to some."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "locations",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("quota_gb", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_locations_organization_uid")
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_locations")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_locations_instance_uid")),
    )
    op.create_index(op.f("ix_locations_organization_uid"), "locations", ["organization_uid"])
    op.create_table(
        "user_locations",
        sa.Column("user_uid", sa.String(length=36), nullable=False),
        sa.Column("location_uid", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["user_uid"], ["users.instance_uid"], name=op.f("fk_user_locations_user_uid")),
        sa.ForeignKeyConstraint(
            ["location_uid"], ["locations.instance_uid"], name=op.f("fk_user_locations_location_uid")
        ),
        sa.PrimaryKeyConstraint("user_uid", "location_uid", name=op.f("pk_user_locations")),
    )
    op.create_index(op.f("ix_user_locations_location_uid"), "user_locations", ["location_uid"])
    op.create_table(
        "removed_repositories",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_name", sa.String(length=255), nullable=False),
        sa.Column("backup_server_name", sa.String(length=255), nullable=False),
        sa.Column("host_name", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("restic_id", sa.String(length=64), nullable=True),
        sa.Column("sealed_password", sa.Text(), nullable=False),
        sa.Column("removed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_uid", name=op.f("pk_removed_repositories")),
    )
    op.execute(
        "insert into locations (instance_uid, organization_uid, name, type, quota_gb) "
        "select location_uid, instance_uid, 'Default location', 'Default', 0 from organizations order by position"
    )
    # Not in batches: those would make the table anew, which the rows that refer to it do not let happen.
    op.drop_column("organizations", "location_uid")
    op.add_column("enrolment_tokens", sa.Column("location_uid", sa.String(length=36), nullable=True))
    op.create_index(op.f("ix_backup_servers_location_uid"), "backup_servers", ["location_uid"])
