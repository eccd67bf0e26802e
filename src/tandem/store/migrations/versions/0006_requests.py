"""What is kept of requests: answers to repeat, and actions that go on by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "async_actions",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("initiator_uid", sa.String(length=36), nullable=False),
        sa.Column("action_name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("sealed_request", sa.Text(), nullable=False),
        sa.Column("sealed_answer", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["initiator_uid"],
            ["users.instance_uid"],
            name=op.f("fk_async_actions_initiator_uid"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_async_actions")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_async_actions_instance_uid")),
    )
    with op.batch_alter_table("async_actions", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_async_actions_initiator_uid"), ["initiator_uid"], unique=False)
        batch_op.create_index(batch_op.f("ix_async_actions_expires_at"), ["expires_at"], unique=False)

    op.create_table(
        "replays",
        sa.Column("request_key", sa.String(length=64), nullable=False),
        sa.Column("claim_uid", sa.String(length=36), nullable=False),
        sa.Column("claimed_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("sealed_answer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("request_key", name=op.f("pk_replays")),
    )
    with op.batch_alter_table("replays", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_replays_expires_at"), ["expires_at"], unique=False)
