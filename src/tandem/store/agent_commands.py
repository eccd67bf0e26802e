"""Commands on their way to agents, stored until they are answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import bindparam, delete, func, insert, select, update

from tandem.protocol.messages import Command, Order
from tandem.store import agent_news
from tandem.store.database import Connection
from tandem.store.schema.tables import agent_commands

COMMANDS_PER_EXCHANGE_MAX = 100


def insert_command(
    connection: Connection, backup_server_uid: str, order: Order, *, now: datetime, expires_at: datetime
) -> int:
    """Queue a command; gives its serial."""
    statement = insert(agent_commands).values(
        backup_server_uid=backup_server_uid, command=order, created_at=now, expires_at=expires_at
    )
    agent_news.note_news(connection, backup_server_uid)
    return int(connection.execute(statement.returning(agent_commands.c.serial)).scalar_one())


def open_commands(connection: Connection, backup_server_uids: list[str], now: datetime) -> dict[str, list[Command]]:
    """Get the commands that agents have not answered yet, oldest first, by backup server."""
    found: dict[str, list[Command]] = {}
    for uid, serial, order in connection.execute(_OPEN, {"backup_server_uids": backup_server_uids, "now": now}):
        commands = found.setdefault(uid, [])
        if len(commands) < COMMANDS_PER_EXCHANGE_MAX:
            commands.append(Command(serial=serial, order=order))
    return found


_OPEN = (
    select(agent_commands.c.backup_server_uid, agent_commands.c.serial, agent_commands.c.command)
    .where(
        agent_commands.c.backup_server_uid.in_(bindparam("backup_server_uids", expanding=True)),
        agent_commands.c.answered_at.is_(None),
        agent_commands.c.expires_at > bindparam("now"),
    )
    .order_by(agent_commands.c.backup_server_uid, agent_commands.c.serial)
)


def is_waiting(connection: Connection, backup_server_uid: str, order: Order, now: datetime) -> bool:
    """Say whether just this order waits for an agent already."""
    statement = select(func.count()).where(
        agent_commands.c.backup_server_uid == backup_server_uid,
        agent_commands.c.command == order,
        agent_commands.c.answered_at.is_(None),
        agent_commands.c.expires_at > now,
    )
    return bool(connection.scalar(statement))


def answer_command(connection: Connection, backup_server_uid: str, serial: int, *, error: str, now: datetime) -> None:
    """Note an agent's answer; a command of another backup server is left alone."""
    connection.execute(
        update(agent_commands)
        .where(
            agent_commands.c.serial == serial,
            agent_commands.c.backup_server_uid == backup_server_uid,
            agent_commands.c.answered_at.is_(None),
        )
        .values(answered_at=now, error=error)
    )


def find_open_order(connection: Connection, backup_server_uid: str, serial: int) -> Order | None:
    """Find a command that an agent has not answered yet."""
    statement = select(agent_commands.c.command).where(
        agent_commands.c.serial == serial,
        agent_commands.c.backup_server_uid == backup_server_uid,
        agent_commands.c.answered_at.is_(None),
    )
    return connection.scalar(statement)


def take_expired_commands(connection: Connection, now: datetime) -> list[tuple[str, Order]]:
    """Close the commands that no agent took in time; gives (backup server, order) of each."""
    expired = agent_commands.c.answered_at.is_(None) & (agent_commands.c.expires_at <= now)
    statement = update(agent_commands).where(expired).values(answered_at=now, error="Expired.")
    rows = connection.execute(statement.returning(agent_commands.c.backup_server_uid, agent_commands.c.command))
    return [(row[0], row[1]) for row in rows]


def delete_closed_commands(connection: Connection, before: datetime) -> None:
    """Forget the commands that were answered, expired or taken back before an instant."""
    connection.execute(delete(agent_commands).where(agent_commands.c.answered_at < before))


def withdraw_command(connection: Connection, serial: int, now: datetime) -> bool:
    """Take back a command that nobody has answered; False if it was."""
    statement = update(agent_commands).where(agent_commands.c.serial == serial, agent_commands.c.answered_at.is_(None))
    return connection.execute(statement.values(answered_at=now, error="Withdrawn.")).rowcount == 1


def find_answer(connection: Connection, serial: int) -> str | None:
    """Get the answer to a command: None while there is none, empty for success."""
    answered = agent_commands.c.answered_at.is_not(None)
    row = connection.execute(select(agent_commands.c.error).where(agent_commands.c.serial == serial, answered)).first()
    return None if row is None else str(row[0])
