"""Columns that both families of jobs have: which points are kept longer, and how the retention was changed lately."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer

from tandem.store.schema.columns import Instant


def retention_columns() -> list[Column[Any]]:
    """Make the columns for one table.

    Changes that follow each other closely are looked at as one: `retention_changed_at` is when the first of them was,
    `points_at_change` how many points the job held then.
    """
    counts = [
        Column(name, Integer, nullable=False, server_default="0")
        for name in ("gfs_daily", "gfs_weekly", "gfs_monthly", "gfs_yearly")
    ]
    series: list[Column[Any]] = [
        Column("retention_changed_at", Instant),
        Column("points_at_change", Integer, nullable=False, server_default="0"),
    ]
    return [*counts, *series]
