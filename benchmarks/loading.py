"""Rows in bulk, into databases of benchmarks only: one that is empty, or one that says that it was filled here before.

All rows of a fleet come in here, so that what a database keeps beside its rows is kept true in this one place. Indexes
and foreign keys are taken away while rows come in, and made again, which checks every row. Triggers wait as well: they
note each row that comes into a counted list or leaves it, so in the end all lists are counted, once.
"""

from __future__ import annotations

import gc
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, LiteralString, Protocol, cast

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy import URL, BindParameter, Dialect, Insert, Table, insert, literal, make_url, select
from sqlalchemy.dialects import postgresql, sqlite

from tandem.store.database import Database, open_database
from tandem.store.listing.counted_lists import OF_EVERYBODY
from tandem.store.recounting import recount
from tandem.store.schema.count_tables import list_changes
from tandem.store.schema.metadata import metadata
from tandem.store.schema.tables import file_share_copy_jobs, file_share_jobs, file_shares, jobs, organizations, sessions

# A table that no release of Tandem has: whoever finds it knows that nothing in this database is anybody's.
MARK = "benchmark_fleet"
MARK_COLUMNS = "(made_with text not null, summary text not null)"
# Where a fleet has as many rows as it has jobs.
DERIVING_TRIGGERS = [f"file_share_copy_job_documents_{what}" for what in ("inserted", "deleted")]
LARGE_TABLES = (file_shares, jobs, file_share_jobs, file_share_copy_jobs, sessions)
_LARGE_NAMES = [table.name for table in LARGE_TABLES]
COUNTED_TABLES = (jobs, file_share_jobs, file_share_copy_jobs)
ROWS_AT_ONCE = 100_000
CACHE_KIBIBYTES = 2 * 1024 * 1024


class NotOurs(Exception):
    """The database holds what was not made here: it stays as it is."""


