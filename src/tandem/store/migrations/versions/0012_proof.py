"""Reading back, damage and restore drills are noted; reports of them are signed."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "backup_repositories", sa.Column("verify_every_days", sa.Integer(), server_default="30", nullable=False)
    )
    op.add_column("backup_repositories", sa.Column("verified_at", sa.BigInteger(), nullable=True))
    op.add_column("backup_repositories", sa.Column("verification_problem", sa.Text(), nullable=True))
    op.add_column(
        "file_share_copy_jobs", sa.Column("drill_every_days", sa.Integer(), server_default="30", nullable=False)
    )
    op.add_column("file_share_copy_jobs", sa.Column("last_drill_at", sa.BigInteger(), nullable=True))
    op.add_column("file_share_copy_jobs", sa.Column("last_drill_result", sa.String(length=40), nullable=True))
    op.add_column("restore_points", sa.Column("verified_at", sa.BigInteger(), nullable=True))
    op.add_column("restore_points", sa.Column("damaged_at", sa.BigInteger(), nullable=True))
    op.add_column("restore_point_copies", sa.Column("damaged_at", sa.BigInteger(), nullable=True))
    op.add_column("restore_point_copies", sa.Column("drilled_at", sa.BigInteger(), nullable=True))
    op.add_column("restore_point_copies", sa.Column("drill_result", sa.String(length=40), nullable=True))
    op.create_table(
        "report_keys",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("sealed_key", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance_uid", name=op.f("pk_report_keys")),
    )
