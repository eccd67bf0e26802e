"""Refresh tokens, sign-in failures, signing keys and the installation's own id, stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select, update

from tandem.domain.errors import Conflict
from tandem.domain.logins import RefreshToken
from tandem.store.database import Connection, alone
from tandem.store.query import columns_of, records
from tandem.store.schema.tables import installation, refresh_tokens, sign_in_failures, signing_keys


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


def delete_expired_tokens(connection: Connection, now: datetime) -> None:
    """Forget refresh tokens that nobody can use any more."""
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.expires_at <= now))


def sign_in_failures_of(connection: Connection, subject: str) -> tuple[int, datetime] | None:
    """Get how often a subject has failed in a row, and when last."""
    columns = select(sign_in_failures.c.failures, sign_in_failures.c.last_failed_at)
    row = connection.execute(columns.where(sign_in_failures.c.subject == subject)).first()
    return None if row is None else (row[0], row[1])


def add_sign_in_failure(connection: Connection, subject: str, now: datetime) -> None:
    """Count a failure of a subject, whose row is locked from here on until the transaction ends."""
    if _add_failure(connection, subject):
        return
    try:
        with alone(connection):
            first = insert(sign_in_failures).values(subject=subject, failures=1, last_failed_at=now)
            connection.execute(first)
    except Conflict:
        # Another console was first to see this subject.
        _add_failure(connection, subject)


def _add_failure(connection: Connection, subject: str) -> bool:
    more = sign_in_failures.c.failures + 1
    statement = update(sign_in_failures).where(sign_in_failures.c.subject == subject).values(failures=more)
    return connection.execute(statement).rowcount == 1


def set_sign_in_failures(connection: Connection, subject: str, failures: int, last_failed_at: datetime) -> None:
    """Set how often a subject has failed in a row, and when last."""
    statement = update(sign_in_failures).where(sign_in_failures.c.subject == subject)
    connection.execute(statement.values(failures=failures, last_failed_at=last_failed_at))


def delete_sign_in_failures(
    connection: Connection, *, subject: str | None = None, before: datetime | None = None
) -> None:
    """Forget the failures of one subject, or all older than an instant."""
    if subject is not None:
        connection.execute(delete(sign_in_failures).where(sign_in_failures.c.subject == subject))
    if before is not None:
        connection.execute(delete(sign_in_failures).where(sign_in_failures.c.last_failed_at < before))


def signing_keys_newest_first(connection: Connection) -> list[tuple[str, str, datetime]]:
    """Get the token signing keys as (key id, sealed key, when it was made)."""
    columns = select(signing_keys.c.key_id, signing_keys.c.sealed_key, signing_keys.c.created_at)
    rows = connection.execute(columns.order_by(signing_keys.c.created_at.desc(), signing_keys.c.key_id))
    return [(row[0], row[1], row[2]) for row in rows]


def insert_signing_key(connection: Connection, *, key_id: str, sealed_key: str, now: datetime) -> None:
    """Store a token signing key, sealed."""
    connection.execute(insert(signing_keys).values(key_id=key_id, sealed_key=sealed_key, created_at=now))


def delete_signing_key(connection: Connection, key_id: str) -> None:
    """Forget a signing key."""
    connection.execute(delete(signing_keys).where(signing_keys.c.key_id == key_id))


def find_installation(connection: Connection) -> tuple[str, datetime] | None:
    """Get this installation's id and first start."""
    row = connection.execute(select(installation.c.instance_uid, installation.c.created_at)).first()
    return None if row is None else (row[0], row[1])


def insert_installation(connection: Connection, uid: str, now: datetime) -> None:
    """Store this installation's id, at the first start."""
    connection.execute(insert(installation).values(instance_uid=uid, created_at=now))
