"""Asking an agent something and waiting for its answer."""

from __future__ import annotations

from datetime import timedelta

from tandem.actions.context import Context
from tandem.domain.backup_servers import BackupServer, is_connected
from tandem.domain.errors import Unavailable
from tandem.protocol.messages import Order
from tandem.store import agent_commands

PAUSE_SECONDS = 0.1
PATIENCE_SECONDS = 15
START_LIFETIME = timedelta(minutes=10)


def require_connected(context: Context, server: BackupServer) -> None:
    """Raise Unavailable if a backup server's agent is not there."""
    if not is_connected(server.last_seen_at, context.clock()):
        text = f"The agent of the backup server {server.name} is not connected; start it there (`tandem agent run`)"
        raise Unavailable(f"{text} and try again. Nothing was changed.")


def ask(context: Context, server: BackupServer, order: Order) -> str:
    """Give an order and wait for the answer: empty when it was carried out, else what is wrong.

    Raises:
        Unavailable: if the agent is away or does not answer in time; the order is then taken back.
    """
    require_connected(context, server)
    now = context.clock()
    # A question is no change: a request whose console dies while it waits for the answer is simply run again.
    database = context.database.noting(None)
    with database.writing() as connection:
        expires_at = now + timedelta(seconds=2 * PATIENCE_SECONDS)
        serial = agent_commands.insert_command(connection, server.instance_uid, order, now=now, expires_at=expires_at)
    for _ in range(round(PATIENCE_SECONDS / PAUSE_SECONDS)):
        with database.reading() as connection:
            answer = agent_commands.find_answer(connection, serial)
        if answer is not None:
            return answer
        context.pause(PAUSE_SECONDS)
    with database.writing() as connection:
        agent_commands.withdraw_command(connection, serial, context.clock())
    raise Unavailable(
        f"The agent of the backup server {server.name} did not answer in {PATIENCE_SECONDS} s; try again."
    )
