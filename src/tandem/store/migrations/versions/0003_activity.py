"""The activity log, read by date and by whose it is; sessions by date; copies by job."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("activity_log", schema=None) as batch_op:
        batch_op.add_column(sa.Column("type", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("object_organization_uid", sa.String(length=36), nullable=True))
        batch_op.drop_index("ix_activity_log_organization_uid")
        batch_op.create_index("ix_activity_log_at_position", ["at", "position"], unique=False)
        batch_op.create_index("ix_activity_log_organization_uid_at", ["organization_uid", "at"], unique=False)
        batch_op.create_index(
            "ix_activity_log_object_organization_uid_at", ["object_organization_uid", "at"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_activity_log_user_uid"), ["user_uid"], unique=False)
    # An agent has no user: it was noted with an empty id, and under a name that no operation has.
    op.execute("update activity_log set user_uid = null where user_uid = ''")
    op.execute("update activity_log set activity = 'EnrolAgent' where activity = 'EnrolBackupServer'")

    with op.batch_alter_table("sessions", schema=None) as batch_op:
        batch_op.create_index("ix_sessions_started_at", ["started_at"], unique=False)

    with op.batch_alter_table("restore_point_copies", schema=None) as batch_op:
        batch_op.create_index("ix_restore_point_copies_job_unique_uid", ["job_unique_uid"], unique=False)
