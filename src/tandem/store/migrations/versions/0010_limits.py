"""Limits of backup servers and repositories; where sessions wait and when they were last heard of; their logs."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("backup_servers", sa.Column("limits", sa.Text(), nullable=True))
    op.add_column("backup_repositories", sa.Column("limits", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("last_heartbeat", sa.BigInteger(), nullable=True))
    op.add_column("sessions", sa.Column("last_progress", sa.BigInteger(), nullable=True))
    op.add_column("sessions", sa.Column("queue_position", sa.Integer(), nullable=True))
    op.add_column("sessions", sa.Column("waiting_reason", sa.Text(), nullable=True))
    op.create_table(
        "session_logs",
        sa.Column("session_uid", sa.String(length=36), nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.Column("written_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["session_uid"], ["sessions.instance_uid"], name=op.f("fk_session_logs_session_uid")),
        sa.PrimaryKeyConstraint("session_uid", name=op.f("pk_session_logs")),
    )
    op.create_index(op.f("ix_session_logs_written_at"), "session_logs", ["written_at"])
