"""Ready documents: what a list shows of a row, as JSON text, kept by triggers in the transaction that changes the row.

The migrations have the triggers, and the form of the text: whoever changes that writes a migration.
"""

from __future__ import annotations

from sqlalchemy import Column, Table, Text

from tandem.store.schema.columns import Serial
from tandem.store.schema.metadata import derived, metadata

file_share_copy_job_documents = Table(
    "file_share_copy_job_documents",
    metadata,
    Column("position", Serial, primary_key=True, autoincrement=False),
    Column("oldest_form", Text, nullable=False),
    Column("current_form", Text, nullable=False),
    info=derived(),
)
