"""What every table is declared with: names of constraints, positions, and whose a row is."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, MetaData

from tandem.store.schema.columns import Serial

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Link = tuple[str, str, str]


def position() -> Column[int]:
    """Make the column by which lists are ordered."""
    return Column("position", Serial, primary_key=True, autoincrement=True)


def owned_by(*columns: str, located: Link | None = None) -> dict[str, Any]:
    """Say which columns hold the owner, the first, and those to whom a row is assigned.

    Args:
        columns: their names.
        located: for those who see chosen locations only: a column, and the table and key where it is looked up. A row
            of a backup server is where that is, and needs no such link.
    """
    return {"owners": columns} if located is None else {"owners": columns, "located": located}


def derived() -> dict[str, Any]:
    """Say that the database itself keeps a table, by triggers, of what other tables hold."""
    return {"is_derived": True}


def owned_through(column: str, table: str, key: str) -> dict[str, Any]:
    """Say which column leads to the table that has the owner."""
    return {"through": (column, table, key)}
