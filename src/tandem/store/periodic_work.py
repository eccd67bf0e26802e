"""What any one of the consoles does now and then, and no two at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import insert, update

from tandem.domain.errors import Conflict
from tandem.store.database import Connection, alone
from tandem.store.schema.request_tables import periodic_work


def claim_work(connection: Connection, name: str, now: datetime, every: timedelta) -> bool:
    """Take on some work until it is due again; False if another console has."""
    mine = (periodic_work.c.name == name) & (periodic_work.c.due_at <= now)
    if connection.execute(update(periodic_work).where(mine).values(due_at=now + every)).rowcount == 1:
        return True
    try:
        with alone(connection):
            connection.execute(insert(periodic_work).values(name=name, due_at=now + every))
    except Conflict:
        return False  # It is another's, who has noted when it is due.
    return True
