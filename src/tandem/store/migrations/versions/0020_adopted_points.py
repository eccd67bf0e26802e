"""Which points and copies somebody made without Tandem, as far as their agents have told."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("restore_points", sa.Column("is_adopted", sa.Boolean(), nullable=True))
    op.add_column("restore_point_copies", sa.Column("is_adopted", sa.Boolean(), nullable=True))
