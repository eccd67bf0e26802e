"""The tables of locations, and of what is kept of companies that were deleted."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, String, Table, Text

from tandem.domain.locations import LocationType
from tandem.store.schema.columns import Instant, Uid, Word
from tandem.store.schema.metadata import metadata, owned_by, owned_through, position

locations = Table(
    "locations",
    metadata,
    position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("type", Word(LocationType), nullable=False),
    Column("quota_gb", Integer, nullable=False),
    info=owned_by("organization_uid", located=("instance_uid", "user_locations", "location_uid")),
)

# The locations chosen for a user whose role is bound to locations.
user_locations = Table(
    "user_locations",
    metadata,
    Column("user_uid", Uid, ForeignKey("users.instance_uid"), primary_key=True),
    Column("location_uid", Uid, ForeignKey("locations.instance_uid"), primary_key=True, index=True),
    info=owned_through("location_uid", "locations", "instance_uid"),
)

# Repositories of companies that were deleted: without its password, what is on disk could never be read again.
removed_repositories = Table(
    "removed_repositories",
    metadata,
    Column("instance_uid", Uid, primary_key=True),
    Column("organization_uid", Uid, nullable=False),
    Column("organization_name", String(255), nullable=False),
    Column("backup_server_name", String(255), nullable=False),
    Column("host_name", Text, nullable=False),
    Column("name", String(255), nullable=False),
    Column("path", Text, nullable=False),
    Column("restic_id", String(64)),
    Column("sealed_password", Text, nullable=False),
    # Of a repository elsewhere: what opened it there.
    Column("credentials_uid", Uid),
    Column("credentials_username", String(255)),
    Column("sealed_credentials", Text),
    Column("host_key", Text),
    Column("removed_at", Instant, nullable=False),
    info=owned_by("organization_uid"),
)
