"""The table of what was done."""

from __future__ import annotations

from sqlalchemy import Column, Index, Table, Text

from tandem.domain.activity_log import ActivityType
from tandem.store.schema.columns import Instant, Uid, Word
from tandem.store.schema.metadata import metadata, owned_by, position

activity_log = Table(
    "activity_log",
    metadata,
    position(),
    Column("at", Instant, nullable=False),
    Column("organization_uid", Uid, nullable=False),
    Column("user_uid", Uid, index=True),
    Column("user_name", Text, nullable=False),
    Column("activity", Text, nullable=False),
    # Only where the operation alone does not say it.
    Column("type", Word(ActivityType)),
    Column("object_uid", Text, nullable=False),
    # Whose thing it was done to, where that is known: they see the line too.
    Column("object_organization_uid", Uid),
    Column("detail", Text, nullable=False),
    Index("ix_activity_log_at_position", "at", "position"),
    Index("ix_activity_log_organization_uid_at", "organization_uid", "at"),
    Index("ix_activity_log_object_organization_uid_at", "object_organization_uid", "at"),
    info=owned_by("organization_uid", "object_organization_uid"),
)
