"""The tables of restore points, and of the state of each in each copy."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    or_,
)

from tandem.domain.restore_points import CopyState
from tandem.store.schema import proof_columns
from tandem.store.schema.columns import Instant, Uid, Word
from tandem.store.schema.metadata import metadata
from tandem.store.schema.metadata import owned_through as _owned_through
from tandem.store.schema.metadata import position as _position

restore_points = Table(
    "restore_points",
    metadata,
    _position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("file_share_uid", Uid, ForeignKey("file_shares.instance_uid"), nullable=False, index=True),
    Column("backup_server_uid", Uid, nullable=False),
    Column("job_unique_uid", Uid, ForeignKey("jobs.unique_uid"), nullable=False),
    Column("job_uid", Uid, nullable=False),
    Column("repository_uid", Uid, ForeignKey("backup_repositories.instance_uid"), nullable=False),
    Column("snapshot_id", String(64), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("is_complete", Boolean, nullable=False),
    Column("expires_at", Instant),
    Column("forgotten_at", Instant),
    *proof_columns.of_point(),
    # None while its agent has not told.
    Column("is_adopted", Boolean),
    UniqueConstraint("repository_uid", "snapshot_id"),
    Index("ix_restore_points_job_unique_uid_snapshot_id", "job_unique_uid", "snapshot_id"),
    info=_owned_through("job_unique_uid", "jobs", "unique_uid"),
)

restore_point_copies = Table(
    "restore_point_copies",
    metadata,
    Column("restore_point_uid", Uid, ForeignKey("restore_points.instance_uid"), primary_key=True),
    Column("job_unique_uid", Uid, ForeignKey("jobs.unique_uid"), primary_key=True),
    Column("job_uid", Uid, nullable=False),
    Column("repository_uid", Uid, ForeignKey("backup_repositories.instance_uid"), nullable=False),
    Column("state", Word(CopyState), nullable=False),
    Column("reason", Text, nullable=False),
    Column("since", Instant),
    Column("target_snapshot_id", String(64)),
    Column("expires_at", Instant),
    Column("size", BigInteger, nullable=False),
    Column("added", BigInteger, nullable=False),
    *proof_columns.of_copy(),
    Column("is_adopted", Boolean),
    Index("ix_restore_point_copies_job_unique_uid", "job_unique_uid"),
    info=_owned_through("job_unique_uid", "jobs", "unique_uid"),
)

# One state after the other: statements that are run for many rows have a fixed number of parameters.
IS_HELD_COPY = or_(*(restore_point_copies.c.state == state for state in CopyState if state.is_held))
