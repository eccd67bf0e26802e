"""Logins, sign-ins and codes that are good once; whoever is signed in signs in again."""

from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BIG = sa.BigInteger()
_UID = sa.String(length=36)
_WORD = sa.String(length=40)


def upgrade() -> None:
    policy = sa.Column("mfa_policy_status", _WORD, server_default="Disabled", nullable=False)
    op.add_column("users", policy)
    configured = sa.Column("mfa_policy_configuration_status", _WORD, server_default="NotConfigured", nullable=False)
    op.add_column("users", configured)
    logins = op.create_table(
        "user_logins",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("instance_uid", _UID, nullable=False),
        sa.Column("user_uid", _UID, nullable=False),
        sa.Column("identity_provider_name", _WORD, nullable=False),
        sa.Column("identifier_in_provider", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("is_read_access_only", sa.Boolean(), nullable=False),
        sa.Column("status", _WORD, nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("creation_date", _BIG, nullable=False),
        sa.Column("secret_hash", sa.String(length=64), nullable=True),
        sa.Column("sealed_secret", sa.Text(), nullable=True),
        sa.Column("last_step", _BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.instance_uid"], name=op.f("fk_user_logins_user_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_user_logins")),
        sa.UniqueConstraint("instance_uid", name=op.f("uq_user_logins_instance_uid")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_user_logins_secret_hash")),
    )
    op.create_index(op.f("ix_user_logins_user_uid"), "user_logins", ["user_uid"], unique=False)
    op.create_table(
        "sign_ins",
        sa.Column("instance_uid", _UID, nullable=False),
        sa.Column("user_uid", _UID, nullable=False),
        sa.Column("login_id", _BIG, nullable=False),
        sa.Column("second_login_id", _BIG, nullable=True),
        sa.Column("access", _WORD, nullable=False),
        sa.Column("actor_uid", _UID, nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=True),
        sa.Column("actor_role", _WORD, nullable=True),
        sa.Column("acted_role", _WORD, nullable=True),
        sa.Column("parent_uid", _UID, nullable=True),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["login_id"], ["user_logins.position"], name=op.f("fk_sign_ins_login_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["parent_uid"], ["sign_ins.instance_uid"], name=op.f("fk_sign_ins_parent_uid"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["second_login_id"],
            ["user_logins.position"],
            name=op.f("fk_sign_ins_second_login_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.instance_uid"], name=op.f("fk_sign_ins_user_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_uid", name=op.f("pk_sign_ins")),
    )
    for column in ("expires_at", "login_id", "parent_uid", "second_login_id", "user_uid"):
        op.create_index(op.f(f"ix_sign_ins_{column}"), "sign_ins", [column], unique=False)
    op.drop_table("refresh_tokens")
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("sign_in_uid", _UID, nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.Column("used_at", _BIG, nullable=True),
        sa.ForeignKeyConstraint(
            ["sign_in_uid"], ["sign_ins.instance_uid"], name=op.f("fk_refresh_tokens_sign_in_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_refresh_tokens")),
    )
    for column in ("expires_at", "sign_in_uid"):
        op.create_index(op.f(f"ix_refresh_tokens_{column}"), "refresh_tokens", [column], unique=False)
    op.create_table(
        "single_use_codes",
        sa.Column("code_hash", sa.String(length=64), nullable=False),
        sa.Column("purpose", _WORD, nullable=False),
        sa.Column("user_uid", _UID, nullable=True),
        sa.Column("access", _WORD, nullable=False),
        sa.Column("created_at", _BIG, nullable=False),
        sa.Column("expires_at", _BIG, nullable=False),
        sa.Column("sealed_code", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_uid"], ["users.instance_uid"], name=op.f("fk_single_use_codes_user_uid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_single_use_codes")),
    )
    for column in ("expires_at", "user_uid"):
        op.create_index(op.f(f"ix_single_use_codes_{column}"), "single_use_codes", [column], unique=False)
    _give_everybody_a_password_login(logins)


def _give_everybody_a_password_login(logins: sa.Table) -> None:
    users = sa.table("users", sa.column("position"), *map(sa.column, ("instance_uid", "user_name", "created_at")))
    connection = op.get_bind()
    found = connection.execute(
        sa.select(users.c.instance_uid, users.c.user_name, users.c.created_at).order_by(users.c.position)
    )
    rows = [
        {
            "instance_uid": str(uuid4()),
            "user_uid": uid,
            "identity_provider_name": "VSPC",
            "identifier_in_provider": user_name,
            "description": "Password",
            "is_read_access_only": False,
            "status": "enabled",
            "scopes": ",rest,ui,",
            "creation_date": created_at,
        }
        for uid, user_name, created_at in found
    ]
    if rows:
        connection.execute(sa.insert(logins), rows)
