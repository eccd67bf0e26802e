"""Repositories elsewhere: with which credentials they are opened, and which key their SSH server shows."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In words that both databases take: otherwise SQLite would copy a table which others refer to.
    reference = "CONSTRAINT fk_backup_repositories_credentials_uid REFERENCES credentials (instance_uid)"
    op.execute(f"ALTER TABLE backup_repositories ADD COLUMN credentials_uid VARCHAR(36) {reference}")
    op.create_index(op.f("ix_backup_repositories_credentials_uid"), "backup_repositories", ["credentials_uid"])
    op.add_column("backup_repositories", sa.Column("host_key", sa.Text(), nullable=True))
