"""Credentials and encryption passwords, and what uses them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "credentials",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("mapped_organization_uid", sa.String(length=36), nullable=True),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("linux", sa.Text(), nullable=True),
        sa.Column("sealed_secrets", sa.Text(), nullable=False),
        sa.Column("creation_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backup_server_uid"], ["backup_servers.instance_uid"], name=op.f("fk_credentials_backup_server_uid")
        ),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_credentials_organization_uid")
        ),
        sa.ForeignKeyConstraint(
            ["mapped_organization_uid"],
            ["organizations.instance_uid"],
            name=op.f("fk_credentials_mapped_organization_uid"),
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_credentials")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_credentials_instance_uid")),
    )
    _index("credentials", "backup_server_uid", "organization_uid", "mapped_organization_uid")

    op.create_table(
        "encryption_passwords",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", sa.String(length=36), nullable=False),
        sa.Column("backup_server_uid", sa.String(length=36), nullable=False),
        sa.Column("organization_uid", sa.String(length=36), nullable=False),
        sa.Column("mapped_organization_uid", sa.String(length=36), nullable=True),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("unique_id", sa.String(length=255), nullable=True),
        sa.Column("sealed_password", sa.Text(), nullable=False),
        sa.Column("modification_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["backup_server_uid"],
            ["backup_servers.instance_uid"],
            name=op.f("fk_encryption_passwords_backup_server_uid"),
        ),
        sa.ForeignKeyConstraint(
            ["organization_uid"], ["organizations.instance_uid"], name=op.f("fk_encryption_passwords_organization_uid")
        ),
        sa.ForeignKeyConstraint(
            ["mapped_organization_uid"],
            ["organizations.instance_uid"],
            name=op.f("fk_encryption_passwords_mapped_organization_uid"),
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_encryption_passwords")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_encryption_passwords_instance_uid")),
        sa.UniqueConstraint(
            "backup_server_uid", "unique_id", name=op.f("uq_encryption_passwords_backup_server_uid_unique_id")
        ),
    )
    _index("encryption_passwords", "backup_server_uid", "organization_uid", "mapped_organization_uid")

    _add_reference("backup_repositories", "encryption_password_uid", "encryption_passwords")
    _add_reference("file_shares", "credentials_uid", "credentials")


def _index(table: str, *columns: str) -> None:
    for column in columns:
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], unique=False)


def _add_reference(table: str, column: str, target: str) -> None:
    # In words that both databases take: otherwise SQLite would copy a table which others refer to.
    reference = f"CONSTRAINT fk_{table}_{column} REFERENCES {target} (instance_uid)"
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column} VARCHAR(36) {reference}")
    _index(table, column)
