"""Recovery kits: when and by whom the kit of a repository was downloaded. Adoption: what a job takes in as its own."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("backup_repositories", sa.Column("recovery_kit_download_time", sa.BigInteger(), nullable=True))
    op.add_column("backup_repositories", sa.Column("recovery_kit_user_name", sa.Text(), nullable=True))
    op.add_column(
        "backup_repositories", sa.Column("recovery_kit_organization_uid", sa.String(length=36), nullable=True)
    )
    op.add_column("removed_repositories", sa.Column("credentials_uid", sa.String(length=36), nullable=True))
    op.add_column("removed_repositories", sa.Column("credentials_username", sa.String(length=255), nullable=True))
    op.add_column("removed_repositories", sa.Column("sealed_credentials", sa.Text(), nullable=True))
    op.add_column("removed_repositories", sa.Column("host_key", sa.Text(), nullable=True))
    op.create_table(
        "repository_snapshots",
        sa.Column("repository_uid", sa.String(length=36), nullable=False),
        sa.Column("request_uid", sa.String(length=36), nullable=False),
        sa.Column("collected_at", sa.BigInteger(), nullable=False),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("groups", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_uid"],
            ["backup_repositories.instance_uid"],
            name=op.f("fk_repository_snapshots_repository_uid"),
        ),
        sa.PrimaryKeyConstraint("repository_uid", name=op.f("pk_repository_snapshots")),
    )
    op.create_table(
        "adoptions",
        sa.Column("job_unique_uid", sa.String(length=36), nullable=False),
        sa.Column("origins", sa.Text(), nullable=False),
        sa.Column("may_forget", sa.Boolean(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_unique_uid"], ["jobs.unique_uid"], name=op.f("fk_adoptions_job_unique_uid")),
        sa.PrimaryKeyConstraint("job_unique_uid", name=op.f("pk_adoptions")),
    )