class Target(Protocol):
    """An open database, its rows to come."""

    dialect: Dialect

    def insert(self, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None: ...

    def delete(self, table: Table, column: str, values: Sequence[str]) -> None: ...


class _Form(msgspec.Struct):
    """Which columns of a table are given, and how each value becomes what the driver takes."""

    names: tuple[str, ...]
    processors: list[tuple[int, Callable[[Any], Any]]]


class _NotYet:
    """What a row is numbered by is known when it is stored: until then 0, which refers to nothing."""

    def scalar_one(self) -> int:
        return 0


class Rows:
    """Stands in for a connection where rows are inserted: gathers them by the table, and stores many at once."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._gathered: dict[Table, list[dict[str, Any]]] = defaultdict(list)
        self._forms: dict[Table, _Form] = {}
        self._count = 0
        # What whoever finds the fleet wants to know about it.
        self.summary = ""

    def execute(self, statement: Insert, values: dict[str, Any] | None = None) -> _NotYet:
        """Take a row, given with the statement or inside it."""
        row = _values_inside(statement) if values is None else values
        self._gathered[cast("Table", statement.table)].append(row)
        self._count += 1
        return _NotYet()

    def amend(self, table: Table, **values: Any) -> None:
        """Change the row that was taken last."""
        self._gathered[table][-1].update(values)

    def store_many(self) -> None:
        """Store what was gathered, if it is a good many rows."""
        if self._count >= ROWS_AT_ONCE:
            self.store()

    def store(self) -> None:
        """Store what was gathered, rows that others refer to first."""
        for table in metadata.sorted_tables:
            if rows := self._gathered.pop(table, None):
                form = self._forms.get(table) or self._form(table, rows[0])
                self._target.insert(table, form.names, [_given(form, row) for row in rows])
        self._count = 0

    def delete(self, table: Table, column: str, values: Sequence[str]) -> None:
        """Delete rows, as the console does: what counts rows counts these down."""
        self._target.delete(table, column, values)

    def _form(self, table: Table, row: dict[str, Any]) -> _Form:
        dialect = self._target.dialect
        found = [table.c[name].type.dialect_impl(dialect).bind_processor(dialect) for name in row]
        form = _Form(tuple(row), [(number, found) for number, found in enumerate(found) if found is not None])
        self._forms[table] = form
        return form


def _values_inside(statement: Insert) -> dict[str, Any]:
    # Compiling a statement to be told its values would take longer than all else that is done here.
    return {
        str(getattr(column, "name", column)): bound.value if isinstance(bound, BindParameter) else bound
        for column, bound in vars(statement)["_values"].items()
    }


def _given(form: _Form, row: dict[str, Any]) -> tuple[Any, ...]:
    values = [row[name] for name in form.names]
    for number, process in form.processors:
        values[number] = process(values[number])
    return tuple(values)


def summary_of(url: str, made_with: str) -> str | None:
    """Give the summary of what a database holds, if that was made with the very same; else None."""
    found = _mark_of(make_url(url))
    return found[1] if found and found[0] == made_with else None


@contextmanager
def filling(url: str, made_with: str) -> Generator[Rows]:
    """Fill a database that is empty, or that was filled here before and is emptied first.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.
        made_with: what its contents follow from.

    Raises:
        NotOurs: if it holds anything else.
    """
    parsed = make_url(url)
    _check_ours(parsed)
    is_sqlite = parsed.get_backend_name() == "sqlite"
    _empty_sqlite(parsed) if is_sqlite else _empty_postgresql(parsed)
    with closing(open_database(url)) as database:
        database.migrate()
    gc.disable()  # which would look through millions of values, again and again, none of which is in a circle
    try:
        with _filling_sqlite(str(parsed.database)) if is_sqlite else _filling_postgresql(_plain(parsed)) as target:
            rows = Rows(target)
            yield rows
            rows.store()
    finally:
        gc.enable()
    with closing(open_database(url)) as database:
        _count_lists(database)
    _note(parsed, made_with, rows.summary)


def copy_fleet(source: str, target: str) -> None:
    """Fill an SQLite database's fleet into a PostgreSQL database, counts included: quicker than making it anew.

    Raises:
        NotOurs: if the target holds what was not made here.
    """
    url = make_url(target)
    _check_ours(url)
    _empty_postgresql(url)
    with closing(open_database(target)) as database:
        database.migrate()
    with (
        closing(sqlite3.connect(str(make_url(source).database))) as reader,
        _filling_postgresql(_plain(url)) as writer,
    ):
        # What a database derives by itself, it derives anew.
        for table in (each for each in metadata.sorted_tables if not each.info.get("is_derived")):
            names = [column.name for column in table.c]
            writer.insert(table, names, reader.execute(f"select {', '.join(names)} from {table.name}"))
            writer.go_on_numbering(table)
    _note(url, *cast("tuple[str, str]", _mark_of(make_url(source))))


def _check_ours(url: URL) -> None:
    if _mark_of(url) is None:
        raise NotOurs(
            f"{url.render_as_string(hide_password=True)} holds what was not made here, so nothing was changed. "
            "Name an empty database: a file that does not exist yet, or one fresh from createdb."
        )


def _plain(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


def _mark_of(url: URL) -> tuple[str, str] | None:
    """Give what a database was made with and its summary; texts without anything if it is empty or half filled.

    None if it is not ours.
    """
    asked = f"select made_with, summary from {MARK}"
    if url.get_backend_name() == "sqlite":
        file = Path(str(url.database))
        if not file.exists():
            return ("", "")
        with closing(sqlite3.connect(file)) as connection:
            try:
                names = {name for (name,) in connection.execute("select name from sqlite_master")}
            except sqlite3.DatabaseError:
                return None  # no database at all
            marks = connection.execute(asked).fetchall() if MARK in names else []
    else:
        with psycopg.connect(_plain(url)) as connection:
            named = "select relname from pg_class where relnamespace = current_schema()::regnamespace"
            names = {name for (name,) in connection.execute(_sql(named))}
            marks = connection.execute(_sql(asked)).fetchall() if MARK in names else []
    if names and MARK not in names:
        return None
    return marks[0] if marks else ("", "")


def _empty_sqlite(url: URL) -> None:
    """Leave nothing but the mark: a load that is broken off can then be begun again."""
    file = str(url.database)
    for suffix in ("", "-wal", "-shm"):
        Path(file + suffix).unlink(missing_ok=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"create table {MARK} {MARK_COLUMNS}")


def _empty_postgresql(url: URL) -> None:
    with psycopg.connect(_plain(url)) as connection:
        (schema,) = cast("Any", connection.execute("select current_schema()").fetchone())
        for step in ("drop schema {} cascade", "create schema {}"):
            connection.execute(sql.SQL(cast("LiteralString", step)).format(sql.Identifier(schema)))
        connection.execute(_sql(f"create table {MARK} {MARK_COLUMNS}"))


def _note(url: URL, made_with: str, summary: str) -> None:
    statement = f"insert into {MARK} values "
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(url.database))) as connection, connection:
            connection.execute(f"{statement} (?, ?)", [made_with, summary])
    else:
        with psycopg.connect(_plain(url)) as connection:
            connection.execute(_sql(f"{statement} (%s, %s)"), [made_with, summary])


def _count_lists(database: Database) -> None:
    """Have every list counted by its rows, for everybody and for each organization."""
    columns = ["list_name", "organization_uid", "part", "row_position", "difference"]
    with database.writing() as connection:
        for table in COUNTED_TABLES:
            for organization in (literal(OF_EVERYBODY), organizations.c.instance_uid):
                # A change that changes nothing: whoever takes it in counts the list anew.
                noted = select(literal(table.name), organization, literal(0), literal(0), literal(0)).distinct()
                connection.execute(insert(list_changes).from_select(columns, noted))
    recount(database)


class _Sqlite:
    dialect = sqlite.dialect()

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def insert(self, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        marks = ", ".join("?" * len(names))
        self._connection.executemany(f"insert into {table.name} ({', '.join(names)}) values ({marks})", rows)

    def delete(self, table: Table, column: str, values: Sequence[str]) -> None:
        self._connection.executemany(f"delete from {table.name} where {column} = ?", [(value,) for value in values])


@contextmanager
def _filling_sqlite(file: str) -> Generator[_Sqlite]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        # What is written now is worth nothing until all of it is there.
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", f"cache_size=-{CACHE_KIBIBYTES}"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        # What they derive from a row stays true; only counting is done once at the end.
        tables, kept = (", ".join(f"'{each}'" for each in names) for names in (_LARGE_NAMES, DERIVING_TRIGGERS))
        asked = (
            "select type, name, sql from sqlite_master where type in ('index', 'trigger') and sql is not null"
            f" and tbl_name in ({tables}) and name not in ({kept})"
        )
        taken = connection.execute(asked).fetchall()
        for kind, name, _ in taken:
            connection.execute(f"drop {kind} {name}")
        yield _Sqlite(connection)
        for _, _, statement in taken:
            connection.execute(statement)
        if broken := connection.execute("PRAGMA foreign_key_check").fetchmany(5):
            raise RuntimeError(f"rows refer to what is not there: {broken}")
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")


class _Postgresql:
    dialect = postgresql.dialect()

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def insert(self, table: Table, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
        listed = sql.SQL(", ").join(map(sql.Identifier, names))
        statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table.name), listed)
        with self._connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def delete(self, table: Table, column: str, values: Sequence[str]) -> None:
        statement = sql.SQL("delete from {} where {} = any(%s)")
        names = sql.Identifier(table.name), sql.Identifier(column)
        self._connection.execute(statement.format(*names), [list(values)])

    def go_on_numbering(self, table: Table) -> None:
        """Number the next rows after those that came with numbers."""
        column = table.autoincrement_column
        if column is not None:
            key = sql.Identifier(column.name), sql.Identifier(table.name)
            number = sql.SQL("select setval(pg_get_serial_sequence({}, {}), max({})) from {}")
            names = sql.Literal(table.name), sql.Literal(column.name)
            self._connection.execute(number.format(*names, *key))


@contextmanager
def _filling_postgresql(url: str) -> Generator[_Postgresql]:
    with psycopg.connect(url) as connection:
        connection.execute("set maintenance_work_mem = '512MB'")
        taken, given = _beside_rows(connection)
        for statement in taken:
            connection.execute(_sql(statement))
        yield _Postgresql(connection)
        for statement in given:
            connection.execute(_sql(statement))
    with psycopg.connect(url, autocommit=True) as connection:
        # As the server would do by itself within a minute.
        connection.execute("vacuum analyze")


def _beside_rows(connection: psycopg.Connection[Any]) -> tuple[list[str], list[str]]:
    """Give what takes the large tables' foreign keys, plain indexes and triggers away, and what brings them back."""
    tables = [_LARGE_NAMES]
    keys = connection.execute(
        "select conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) from pg_constraint"
        " where contype = 'f' and conrelid::regclass::text = any(%s)",
        tables,
    ).fetchall()
    indexes = connection.execute(
        "select indexrelid::regclass::text, pg_get_indexdef(indexrelid) from pg_index"
        " where not indisunique and indrelid::regclass::text = any(%s)",
        tables,
    ).fetchall()
    taken = [f"alter table {table} drop constraint {name}" for table, name, _ in keys]
    taken += [f"drop index {name}" for name, _ in indexes]
    taken += [f"alter table {table.name} disable trigger user" for table in LARGE_TABLES]
    # What they derive from a row stays true; only counting is done once at the end.
    taken += [f"alter table file_share_copy_jobs enable trigger {name}" for name in DERIVING_TRIGGERS]
    given = [statement for _, statement in indexes]
    given += [f"alter table {table} add constraint {name} {what}" for table, name, what in keys]
    return taken, [*given, *(f"alter table {table.name} enable trigger user" for table in LARGE_TABLES)]


def _sql(text: str) -> sql.SQL:
    return sql.SQL(cast("LiteralString", text))
