"""Retention: points kept for a week or a year, immutable repositories, since when a copy stands as it does."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("file_share_jobs", "file_share_copy_jobs"):
        for name in ("gfs_daily", "gfs_weekly", "gfs_monthly", "gfs_yearly"):
            op.add_column(table, sa.Column(name, sa.Integer(), server_default="0", nullable=False))
        op.add_column(table, sa.Column("retention_changed_at", sa.BigInteger(), nullable=True))
        op.add_column(table, sa.Column("points_at_change", sa.Integer(), server_default="0", nullable=False))
    op.add_column("jobs", sa.Column("is_gfs_option_enabled", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column(
        "backup_repositories", sa.Column("immutability_interval", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("restore_point_copies", sa.Column("since", sa.BigInteger(), nullable=True))
