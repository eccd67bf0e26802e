"""The table of sessions' logs: each what one run did, compressed."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, LargeBinary, Table

from tandem.store.schema.columns import Instant, Uid
from tandem.store.schema.metadata import metadata, owned_through

session_logs = Table(
    "session_logs",
    metadata,
    Column("session_uid", Uid, ForeignKey("sessions.instance_uid"), primary_key=True),
    Column("packed", LargeBinary, nullable=False),
    Column("written_at", Instant, nullable=False, index=True),
    info=owned_through("session_uid", "sessions", "instance_uid"),
)
