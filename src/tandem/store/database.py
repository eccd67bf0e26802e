"""The database: SQLite in a file or PostgreSQL, behind two doors, `reading()` and `writing()`.

The only place that knows which of the two it is.
"""

from __future__ import annotations

import copy
import itertools
import secrets
from collections import deque
from collections.abc import Callable, Generator, Hashable
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError, StatementError

from tandem.domain.errors import Busy, Collided, Conflict, ConsoleError, Invalid
from tandem.domain.listing import Collation, collated
from tandem.store.steps import applied_steps, known_steps, run_steps
from tandem.store.texts import FUNCTIONS

__all__ = ["Connection", "Database", "State", "alone", "driver_of", "open_database"]

BUSY_TIMEOUT_MILLISECONDS = 10_000
# At most, for each connection. With SQLite's own 2 MB, the last of 10,000 jobs took four times as long to reach.
CACHE_KIBIBYTES = 32 * 1024
# What our connections are called.
NAME = "tandem"
# Any number will do, so long as all consoles use the same.
MIGRATION_LOCK = 7_266_336
# A step that waits longer for a table would keep everybody else waiting behind it.
TABLE_SECONDS_MAX = 5
RECOUNT_LOCK = 7_266_337
# Connections that do nothing but say whether anything has changed.
WATCHING_MAX = 2
# PostgreSQL's words for a transaction that could go through at the next try: serialization failure, deadlock.
COLLISIONS = {"40001", "40P01"}
# Such as a NUL character in a text, or a number of more than 64 bits.
NO_VALUE = "A value is too large, too long or of characters that cannot be kept; nothing was changed."

State: TypeAlias = Hashable


class Database:
    """One database, used from any number of threads."""

    def __init__(self, engine: Engine, process_name: str = "") -> None:
        """Wrap an engine; use `open_database`."""
        self.process_name = process_name
        self._note: Callable[[Connection], None] | None = None
        self._engine = engine
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.OperationalError
        self._idle: deque[Connection] = deque()
        self._watching: deque[Connection] = deque()
        self._opened = itertools.count()
        # A page and its total are two statements: both must see the same rows. SQLite's transactions always do.
        self._reader = engine if self._is_sqlite else engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def is_embedded(self) -> bool:
        """Whether reads are in-process and take microseconds."""
        return self._is_sqlite

    def noting(self, note: Callable[[Connection], None] | None) -> Database:
        """Give the same database, each of whose transactions that write ends with a note, if any, or fails with it."""
        noted = copy.copy(self)
        noted._note = note  # noqa: SLF001  (of the same class)
        return noted

    def reading(self) -> AbstractContextManager[Connection]:
        """Open a connection for reads that see one state of the data.

        Raises:
            Invalid: if a value is none that the database can compare with.
            Busy: if the database is away.
        """
        return _Reading(self)

    def begin_reading(self) -> Connection:
        """Give a connection whose transaction has begun; `reading` ends it."""
        # Taking a connection from the pool costs as much as an embedded database's answer: one is kept at hand.
        try:
            connection = self._idle.pop()
        except IndexError:
            # An embedded database counts others' changes for each connection, and a connection's own not at all: one
            # that comes back from the pool may have written.
            connection = self._reader.connect().execution_options(tandem_opened=next(self._opened))
            connection.begin()
            return connection
        try:
            driver_of(connection).execute("BEGIN")
        except BaseException:
            connection.close()
            raise
        return connection

    def end_reading(self, connection: Connection) -> None:
        """Take back a connection that has read what it should."""
        is_kept = self._is_sqlite and not self._idle
        try:
            if is_kept:
                # For SQLAlchemy its transaction goes on: ending one and beginning the next costs as much as a page.
                driver_of(connection).execute("COMMIT")
            else:
                connection.commit()
        except BaseException:
            connection.close()
            raise
        if is_kept:
            self._idle.append(connection)
        else:
            connection.close()

    def state(self, connection: Connection) -> State:
        """Say which state of the data a connection of `reading()` sees: two that are equal are one and the same."""
        if self._is_sqlite:
            opened = connection.get_execution_options()["tandem_opened"]
            return opened, driver_of(connection).execute("PRAGMA data_version").fetchone()[0]
        return driver_of(connection).execute("select pg_current_snapshot()::text").fetchone()[0]

    def current_state(self) -> State | None:
        """Say which state `reading()` would see, for less than that costs; None if that is not to be had."""
        kept = self._idle if self._is_sqlite else self._watching
        try:
            connection = kept.pop() if kept or self._is_sqlite else self._watch()
        except (IndexError, OperationalError):
            return None
        try:
            state = self.state(connection)
        except self._driver_error:
            # Whoever reads in its place is told what is wrong.
            connection.invalidate()
            connection.close()
            return None
        if len(kept) < WATCHING_MAX:
            kept.append(connection)
        else:
            connection.close()
        return state

    def _watch(self) -> Connection:
        # Without a transaction, whose begin and end would be two more messages to the server and back.
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def translated(self, error: BaseException) -> ConsoleError | None:
        """Give the product's word for an error of the driver's in a read, or None if there is none."""
        if isinstance(error, DataError | OverflowError):
            return Invalid(NO_VALUE)
        return Busy() if isinstance(error, (OperationalError, self._driver_error)) else None

    @contextmanager
    def writing(self) -> Generator[Connection]:
        """Open a transaction: all of it is committed at the end, or, if anything is raised, none.

        Raises:
            Conflict: if a constraint refuses the change; the constraint's name is in the cause.
            Invalid: if a value is none that the database can keep.
            Busy: if the database stays locked, or is away.
        """
        options = {"tandem_writes": True}
        try:
            with self._engine.connect().execution_options(**options) as connection, connection.begin():
                yield connection
                if self._note is not None:
                    self._note(connection)
        except IntegrityError as error:
            raise Conflict("This already exists or is still in use; nothing was changed.") from error
        except (DataError, OverflowError) as error:
            raise Invalid(NO_VALUE) from error
        except OperationalError as error:
            raise (Collided if getattr(error.orig, "sqlstate", None) in COLLISIONS else Busy) from error

    @contextmanager
    def recounting(self) -> Generator[Connection | None]:
        """Open a transaction of one process at a time, whose reads see one state of the data; None if it is another's.

        Raises:
            Busy: if the database stays locked, is away, or another process was about this a moment ago.
        """
        if self._is_sqlite:
            with self.writing() as connection:
                yield connection
            return
        try:
            with self._reader.connect() as connection, connection.begin():
                mine = connection.scalar(text("select pg_try_advisory_xact_lock(:key)"), {"key": RECOUNT_LOCK})
                yield connection if mine else None
        except OperationalError as error:
            raise Busy from error

    @contextmanager
    def reshaping(self) -> Generator[Connection]:
        """Open a transaction that changes tables, one at a time however many consoles ask.

        Raises:
            Busy: if a table is in use for too long, or the database is away; nothing was changed.
        """
        with self.writing() as connection:
            if not self._is_sqlite:
                connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
                connection.execute(text(f"set local lock_timeout = '{TABLE_SECONDS_MAX}s'"))
            yield connection

    def migrate(self) -> None:
        """Bring the tables up to this release, whatever they are; for a database that no other release uses."""
        steps = known_steps()
        with self.reshaping() as connection:
            applied = applied_steps(connection)
            run_steps(connection, steps, steps.missing_before(applied))
            run_steps(connection, steps, steps.missing_after(applied))

    def process_names(self, connection: Connection) -> list[str]:
        """Give the names of all processes of ours that are connected; an embedded database does not know: none then."""
        if self._is_sqlite:
            return []
        ours = "datname = current_database() and application_name like :names"
        statement = f"select distinct application_name from pg_stat_activity where {ours}"  # noqa: S608  (no input)
        return list(connection.execute(text(statement), {"names": f"{NAME} %"}).scalars())

    def seconds_ahead(self, now: datetime) -> float:
        """Give by how much a clock that says `now` is ahead of the database server's; an embedded one has ours."""
        if self._is_sqlite:
            return 0.0
        with self.reading() as connection:
            theirs = connection.execute(text("select extract(epoch from clock_timestamp())::float8")).scalar_one()
            return now.timestamp() - float(theirs)

    def close(self) -> None:
        """Close all connections."""
        for kept in (self._idle, self._watching):
            while kept:
                kept.pop().close()
        self._engine.dispose()


