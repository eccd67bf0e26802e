"""What every test may ask for."""

import gc
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import settings

from tandem.domain.identity import Contract
from tandem.store.database import Database, open_database
from tests import postgres
from tests.consoles import Console, Rows, fill, fill_with_people, rows_of

KINDS = ["sqlite", "postgres"]

# The same examples in every run, on machines of any speed: a change that passes here passes everywhere.
settings.register_profile("tandem", deadline=None, derandomize=True)
settings.load_profile("tandem")


# What takes longest begins first, so that nobody waits for it at the end.
LONGEST = ("tests/clients/test_schemathesis", "tests/end_to_end/")

# What is collected, thousands of tests, stays to the end: collectors of garbage need not look through it.
gc.disable()


def pytest_collection_finish() -> None:
    """Let garbage be collected from here on."""
    gc.freeze()
    gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let everything be run on both databases."""
    parser.addoption("--every-database", action="store_true", help="leave PostgreSQL out nowhere")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave PostgreSQL out where a module says that SQLite is enough, and put the longest tests first."""
    if not config.getoption("every_database"):
        items[:] = [item for item in items if not _is_left_out(item)]
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


def _is_left_out(item: pytest.Item) -> bool:
    parameters = getattr(item, "callspec", None)
    is_on_postgresql = parameters is not None and "postgres" in parameters.params.values()
    return is_on_postgresql and item.get_closest_marker("embedded_only") is not None


@pytest.fixture(scope="session", autouse=True)
def plain_logs() -> None:
    """Write traces as they are: by default they are drawn, with every variable, and that takes a second each."""
    processors = [structlog.processors.add_log_level, structlog.processors.format_exc_info]
    structlog.configure(processors=[*processors, structlog.processors.KeyValueRenderer()])


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords as the console does, but weakly: strong hashes take a tenth of a second each."""
    with pytest.MonkeyPatch.context() as patch:
        weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
        patch.setattr("tandem.actions.passwords._hasher", weak)
        patch.setattr("tandem.actions.passwords._nobody", weak.hash("nobody has this password"))
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server; each of pytest's processes that asks has its own."""
    with postgres.running_server() as url:
        yield url


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, empty database, of either kind: a test that asks runs on both."""
    with _empty_database(request, tmp_path) as url:
        yield url


@contextmanager
def _empty_database(request: pytest.FixtureRequest, folder: Path) -> Generator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{folder}/tandem.db"
    else:
        with postgres.empty_database(request.getfixturevalue("postgres_url")) as url:
            yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh database of either kind with all tables, empty."""
    opened = open_database(database_url)
    opened.migrate()
    yield opened
    opened.close()


class Inhabited(NamedTuple):
    """A database with everybody of `tests.people`, and the rows that it began with."""

    database: Database
    rows: Rows


@pytest.fixture(scope="session", params=KINDS)
def inhabited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    """A database of either kind that is made once and filled again for each test."""
    with _empty_database(request, tmp_path_factory.mktemp("inhabited")) as url:
        database = open_database(url)
        database.migrate()
        with database.writing() as connection:
            fill_with_people(connection)
        yield Inhabited(database, rows_of(database))
        database.close()


@pytest.fixture
def console(inhabited: Inhabited) -> Console:
    """A console with everybody of `tests.people`, on either kind of database."""
    fill(inhabited.database, inhabited.rows)
    return Console(inhabited.database)


@pytest.fixture
def current_console(inhabited: Inhabited) -> Console:
    """The same, its operator having chosen the current contract."""
    fill(inhabited.database, inhabited.rows)
    return Console(inhabited.database, Contract.CURRENT)


@pytest.fixture(scope="module")
def quiet_console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on SQLite for all tests of a module, which change nothing."""
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('quiet')}/tandem.db")
    database.migrate()
    with database.writing() as connection:
        fill_with_people(connection)
    yield Console(database)
    database.close()
