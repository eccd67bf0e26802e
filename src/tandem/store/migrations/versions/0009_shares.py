"""Shares: masks of what is read, retries of runs that failed, and jobs whose retention is on hold."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("inclusion_masks", "exclusion_masks"):
        op.add_column("file_shares", sa.Column(name, sa.Text(), nullable=False, server_default="[]"))
    op.add_column("jobs", sa.Column("retry_times", sa.Integer(), nullable=False, server_default="3"))
    op.add_column("jobs", sa.Column("retry_interval", sa.Integer(), nullable=False, server_default="10"))
    op.create_table(
        "job_holds",
        sa.Column("job_unique_uid", sa.String(length=36), nullable=False),
        sa.Column("hold", sa.Text(), nullable=False),
        sa.Column("released_uid", sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(["job_unique_uid"], ["jobs.unique_uid"], name=op.f("fk_job_holds_job_unique_uid")),
        sa.PrimaryKeyConstraint("job_unique_uid", name=op.f("pk_job_holds")),
    )
