"""What tables hold about copies being whole, and the keys that sign reports of it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, Table, Text

from tandem.domain import drills, verification
from tandem.domain.drills import DrillResult
from tandem.store.schema.columns import Instant, Uid, Word
from tandem.store.schema.metadata import metadata

Columns = list[Column[Any]]


def of_repository() -> Columns:
    """Make the columns about the reading back of a repository."""
    return [
        Column("verify_every_days", Integer, nullable=False, server_default=str(verification.EVERY_DEFAULT_DAYS)),
        Column("verified_at", Instant),
        Column("verification_problem", Text),
    ]


def of_copy_job() -> Columns:
    """Make the columns about the restore drills of a copy job."""
    return [
        Column("drill_every_days", Integer, nullable=False, server_default=str(drills.EVERY_DEFAULT_DAYS)),
        Column("last_drill_at", Instant),
        Column("last_drill_result", Word(DrillResult)),
    ]


def of_point() -> Columns:
    """Make the columns about a point in a first repository."""
    return [Column("verified_at", Instant), Column("damaged_at", Instant)]


def of_copy() -> Columns:
    """Make the columns about a copy of a point: when it was made, and how far it is proven."""
    return [
        Column("copied_at", Instant),
        Column("verified_at", Instant),
        Column("damaged_at", Instant),
        Column("drilled_at", Instant),
        Column("drill_result", Word(DrillResult)),
    ]


report_keys = Table(
    "report_keys",
    metadata,
    Column("instance_uid", Uid, primary_key=True),
    Column("sealed_key", Text, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
)
