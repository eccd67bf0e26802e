"""Agents of backup servers where something may be adopted are asked: what they told older consoles was not kept."""

from alembic import op

revision = "0020_after"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "update backup_servers set revision = revision + 1 where instance_uid in ("
        "select backup_server_uid from backup_repositories where is_existing union "
        "select jobs.backup_server_uid from adoptions join jobs on jobs.unique_uid = adoptions.job_unique_uid)"
    )
