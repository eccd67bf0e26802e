"""Transfers: what agents send for those who wait, while it passes through."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "transfers",
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("user_uid", sa.String(length=36), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("next_number", sa.Integer(), nullable=False),
        sa.Column("read_number", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("is_ended", sa.Boolean(), nullable=False),
        sa.Column("is_missing", sa.Boolean(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backup_server_uid"],
            ["backup_servers.instance_uid"],
            name=op.f("fk_transfers_backup_server_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("instance_uid", name=op.f("pk_transfers")),
    )
    for column in ("backup_server_uid", "user_uid", "seen_at"):
        op.create_index(op.f(f"ix_transfers_{column}"), "transfers", [column])
    op.create_table(
        "transfer_parts",
        sa.Column("transfer_uid", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed_data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["transfer_uid"],
            ["transfers.instance_uid"],
            name=op.f("fk_transfer_parts_transfer_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("transfer_uid", "number", name=op.f("pk_transfer_parts")),
    )
