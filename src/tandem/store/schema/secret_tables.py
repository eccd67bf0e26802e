"""The tables of secrets: what a backup server signs in with elsewhere, and what it encrypts with; secrets sealed."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, String, Table, Text, UniqueConstraint

from tandem.domain.credentials import CredentialsType, LinuxDetails
from tandem.store.schema.columns import Document, Instant, Uid, Word
from tandem.store.schema.metadata import metadata, owned_by, position

credentials = Table(
    "credentials",
    metadata,
    position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("backup_server_uid", Uid, ForeignKey("backup_servers.instance_uid"), nullable=False, index=True),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, index=True),
    Column("mapped_organization_uid", Uid, ForeignKey("organizations.instance_uid"), index=True),
    Column("type", Word(CredentialsType), nullable=False),
    Column("username", String(255), nullable=False),
    Column("description", Text),
    Column("linux", Document(LinuxDetails)),
    Column("sealed_secrets", Text, nullable=False),
    Column("creation_time", Instant, nullable=False),
    info=owned_by("organization_uid", "mapped_organization_uid"),
)

encryption_passwords = Table(
    "encryption_passwords",
    metadata,
    position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    Column("backup_server_uid", Uid, ForeignKey("backup_servers.instance_uid"), nullable=False, index=True),
    Column("organization_uid", Uid, ForeignKey("organizations.instance_uid"), nullable=False, index=True),
    Column("mapped_organization_uid", Uid, ForeignKey("organizations.instance_uid"), index=True),
    Column("hint", Text, nullable=False),
    Column("unique_id", String(255)),
    Column("sealed_password", Text, nullable=False),
    Column("modification_time", Instant, nullable=False),
    UniqueConstraint("backup_server_uid", "unique_id"),
    info=owned_by("organization_uid", "mapped_organization_uid"),
)
