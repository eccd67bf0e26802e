"""Refresh tokens, sign-in failures, signing keys and the installation's own id, stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from tandem.domain.identity import RefreshToken
from tandem.store.database import Connection
from tandem.store.query import columns_of, records
from tandem.store.tables import installation, refresh_tokens, sign_in_failures, signing_keys


def insert_refresh_token(connection: Connection, token: RefreshToken) -> None:
    """Store a refresh token by its hash."""
    connection.execute(
        insert(refresh_tokens).values({name: getattr(token, name) for name in RefreshToken.__struct_fields__})
    )


def find_refresh_token(connection: Connection, token_hash: str) -> RefreshToken | None:
    """Find a refresh token by its hash."""
    statement = select(*columns_of(refresh_tokens.c, RefreshToken)).where(refresh_tokens.c.token_hash == token_hash)
    found = records(connection, statement, RefreshToken)
    return found[0] if found else None


def use_refresh_token(connection: Connection, token_hash: str, now: datetime) -> bool:
    """Mark a refresh token as used; False if somebody was first."""
    unused = refresh_tokens.c.used_at.is_(None)
    statement = update(refresh_tokens).where(refresh_tokens.c.token_hash == token_hash, unused).values(used_at=now)
    return connection.execute(statement).rowcount == 1


def delete_token_family(connection: Connection, family_uid: str) -> None:
    """End a family of refresh tokens: all that came from one sign-in."""
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.family_uid == family_uid))


def delete_tokens_of_user(connection: Connection, user_uid: str) -> None:
    """End all refresh tokens of a user."""
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.user_uid == user_uid))


def delete_expired_tokens(connection: Connection, now: datetime) -> None:
    """Forget refresh tokens that nobody can use any more."""
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at <= now))


def sign_in_failures_of(connection: Connection, subject: str) -> tuple[int, datetime] | None:
    """Get how often a subject has failed in a row, and when last."""
    columns = select(sign_in_failures.c.failures, sign_in_failures.c.last_failed_at)
    row = connection.execute(columns.where(sign_in_failures.c.subject == subject)).first()
    return None if row is None else (row[0], row[1])


def record_sign_in_failure(connection: Connection, subject: str, failures: int, now: datetime) -> None:
    """Store how often a subject has failed in a row."""
    connection.execute(delete(sign_in_failures).where(sign_in_failures.c.subject == subject))
    connection.execute(insert(sign_in_failures).values(subject=subject, failures=failures, last_failed_at=now))


def delete_sign_in_failures(
    connection: Connection, *, subject: str | None = None, before: datetime | None = None
) -> None:
    """Forget the failures of one subject, or all older than an instant."""
    if subject is not None:
        connection.execute(delete(sign_in_failures).where(sign_in_failures.c.subject == subject))
    if before is not None:
        connection.execute(delete(sign_in_failures).where(sign_in_failures.c.last_failed_at < before))


def signing_keys_newest_first(connection: Connection) -> list[tuple[str, str]]:
    """Get the token signing keys as (key id, sealed key)."""
    columns = select(signing_keys.c.key_id, signing_keys.c.sealed_key)
    rows = connection.execute(columns.order_by(signing_keys.c.created_at.desc(), signing_keys.c.key_id))
    return [(row[0], row[1]) for row in rows]


def insert_signing_key(connection: Connection, *, key_id: str, sealed_key: str, now: datetime) -> None:
    """Store a token signing key, sealed."""
    connection.execute(insert(signing_keys).values(key_id=key_id, sealed_key=sealed_key, created_at=now))


def find_installation(connection: Connection) -> tuple[str, datetime] | None:
    """Get this installation's id and first start."""
    row = connection.execute(select(installation.c.instance_uid, installation.c.created_at)).first()
    return None if row is None else (row[0], row[1])


def insert_installation(connection: Connection, uid: str, now: datetime) -> None:
    """Store this installation's id, at the first start."""
    connection.execute(insert(installation).values(instance_uid=uid, created_at=now))
