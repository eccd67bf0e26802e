"""What a caller sees of a table, as the condition that every statement carries; and plain reads of it."""

from __future__ import annotations

from typing import Any, TypeVar, cast

from sqlalchemy import ColumnElement, Select, Table, case, false, func, or_, select, true
from sqlalchemy.sql import ColumnCollection

from tandem.domain.errors import NotFound
from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.paging import Page, Window
from tandem.store.database import Connection
from tandem.store.schema.tables import companies, metadata, user_locations

Record = TypeVar("Record")


def visible(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Turn a scope into the condition that every select, update and delete of a table carries.

    The only place that does so. The table's `info` names its owner columns, or the column that leads to the table
    which has them.
    """
    if scope.kind is ScopeKind.EVERYTHING:
        return true()
    if scope.kind is ScopeKind.NOTHING:
        return false()
    if table is user_locations and scope.kind is ScopeKind.LOCATIONS:
        mine = user_locations.alias("mine")
        return table.c.location_uid.in_(select(mine.c.location_uid).where(mine.c.user_uid == scope.user_uid))
    if "through" in table.info:
        column, parent_name, key = cast("tuple[str, str, str]", table.info["through"])
        parent = metadata.tables[parent_name]
        return table.c[column].in_(select(parent.c[key]).where(visible(parent, scope)))
    owners: tuple[str, ...] = table.info["owners"]
    if scope.kind is ScopeKind.LOCATIONS:
        return _is_located(table, table.c[owners[0]], scope)
    if scope.kind is ScopeKind.OWN_COMPANY_ONLY:
        owners = owners[:1]
    return or_(*(_is_owned(table.c[owner], scope) for owner in owners))


def visible_one_by_one(table: Table, scope: Scope) -> ColumnElement[bool]:
    """Give `visible` for rows that are found by ids of their own, in a form that no index is for.

    Otherwise a database may go through all that a caller sees to find a hundred rows that it could have fetched.
    """
    condition = visible(table, scope)
    return condition if scope.kind in {ScopeKind.EVERYTHING, ScopeKind.NOTHING} else case((condition, 1), else_=0) == 1


def visible_parts(table: Table, scope: Scope) -> list[list[ColumnElement[bool]]]:
    """Give `visible` in parts that have no row in common, each as conditions that all hold.

    For a company these are its own rows and the rows mapped to it: each part is one value of one index, which holds
    them in the order of positions, so that a page is read without sorting all. An OR would have to be sorted.
    """
    if scope.kind is ScopeKind.EVERYTHING:
        return [[]]  # no condition at all: a database counts a whole table faster than rows for which `true` holds
    if scope.kind is not ScopeKind.COMPANY or "owners" not in table.info:
        return [[visible(table, scope)]]
    names: tuple[str, ...] = table.info["owners"]
    owners = [table.c[name] for name in names]
    return [
        [owner == scope.organization_uid, *(other != scope.organization_uid for other in owners[:number])]
        for number, owner in enumerate(owners)
    ]


def _is_owned(owner: ColumnElement[Any], scope: Scope) -> ColumnElement[bool]:
    match scope.kind:
        case ScopeKind.COMPANIES:
            return owner.in_(select(companies.c.instance_uid))
        case ScopeKind.RESELLER:
            of_reseller = select(companies.c.instance_uid).where(companies.c.reseller_uid == scope.organization_uid)
            return or_(owner == scope.organization_uid, owner.in_(of_reseller))
        case _:
            return owner == scope.organization_uid


def _is_located(table: Table, owner: ColumnElement[Any], scope: Scope) -> ColumnElement[bool]:
    """Say which rows of the caller's organization are in a location that was chosen for him."""
    links = cast("dict[str, tuple[str, str, str]]", table.info)
    of_server = ("backup_server_uid", "backup_servers", "instance_uid")
    link = links.get("located") or (of_server if of_server[0] in table.c else None)
    if link is None:
        return false()
    column, parent_name, key = link
    parent = metadata.tables[parent_name]
    seen = select(parent.c[key]).where(visible(parent, scope)).correlate(None)
    return (owner == scope.organization_uid) & table.c[column].in_(seen)


def columns_of(columns: ColumnCollection[str, Any], record: type[Any]) -> list[ColumnElement[Any]]:
    """Give the columns that fill a record, in the order of its fields."""
    return [columns[name] for name in record.__struct_fields__]


def records(
    connection: Connection, statement: Select[*tuple[Any, ...]], record: type[Record], **given: Any
) -> list[Record]:
    """Run a select whose columns are a record's fields, in order; `given` are its parameters, if it has any."""
    names: tuple[str, ...] = cast("Any", record).__struct_fields__
    return [record(**dict(zip(names, row, strict=True))) for row in connection.execute(statement, given)]


def fetch_page(
    connection: Connection, statement: Select[*tuple[Any, ...]], window: Window, record: type[Record]
) -> Page[Record]:
    """Run an ordered select for one window of its rows, and count the whole.

    Args:
        connection: an open connection.
        statement: scoped and ordered by something total.
        window: which rows.
        record: what each row becomes; its fields are the selected columns, in order.
    """
    rows = records(connection, statement.limit(window.limit).offset(window.offset), record)
    if len(rows) < window.limit and (rows or not window.offset):
        return Page(rows=rows, total=window.offset + len(rows), offset=window.offset)
    count = statement.with_only_columns(func.count(), maintain_column_froms=True).order_by(None)
    return Page(rows=rows, total=connection.scalar(count) or 0, offset=window.offset)


def fetch_one(
    connection: Connection, statement: Select[*tuple[Any, ...]], record: type[Record], *, noun: str, uid: str
) -> Record:
    """Run a scoped select for one row; raises NotFound when there is none or it is not for the caller to see."""
    found = records(connection, statement.limit(1), record)
    if not found:
        raise NotFound.of(noun, uid)
    return found[0]
