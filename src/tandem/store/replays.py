"""Answers kept for requests that are repeated: first a claim, then the answer, for a few minutes."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import delete, insert, select, update

from tandem.domain.errors import Conflict
from tandem.store.database import Connection, alone
from tandem.store.query import columns_of, records
from tandem.store.schema.request_tables import replays


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A request that was seen: who claimed to run it, and the answer once there is one."""

    request_key: str
    claim_uid: str
    claimed_at: datetime
    expires_at: datetime
    sealed_answer: str | None = None
    claimed_by: str | None = None
    has_changed: bool = False


def insert_replay(connection: Connection, replay: Replay) -> bool:
    """Claim a request; False if somebody has."""
    try:
        with alone(connection):
            connection.execute(
                insert(replays).values({name: getattr(replay, name) for name in Replay.__struct_fields__})
            )
    except Conflict:
        return False
    return True


def find_replay(connection: Connection, request_key: str, *, is_locked: bool = False) -> Replay | None:
    """Find what is known of a request, and, if told, keep whoever runs it from committing until we have."""
    statement = select(*columns_of(replays.c, Replay)).where(replays.c.request_key == request_key)
    if is_locked:
        statement = statement.with_for_update()
    found = records(connection, statement, Replay)
    return found[0] if found else None


def note_change(connection: Connection, request_key: str, claim_uid: str) -> bool:
    """Note, with a change that a request makes, that it has made one; False if the claim is another's by now."""
    mine = (replays.c.request_key == request_key) & (replays.c.claim_uid == claim_uid)
    return connection.execute(update(replays).where(mine).values(has_changed=True)).rowcount == 1


def delete_replay(connection: Connection, request_key: str, claim_uid: str) -> bool:
    """Give up a claim, and the answer that belongs to it; False if it is another's by now."""
    mine = delete(replays).where(replays.c.request_key == request_key, replays.c.claim_uid == claim_uid)
    return connection.execute(mine).rowcount == 1


def keep_answer(
    connection: Connection, request_key: str, claim_uid: str, *, sealed_answer: str, expires_at: datetime
) -> bool:
    """Keep the answer of a request; False if it has one, or the claim is another's by now."""
    mine = (replays.c.request_key == request_key) & (replays.c.claim_uid == claim_uid)
    statement = update(replays).where(mine, replays.c.sealed_answer.is_(None))
    return connection.execute(statement.values(sealed_answer=sealed_answer, expires_at=expires_at)).rowcount == 1


def delete_expired_replays(connection: Connection, now: datetime) -> None:
    """Forget the answers whose minutes are over, and the claims that nobody answered."""
    connection.execute(delete(replays).where(replays.c.expires_at <= now))
