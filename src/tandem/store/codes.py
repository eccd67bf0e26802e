"""Codes that are good once, stored by their hashes."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, func, insert, select, update

from tandem.domain.logins import CodePurpose, SingleUseCode
from tandem.store.database import Connection
from tandem.store.query import columns_of, records
from tandem.store.schema.login_tables import single_use_codes as codes
from tandem.store.schema.tables import users


def insert_code(connection: Connection, code: SingleUseCode) -> None:
    """Store a new code."""
    connection.execute(insert(codes).values({name: getattr(code, name) for name in SingleUseCode.__struct_fields__}))


def find_code(connection: Connection, code_hash: str, purpose: CodePurpose, now: datetime) -> SingleUseCode | None:
    """Find a code that is still good."""
    statement = select(*columns_of(codes.c, SingleUseCode)).where(
        codes.c.code_hash == code_hash, codes.c.purpose == purpose, codes.c.expires_at > now
    )
    found = records(connection, statement, SingleUseCode)
    return found[0] if found else None


def count_attempt(connection: Connection, code_hash: str, attempts_max: int) -> bool:
    """Note that something is tried with a code; False if that was done too often, or the code is gone."""
    statement = update(codes).where(codes.c.code_hash == code_hash, codes.c.attempts < attempts_max)
    return connection.execute(statement.values(attempts=codes.c.attempts + 1)).rowcount == 1


def use_code(connection: Connection, code_hash: str) -> bool:
    """Use a code up; False if somebody was first."""
    return connection.execute(delete(codes).where(codes.c.code_hash == code_hash)).rowcount == 1


def count_codes(connection: Connection, user_uid: str | None, purpose: CodePurpose, now: datetime) -> int:
    """Count the codes of a user that are still good."""
    of_user = codes.c.user_uid == user_uid
    statement = select(func.count()).select_from(codes)
    return connection.scalar(statement.where(of_user, codes.c.purpose == purpose, codes.c.expires_at > now)) or 0


def delete_codes(connection: Connection, user_uid: str, purpose: CodePurpose) -> None:
    """Forget the codes of a user."""
    connection.execute(delete(codes).where(codes.c.user_uid == user_uid, codes.c.purpose == purpose))


def delete_expired_codes(connection: Connection, now: datetime) -> None:
    """Forget codes that are over."""
    connection.execute(delete(codes).where(codes.c.expires_at <= now))


def list_sealed_codes(
    connection: Connection, purpose: CodePurpose, now: datetime
) -> list[tuple[str, str | None, str, str, datetime]]:
    """List the codes of users that are still good: user name, e-mail address, hash, sealed code and end of each."""
    statement = (
        select(users.c.user_name, users.c.email, codes.c.code_hash, codes.c.sealed_code, codes.c.expires_at)
        .select_from(codes.join(users, users.c.instance_uid == codes.c.user_uid))
        .where(codes.c.purpose == purpose, codes.c.expires_at > now, codes.c.sealed_code.is_not(None))
        .order_by(codes.c.expires_at, codes.c.code_hash)
    )
    return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(statement)]
