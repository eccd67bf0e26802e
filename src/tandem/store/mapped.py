"""Records of a backup server that may be mapped to a company: credentials and encryption passwords alike."""

from __future__ import annotations

from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, exists, select

from tandem.domain.identity import Scope
from tandem.domain.ordering import Order
from tandem.store.database import Connection
from tandem.store.query import visible
from tandem.store.tables import organizations

Record = TypeVar("Record")
Statement = Select[*tuple[Any, ...]]


def select_mapped(table: Table, record: type[Any]) -> Statement:
    """Make the select that fills a record, whose members are the table's columns and `mapped_organization_name`."""
    columns = {column.name: column for column in table.c} | {"mapped_organization_name": organizations.c.name}
    is_mapped = organizations.c.instance_uid == table.c.mapped_organization_uid
    names: tuple[str, ...] = record.__struct_fields__
    return select(*(columns[name] for name in names)).select_from(table.outerjoin(organizations, is_mapped))


def of_server(
    table: Table, scope: Scope, backup_server_uid: str, *, mapped_organization_uid: str | None
) -> list[ColumnElement[bool]]:
    """Give the conditions for the records of a backup server that the caller sees, all or those mapped to a company."""
    conditions = [visible(table, scope), table.c.backup_server_uid == backup_server_uid]
    if mapped_organization_uid is not None:
        conditions.append(table.c.mapped_organization_uid == mapped_organization_uid)
    return conditions


def ordered(statement: Statement, table: Table, column: ColumnElement[Any] | None, order: Order[Any]) -> Statement:
    """Order a select, totally: equal rows stand as they were made."""
    if column is None:
        return statement.order_by(table.c.position if order.is_ascending else table.c.position.desc())
    return statement.order_by(column if order.is_ascending else column.desc(), table.c.position)


def sees_any(connection: Connection, table: Table, scope: Scope, backup_server_uid: str) -> bool:
    """Say whether the caller sees any record of a backup server, which he may do without seeing the server."""
    found = exists().where(*of_server(table, scope, backup_server_uid, mapped_organization_uid=None))
    return bool(connection.scalar(select(found)))
