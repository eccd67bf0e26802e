"""Agents: what is new for them in one list, their open orders and a job's newest sessions by index, room to update."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None

# Rows that reports change again and again: with room in their page, a change leaves all indexes alone.
OFTEN_CHANGED = {"backup_servers": 70, "jobs": 80, "sessions": 80, "backup_repositories": 80}


def upgrade() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "agent_news",
        sa.Column("serial", serial, autoincrement=True, nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("serial", name=op.f("pk_agent_news")),
    )
    is_open = sa.text("answered_at is null")
    op.create_index(
        "ix_agent_commands_open",
        "agent_commands",
        ["backup_server_uid", "serial"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_index("ix_sessions_job_unique_uid_position", "sessions", ["job_unique_uid", "position"])
    op.drop_index("ix_sessions_job_unique_uid", table_name="sessions")
    if op.get_bind().dialect.name == "postgresql":
        for table, percent in OFTEN_CHANGED.items():
            op.execute(f"alter table {table} set (fillfactor = {percent})")
