"""What filters and sorts need: text functions, ready forms of a job's name, and indexes of live jobs."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# As `domain.listing.collated` does it; a test holds the two against each other.
IGNORECASE = """
create function tandem_ignorecase(value text) returns text language sql immutable parallel safe
return lower(value collate "und-x-icu")
"""
LEXICOGRAPHIC = """
create function tandem_lexicographic(value text) returns text language sql immutable parallel safe
return case when value is null then null else coalesce((
    select string_agg(
        coalesce(part[1], lpad(length(ltrim(part[2], '0'))::text, 4, '0') || ltrim(part[2], '0')), '' order by number
    )
    from regexp_matches(lower(value collate "und-x-icu"), '([^0-9]+)|([0-9]+)', 'g')
        with ordinality as parts(part, number)
), '') end
"""
LIVE = "deleted_at is null"
# Each holds all that its lists are found by, so that only the rows of a page are read: SQLite wants `deleted_at` too.
INDEXES = {
    "ix_jobs_live_position": "position, organization_uid, deleted_at",
    "ix_jobs_live_last_run": "last_run {nulls_first}, unique_uid, name_key, deleted_at",
    "ix_jobs_live_name_key": "name_key {code_points}, deleted_at",
    "ix_jobs_live_organization_uid_position": "organization_uid, position, deleted_at",
    "ix_jobs_live_organization_uid_last_run": (
        "organization_uid, last_run {nulls_first}, unique_uid, name_key, deleted_at"
    ),
    "ix_jobs_live_mapped_organization_uid_position": "mapped_organization_uid, position, organization_uid, deleted_at",
    "ix_jobs_live_mapped_organization_uid_last_run": (
        "mapped_organization_uid, last_run {nulls_first}, unique_uid, organization_uid, name_key, deleted_at"
    ),
}


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    if is_postgresql:
        op.execute(IGNORECASE)
        op.execute(LEXICOGRAPHIC)
    with op.batch_alter_table("jobs") as table:
        table.add_column(sa.Column("name_key", sa.Text(), nullable=True))
        table.add_column(sa.Column("schedule_type", sa.String(40), nullable=True))
    _fill()
    with op.batch_alter_table("jobs") as table:
        table.alter_column("name_key", existing_type=sa.Text(), nullable=False)
        table.alter_column("schedule_type", existing_type=sa.String(40), nullable=False)
    for name, columns in INDEXES.items():
        # SQLite always sorts null first and compares texts by code point.
        nulls_first, code_points = ("nulls first", 'collate "C"') if is_postgresql else ("", "")
        keys = columns.format(nulls_first=nulls_first, code_points=code_points)
        op.execute(f"create index {name} on jobs ({keys}) where {LIVE}")
    for table in ("file_share_jobs", "file_share_copy_jobs"):
        mapped = ["mapped_organization_uid", "position", "organization_uid"]
        op.create_index(f"ix_{table}_mapped_organization_uid_position", table, mapped)
        op.drop_index(f"ix_{table}_mapped_organization_uid", table)


def _fill() -> None:
    names = ("position", "name", "name_key", "schedule", "schedule_type")
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in names]
    jobs = sa.table("jobs", *columns)
    connection = op.get_bind()
    schedule_type = sa.cast(jobs.c.schedule, sa.JSON)["type"].as_string()
    rows = connection.execute(sa.select(jobs.c.position, jobs.c.name, schedule_type)).all()
    for position, name, kind in rows:
        values = {"name_key": name.lower(), "schedule_type": kind}
        connection.execute(sa.update(jobs).where(jobs.c.position == position).values(values))
