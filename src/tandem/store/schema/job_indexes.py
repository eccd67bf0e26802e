"""The indexes by which lists of jobs are found: each holds all that its lists ask, so that only a page's rows are read.

Those of `jobs` hold live jobs only, and put null first, as SQLite does by itself; in PostgreSQL the migration says so.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Index, Table

_OF_LIVE_JOBS = {
    "position": ("position", "organization_uid"),
    "last_run": ("last_run", "unique_uid", "name_key"),
    "name_key": ("name_key",),
    "organization_uid_position": ("organization_uid", "position"),
    "organization_uid_last_run": ("organization_uid", "last_run", "unique_uid", "name_key"),
    "mapped_organization_uid_position": ("mapped_organization_uid", "position", "organization_uid"),
    "mapped_organization_uid_last_run": (
        "mapped_organization_uid",
        "last_run",
        "unique_uid",
        "organization_uid",
        "name_key",
    ),
}


def index_jobs(jobs: Table, families: Iterable[Table]) -> None:
    """Declare the indexes of the jobs' common part, and those of its families, which repeat the owners."""
    is_live = jobs.c.deleted_at.is_(None)
    for name, columns in _OF_LIVE_JOBS.items():
        # SQLite reads the row for any column that is not in the index, even for one that the index's condition fixes.
        held = [jobs.c[column] for column in (*columns, "deleted_at")]
        Index(f"ix_jobs_live_{name}", *held, sqlite_where=is_live, postgresql_where=is_live)
    for family in families:
        owned, mapped = ("organization_uid", "position"), ("mapped_organization_uid", "position", "organization_uid")
        for columns in (owned, mapped):
            name = f"ix_{family.name}_{columns[0]}_position"
            Index(name, *(family.c[column] for column in columns))
