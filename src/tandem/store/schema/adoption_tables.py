"""The tables of adoption: what repositories were found to hold, and what jobs take in as their own."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Table, Text

from tandem.domain.adoption import Origin, SnapshotGroup
from tandem.store.schema.columns import Document, Instant, Uid
from tandem.store.schema.metadata import metadata, owned_through

repository_snapshots = Table(
    "repository_snapshots",
    metadata,
    Column("repository_uid", Uid, ForeignKey("backup_repositories.instance_uid"), primary_key=True),
    Column("request_uid", Uid, nullable=False),
    Column("collected_at", Instant, nullable=False),
    Column("failure", Text, nullable=False),
    Column("groups", Document(list[SnapshotGroup]), nullable=False),
    info=owned_through("repository_uid", "backup_repositories", "instance_uid"),
)

adoptions = Table(
    "adoptions",
    metadata,
    Column("job_unique_uid", Uid, ForeignKey("jobs.unique_uid"), primary_key=True),
    Column("origins", Document(list[Origin]), nullable=False),
    Column("may_forget", Boolean, nullable=False),
    Column("changed_at", Instant, nullable=False),
    info=owned_through("job_unique_uid", "jobs", "unique_uid"),
)
