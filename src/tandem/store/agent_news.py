"""Which agents have something to hear, noted in one short list that all consoles look at, however many agents wait."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, func, insert, or_, select

from tandem.store.database import Connection
from tandem.store.schema.tables import agent_news

# Looked at several times a second: whatever is older has long been seen, or its agent was not waiting.
KEPT = 10_000


def note_news(connection: Connection, *backup_server_uids: str) -> None:
    """Note that there is something to tell backup servers' agents, or that their sessions have ended; one at least."""
    connection.execute(insert(agent_news), [{"backup_server_uid": uid} for uid in backup_server_uids])


def newest_news(connection: Connection) -> int:
    """Get the serial of the newest note; 0 if there is none."""
    return int(connection.scalar(select(func.max(agent_news.c.serial))) or 0)


def news_since(connection: Connection, serial: int, missing: Iterable[int]) -> list[tuple[int, str]]:
    """Get the notes after a serial, and of earlier ones those that were not there yet; gives (serial, backup server).

    Serials are given before transactions end: one that was given first may be seen last.
    """
    is_new = or_(agent_news.c.serial > serial, agent_news.c.serial.in_(list(missing)))
    rows = connection.execute(select(agent_news.c.serial, agent_news.c.backup_server_uid).where(is_new))
    return [(row[0], row[1]) for row in rows]


def delete_old_news(connection: Connection) -> None:
    """Forget all but the newest notes."""
    connection.execute(delete(agent_news).where(agent_news.c.serial <= newest_news(connection) - KEPT))