class _Reading:
    """What `Database.reading` gives; a generator would cost several times as much."""

    __slots__ = ("_connection", "_database")

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Connection:
        try:
            self._connection = self._database.begin_reading()
        except Exception as error:
            self._raise_translated(error)
            raise
        return self._connection

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._database.end_reading(self._connection)
            else:
                self._connection.close()
        except Exception as failure:
            self._raise_translated(failure)
            raise
        if error is not None:
            self._raise_translated(error)

    def _raise_translated(self, error: BaseException) -> None:
        translated = self._database.translated(error)
        if translated is not None:
            raise translated from error


@contextmanager
def alone(connection: Connection) -> Generator[None]:
    """Make a part of a transaction undo only itself when the database refuses it; raises Conflict."""
    try:
        with connection.begin_nested():
            yield
    except (StatementError, OverflowError) as error:
        # Everything that is wrong with the values; what is wrong with the database is for the whole transaction.
        if isinstance(error, DBAPIError) and not isinstance(error, (IntegrityError, DataError)):
            raise
        raise Conflict(f"The database refused the change: {getattr(error, 'orig', error)}") from error


def driver_of(connection: Connection) -> Any:
    """Give the driver's own connection, inside the same transaction."""
    return connection.connection.driver_connection


def open_database(url: str) -> Database:
    """Open a database by its SQLAlchemy URL, making the folder of an SQLite file if it is missing.

    Args:
        url: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(_open_sqlite(url))
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    # So the database knows each process: by its tables' step, and as long as it lives.
    name = f"{NAME} {known_steps().newest} {secrets.token_hex(8)}"
    arguments = {"application_name": name}
    engine = create_engine(parsed, pool_size=10, max_overflow=10, pool_pre_ping=True, connect_args=arguments)
    return Database(engine, name)


def _open_sqlite(url: str) -> Engine:
    file = make_url(url).database
    if file:
        Path(file).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Autocommit at the driver's level: we say BEGIN ourselves, and say IMMEDIATE when we are going to write.
    arguments = {"isolation_level": None, "check_same_thread": False}
    # Last in, first out: the connection used a moment ago has the pages that the next read wants.
    engine = create_engine(url, connect_args=arguments, pool_size=20, pool_use_lifo=True)

    def configure(connection: Any, _record: Any) -> None:
        # First, so that consoles that start at once wait for each other when they set the journal's mode.
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MILLISECONDS}")
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIBIBYTES}")
        for collation, name in FUNCTIONS.items():
            connection.create_function(name, 1, partial(_collated_or_null, collation=collation), deterministic=True)

    def begin(connection: Connection) -> None:
        # A reader that turns writer fails at once when another has written: take the write lock at the start.
        is_writing = connection.get_execution_options().get("tandem_writes")
        driver_of(connection).execute("BEGIN IMMEDIATE" if is_writing else "BEGIN")

    event.listen(engine, "connect", configure)
    event.listen(engine, "begin", begin)
    return engine


def _collated_or_null(text: str | None, *, collation: Collation) -> str | None:
    return None if text is None else collated(text, collation)
