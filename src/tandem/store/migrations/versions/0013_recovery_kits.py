"""Recovery kits: when and by whom the kit of a repository was downloaded. Adoption: what a job takes in as its own."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("backup_repositories", sa.Column("recovery_kit_download_time", sa.BigInteger(), nullable=True))
    op.add_column("backup_repositories", sa.Column("recovery_kit_user_name", sa.Text(), nullable=True))
    op.add_column(
        "backup_repositories", sa.Column("recovery_kit_organization_uid", sa.String(length=36), nullable=True)
    )
