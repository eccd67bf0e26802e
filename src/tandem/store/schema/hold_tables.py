"""The table of holds: a row for each job whose retention deletes nothing for now."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Table

from tandem.domain.holds import Hold
from tandem.store.schema.columns import Document, Uid
from tandem.store.schema.metadata import metadata, owned_through

job_holds = Table(
    "job_holds",
    metadata,
    Column("job_unique_uid", Uid, ForeignKey("jobs.unique_uid"), primary_key=True),
    Column("hold", Document(Hold), nullable=False),
    # The uid of the hold that somebody has released; its agent has still to hear so.
    Column("released_uid", Uid),
    info=owned_through("job_unique_uid", "jobs", "unique_uid"),
)
