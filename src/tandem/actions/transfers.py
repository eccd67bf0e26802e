"""Transfers: an agent is asked to send something, and what it sends is handed on as fast as somebody takes it.

Only agents dial, and they may reach another process of the console than the one where somebody waits. So what they
send goes through the database, which all processes share: sealed, a few parts at a time, gone as soon as it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec

from tandem.actions.context import Act, Context, new_uid
from tandem.domain.backup_servers import BackupServer
from tandem.domain.errors import Throttled
from tandem.protocol.messages import Order
from tandem.protocol.transfers import TransferAnswer, TransferPart
from tandem.store import agent_commands, transfers
from tandem.store.backup_servers import AgentState
from tandem.store.database import Connection
from tandem.store.transfers import Transfer

PARTS_WAITING_MAX = 4
OF_SERVER_MAX = 8
OF_USER_MAX = 4
RETRY_SECONDS = 5
ORDER_LIFETIME = timedelta(seconds=30)
# Whoever waits says so much more often.
ABANDONED_AFTER = timedelta(seconds=60)


def begin_transfer(connection: Connection, act: Act, server: BackupServer, order: Callable[[str], Order]) -> str:
    """Ask a backup server's agent to send something; gives the transfer's id, which is good once and for this caller.

    Args:
        connection: the transaction of the action that it is for.
        act: who wants it.
        server: whose agent is asked; it must be connected.
        order: makes the order for a transfer's id.

    Raises:
        Throttled: if the backup server or the caller has too many transfers already.
    """
    of_server, of_user = transfers.count_transfers(connection, server.instance_uid, act.caller.user_uid)
    if of_server >= OF_SERVER_MAX or of_user >= OF_USER_MAX:
        what = (
            f"The backup server {server.name} sends {of_server}"
            if of_server >= OF_SERVER_MAX
            else f"You wait for {of_user}"
        )
        raise Throttled(f"{what} lists or files already; try again when one of them has ended.", RETRY_SECONDS)
    uid = new_uid()
    transfer = Transfer(instance_uid=uid, backup_server_uid=server.instance_uid, user_uid=act.caller.user_uid)
    transfers.insert_transfer(connection, transfer, act.now)
    agent_commands.insert_command(
        connection, server.instance_uid, order(uid), now=act.now, expires_at=act.now + ORDER_LIFETIME
    )
    return uid


def take_part(context: Context, agent: AgentState, part: TransferPart) -> TransferAnswer | None:
    """Take a part that an agent sends, if there is room for it; None if there is none yet.

    A part that was taken before is acknowledged again and changes nothing.
    """
    with context.database.reading() as connection:
        transfer = transfers.find_transfer(connection, part.transfer_uid)
    # Of another agent's transfer it learns no more than of none.
    if transfer is None or transfer.backup_server_uid != agent.instance_uid or transfer.is_ended:
        is_repeated = transfer is not None and transfer.backup_server_uid == agent.instance_uid
        return TransferAnswer(part.number + 1, is_wanted=is_repeated and part.number < _next(transfer))
    if part.number != transfer.next_number:
        return TransferAnswer(transfer.next_number)
    if transfer.waiting >= PARTS_WAITING_MAX and not part.error:
        return None
    taken = msgspec.structs.replace(
        transfer,
        next_number=part.number + 1,
        size=transfer.size if part.size is None else part.size,
        is_ended=part.is_last or bool(part.error),
        is_missing=part.is_missing,
        error=part.error,
    )
    sealed = context.seal.close_bytes(part.data, _owner(part.transfer_uid, part.number)) if part.data else None
    with context.database.writing() as connection:
        transfers.insert_part(connection, taken, sealed)
    return TransferAnswer(part.number + 1)


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What has arrived since the last look: how far the transfer was by then, and the data."""

    transfer: Transfer
    data: list[bytes]


def take_data(context: Context, uid: str, *, seen_number: int) -> Taken | None:
    """Take what has arrived of a transfer; None if it has gone.

    Args:
        context: the console's means.
        uid: of the transfer.
        seen_number: up to which part the caller has heard of it; nothing is written while there is no news.
    """
    with context.database.reading() as connection:
        transfer = transfers.find_transfer(connection, uid)
    if transfer is None:
        return None
    if transfer.next_number == seen_number:
        return Taken(transfer=transfer, data=[])
    with context.database.writing() as connection:
        rows = transfers.take_parts(connection, transfer, context.clock())
    return Taken(transfer=transfer, data=[context.seal.open_bytes(data, _owner(uid, number)) for number, data in rows])


def note_waiting(context: Context, uid: str) -> None:
    """Say that somebody still waits for a transfer; to be called every few seconds."""
    with context.database.writing() as connection:
        transfers.touch_transfer(connection, uid, context.clock())


def end_transfer(context: Context, uid: str) -> None:
    """End a transfer, whether or not all has arrived: its agent stops sending."""
    with context.database.writing() as connection:
        transfers.delete_transfer(connection, uid)


def _next(transfer: Transfer | None) -> int:
    return transfer.next_number if transfer else 0


def _owner(uid: str, number: int) -> str:
    return f"transfer {uid} part {number}"
