"""The tables of transfers: what an agent sends for somebody who waits, for the moment that it takes."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, LargeBinary, Table, Text

from tandem.store.schema.columns import Instant, Uid
from tandem.store.schema.metadata import metadata, owned_through

transfers = Table(
    "transfers",
    metadata,
    Column("instance_uid", Uid, primary_key=True),
    Column(
        "backup_server_uid",
        Uid,
        ForeignKey("backup_servers.instance_uid", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("user_uid", Uid, nullable=False, index=True),
    # Whoever waits says so now and then: without him it is over.
    Column("seen_at", Instant, nullable=False, index=True),
    # The number of the part that the agent sends next, and of the one that is read next.
    Column("next_number", Integer, nullable=False),
    Column("read_number", Integer, nullable=False),
    Column("size", BigInteger),
    Column("is_ended", Boolean, nullable=False),
    Column("is_missing", Boolean, nullable=False),
    Column("error", Text, nullable=False),
    info=owned_through("backup_server_uid", "backup_servers", "instance_uid"),
)

transfer_parts = Table(
    "transfer_parts",
    metadata,
    Column("transfer_uid", Uid, ForeignKey("transfers.instance_uid", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sealed_data", LargeBinary, nullable=False),
    info=owned_through("transfer_uid", "transfers", "instance_uid"),
)
