"""Transfers, stored: the parts that an agent has sent and nobody has taken yet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from sqlalchemy import delete, func, insert, select, update

from tandem.store.database import Connection
from tandem.store.query import columns_of, records
from tandem.store.schema.transfer_tables import transfer_parts, transfers


class Transfer(msgspec.Struct, frozen=True, kw_only=True):
    """How far a transfer is.

    Attributes:
        instance_uid: its id.
        backup_server_uid: whose agent sends it.
        user_uid: for whom.
        next_number: of the part that the agent sends next.
        read_number: of the part that is read next.
        size: of all in bytes, where that is known.
        is_ended: whether the agent has sent its last part, or why there is none.
        is_missing: whether there is no such file.
        error: why it is not whole; empty if nothing is wrong.
    """

    instance_uid: str
    backup_server_uid: str
    user_uid: str
    next_number: int = 0
    read_number: int = 0
    size: int | None = None
    is_ended: bool = False
    is_missing: bool = False
    error: str = ""

    @property
    def waiting(self) -> int:
        """How many parts wait to be read."""
        return self.next_number - self.read_number


def insert_transfer(connection: Connection, transfer: Transfer, now: datetime) -> None:
    """Store a transfer that begins."""
    values = {name: getattr(transfer, name) for name in Transfer.__struct_fields__}
    connection.execute(insert(transfers).values(**values, seen_at=now))


def count_transfers(connection: Connection, backup_server_uid: str, user_uid: str) -> tuple[int, int]:
    """Count the transfers that go on: of a backup server, and for a user."""
    counted = select(func.count()).select_from(transfers)
    of_server = connection.scalar(counted.where(transfers.c.backup_server_uid == backup_server_uid)) or 0
    return of_server, connection.scalar(counted.where(transfers.c.user_uid == user_uid)) or 0


def find_transfer(connection: Connection, uid: str) -> Transfer | None:
    """Find a transfer that goes on."""
    statement = select(*columns_of(transfers.c, Transfer)).where(transfers.c.instance_uid == uid)
    found = records(connection, statement, Transfer)
    return found[0] if found else None


def insert_part(connection: Connection, transfer: Transfer, sealed_data: bytes | None) -> bool:
    """Store the next part, if it has data, and how far the transfer is with it; False if it was stored before.

    Args:
        connection: a transaction.
        transfer: as it is with the part.
        sealed_data: what the part holds.
    """
    names = ("next_number", "size", "is_ended", "is_missing", "error")
    values = {name: getattr(transfer, name) for name in names}
    number = transfer.next_number - 1
    is_next = (transfers.c.instance_uid == transfer.instance_uid) & (transfers.c.next_number == number)
    if connection.execute(update(transfers).where(is_next).values(values)).rowcount != 1:
        return False
    if sealed_data is not None:
        part = {"transfer_uid": transfer.instance_uid, "number": number, "sealed_data": sealed_data}
        connection.execute(insert(transfer_parts).values(part))
    return True


def take_parts(connection: Connection, transfer: Transfer, now: datetime) -> list[tuple[int, bytes]]:
    """Take the parts that wait, in order, so that they are there no more; gives (number, sealed data)."""
    of_transfer = (transfer_parts.c.transfer_uid == transfer.instance_uid) & (
        transfer_parts.c.number < transfer.next_number
    )
    statement = select(transfer_parts.c.number, transfer_parts.c.sealed_data).where(of_transfer)
    rows = connection.execute(statement.order_by(transfer_parts.c.number)).all()
    connection.execute(delete(transfer_parts).where(of_transfer))
    changed = update(transfers).where(transfers.c.instance_uid == transfer.instance_uid)
    connection.execute(changed.values(read_number=transfer.next_number, seen_at=now))
    return [(row[0], row[1]) for row in rows]


def break_transfers(connection: Connection, backup_server_uids: Collection[str], error: str) -> None:
    """Note that no part will come any more of what agents of backup servers have not sent whole."""
    going_on = transfers.c.backup_server_uid.in_(backup_server_uids) & transfers.c.is_ended.is_(False)
    connection.execute(update(transfers).where(going_on).values(is_ended=True, error=error))


def touch_transfer(connection: Connection, uid: str, now: datetime) -> None:
    """Note that somebody still waits."""
    connection.execute(update(transfers).where(transfers.c.instance_uid == uid).values(seen_at=now))


def delete_transfer(connection: Connection, uid: str) -> None:
    """End a transfer: what its agent sends after this is not wanted."""
    connection.execute(delete(transfer_parts).where(transfer_parts.c.transfer_uid == uid))
    connection.execute(delete(transfers).where(transfers.c.instance_uid == uid))


def delete_abandoned_transfers(connection: Connection, before: datetime) -> None:
    """End the transfers that nobody has waited for since an instant."""
    over = select(transfers.c.instance_uid).where(transfers.c.seen_at < before)
    connection.execute(delete(transfer_parts).where(transfer_parts.c.transfer_uid.in_(over)))
    connection.execute(delete(transfers).where(transfers.c.seen_at < before))
