"""The tables from which a list knows how long it is and where its parts begin, without walking through it.

Lists of jobs are counted for everybody (whose organization is the empty text) and for each company. What comes into a
list or leaves it is noted in `list_changes` by triggers, in the same transaction: rows are only ever added there, so
that no two writers wait for each other. Now and then (`recounting`) changes are taken into `list_counts`.
"""

from __future__ import annotations

import msgspec
from sqlalchemy import BigInteger, Column, Index, SmallInteger, String, Table

from tandem.store.schema.columns import Document, Serial, Uid
from tandem.store.schema.metadata import metadata

_list_name = String(40)


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """A run of rows: from a position on, up to the next stretch.

    `own` and `assigned` are how many rows are of either part that a company sees; everybody's list has own ones only.
    `uid` is where its blocks' starts are kept; 0 if there is one block at most.
    """

    start: int
    own: int
    assigned: int
    uid: int


list_counts = Table(
    "list_counts",
    metadata,
    Column("list_name", _list_name, primary_key=True),
    Column("organization_uid", Uid, primary_key=True),
    # Another one each time that the stretches change: whoever has read them once need not do it again.
    Column("version", BigInteger, nullable=False),
    Column("stretches", Document(tuple[Stretch, ...]), nullable=False),
)

list_blocks = Table(
    "list_blocks",
    metadata,
    Column("stretch_uid", BigInteger, primary_key=True, autoincrement=False),
    Column("starts", Document(tuple[int, ...]), nullable=False),
)

list_changes = Table(
    "list_changes",
    metadata,
    Column("number", Serial, primary_key=True, autoincrement=True),
    Column("list_name", _list_name, nullable=False),
    Column("organization_uid", Uid, nullable=False),
    # Which of the parts that a company sees it is in: 0, its own, or 1, what is assigned to it.
    Column("part", SmallInteger, nullable=False),
    Column("row_position", BigInteger, nullable=False),
    # 1 for a row that came, -1 for one that went.
    Column("difference", SmallInteger, nullable=False),
)
Index(
    "ix_list_changes_list",
    list_changes.c.list_name,
    list_changes.c.organization_uid,
    list_changes.c.row_position,
    list_changes.c.part,
    list_changes.c.difference,
)
