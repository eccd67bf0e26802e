"""The tables of signing in: what users sign in with, the sign-ins that came of it, and codes that are good once."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Integer, String, Table, Text

from tandem.domain.identity import Access, Role
from tandem.domain.logins import CodePurpose, IdentityProvider, LoginStatus
from tandem.store.schema.columns import Instant, Uid, Word, Words
from tandem.store.schema.metadata import metadata, owned_through, position


def _with(column: str) -> ForeignKey:
    """Point at a row that takes this one along when it goes."""
    return ForeignKey(column, ondelete="CASCADE")


def _of_user(*, nullable: bool = False) -> Column[str]:
    return Column("user_uid", Uid, _with("users.instance_uid"), nullable=nullable, index=True)


user_logins = Table(
    "user_logins",
    metadata,
    position(),
    Column("instance_uid", Uid, nullable=False, unique=True),
    _of_user(),
    Column("identity_provider_name", Word(IdentityProvider), nullable=False),
    Column("identifier_in_provider", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("is_read_access_only", Boolean, nullable=False),
    Column("status", Word(LoginStatus), nullable=False),
    Column("scopes", Words, nullable=False),
    Column("creation_date", Instant, nullable=False),
    Column("secret_hash", String(64), unique=True),
    Column("sealed_secret", Text),
    Column("last_step", BigInteger),
    info=owned_through("user_uid", "users", "instance_uid"),
)

# Every access token names a sign-in; without its row it is good for nothing.
sign_ins = Table(
    "sign_ins",
    metadata,
    Column("instance_uid", Uid, primary_key=True),
    _of_user(),
    Column("login_id", BigInteger, _with("user_logins.position"), nullable=False, index=True),
    Column("second_login_id", BigInteger, _with("user_logins.position"), index=True),
    Column("access", Word(Access), nullable=False),
    Column("actor_uid", Uid),
    Column("actor_name", Text),
    Column("actor_role", Word(Role)),
    Column("acted_role", Word(Role)),
    Column("parent_uid", Uid, _with("sign_ins.instance_uid"), index=True),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)

single_use_codes = Table(
    "single_use_codes",
    metadata,
    Column("code_hash", String(64), primary_key=True),
    Column("purpose", Word(CodePurpose), nullable=False),
    _of_user(nullable=True),
    Column("access", Word(Access), nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("sealed_code", Text),
    Column("attempts", Integer, nullable=False),
)
