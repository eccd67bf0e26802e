"""Several consoles: who runs a request and how far it came; what any one of them does now and then."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("replays", sa.Column("claimed_by", sa.Text(), nullable=True))
    op.add_column("replays", sa.Column("has_changed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "periodic_work",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_periodic_work")),
    )
