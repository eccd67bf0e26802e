"""What all tables have in common: names of constraints, the column that orders, and how a table tells its owner."""

from __future__ import annotations

from sqlalchemy import Column, MetaData

from tandem.store.columns import Serial

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def position() -> Column[int]:
    """Make the column that lists are ordered by."""
    return Column("position", Serial, primary_key=True, autoincrement=True)


def owned_by(*columns: str) -> dict[str, tuple[str, ...]]:
    """Say which columns hold a row's owners."""
    return {"owners": columns}


def owned_through(column: str, table: str, key: str) -> dict[str, tuple[str, ...]]:
    """Say which column leads to the table that holds a row's owners, and to which key of it."""
    return {"through": (column, table, key)}
