"""The tables of what is kept of requests: async actions, and answers to repeat."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, String, Table, Text, false

from tandem.domain.async_actions import AsyncActionStatus
from tandem.store.schema.columns import Instant, Uid, Word
from tandem.store.schema.metadata import metadata, position

# Not anybody's but the initiator's, whom each statement names.
async_actions = Table(
    "async_actions",
    metadata,
    position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("initiator_uid", Uid, ForeignKey("users.instance_uid", ondelete="CASCADE"), nullable=False, index=True),
    Column("action_name", Text, nullable=False),
    Column("status", Word(AsyncActionStatus), nullable=False),
    Column("sealed_request", Text, nullable=False),
    Column("sealed_answer", Text),
    Column("created_at", Instant, nullable=False),
    Column("started_at", Instant),
    Column("seen_at", Instant, nullable=False),
    Column("ended_at", Instant),
    Column("expires_at", Instant, index=True),
)

# The key holds who asked: another's request, however alike, is another row.
replays = Table(
    "replays",
    metadata,
    Column("request_key", String(64), primary_key=True),
    Column("claim_uid", Uid, nullable=False),
    Column("claimed_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("sealed_answer", Text),
    # By which process, as the database knows it, and whether anything of it was committed.
    Column("claimed_by", Text),
    Column("has_changed", Boolean, nullable=False, server_default=false()),
)

# What any one of the consoles does now and then: when it is due again.
periodic_work = Table(
    "periodic_work",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("due_at", Instant, nullable=False),
)
