"""What every test may ask for."""

import gc
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
from argon2 import PasswordHasher
from hypothesis import settings
from sqlalchemy import make_url
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

from tandem.actions.passwords import hash_of_nothing
from tandem.domain.identity import Contract
from tandem.store.database import Database, open_database
from tests import postgres
from tests.consoles import Console, Rows, copy_of, fill, fill_with_people, rows_of

KINDS = ["sqlite", "postgres"]

# The same examples in every run, on machines of any speed: a change that passes here passes everywhere.
settings.register_profile("tandem", deadline=None, derandomize=True)
settings.load_profile("tandem")


# Folders whose files take longest begin first, so that nobody waits for one of them at the end.
LONGEST = ("tests/end_to_end/", "tests/clients/", "tests/store/", "tests/agent/", "tests/benchmarks/")

# To load one release of the SDK takes seconds.
SDK = "tests/clients/test_sdk"

# What is collected, thousands of tests, stays to the end: collectors of garbage need not look through it.
gc.disable()


def pytest_collection_finish() -> None:
    """Let garbage be collected from here on."""
    gc.freeze()
    gc.enable()


class _ByFile(LoadFileScheduling):
    """Gives each file to one process, so that what its tests share is made once."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return SDK if file.startswith(SDK) else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """Give the tests that use the SDK to one process."""
    return _ByFile(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let everything be run on both databases."""
    parser.addoption("--every-database", action="store_true", help="leave PostgreSQL out nowhere")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave PostgreSQL out where a module says that SQLite is enough, and put the longest files first."""
    if not config.getoption("every_database"):
        items[:] = [item for item in items if not _is_left_out(item)]
    items.sort(key=lambda item: [not item.nodeid.startswith(folder) for folder in LONGEST])


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
        patch.setattr("tandem.actions.passwords._nobody", hash_of_nothing(weak))
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server; each of pytest's processes that asks has its own."""
    with postgres.running_server() as url:
        yield url


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A fresh, empty database, of either kind: a test that asks runs on both."""
    if request.param == "sqlite":
        yield _file_in(tmp_path)
    else:
        with postgres.empty_database(request.getfixturevalue("postgres_url")) as url:
            yield url


@pytest.fixture(scope="session")
def file_with_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with all tables, to be copied: making them takes half a second."""
    folder = tmp_path_factory.mktemp("tables")
    _make_tables(_file_in(folder))
    return folder / "tandem.db"


@pytest.fixture(scope="session")
def file_with_people(file_with_tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with everybody of `tests.people`, to be copied."""
    folder = tmp_path_factory.mktemp("people")
    with copy_of(file_with_tables, folder) as database, database.writing() as connection:
        fill_with_people(connection)
    return folder / file_with_tables.name


@pytest.fixture(scope="session")
def database_with_tables(postgres_url: str) -> Iterator[str]:
    """The name of a database with all tables in PostgreSQL, to be copied."""
    with postgres.empty_database(postgres_url) as url:
        _make_tables(url)
        yield str(make_url(url).database)


def _file_in(folder: Path) -> str:
    return f"sqlite:///{folder}/tandem.db"


def _make_tables(url: str) -> None:
    database = open_database(url)
    database.migrate()
    database.close()


@contextmanager
def _fresh_database(request: pytest.FixtureRequest, kind: str, folder: Path) -> Generator[Database]:
    """Open a database with all tables, empty."""
    if kind == "sqlite":
        with copy_of(request.getfixturevalue("file_with_tables"), folder) as database:
            yield database
    else:
        server, template = (request.getfixturevalue(name) for name in ("postgres_url", "database_with_tables"))
        with postgres.empty_database(server, template) as url, closing(open_database(url)) as database:
            yield database


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A fresh database of either kind with all tables, empty."""
    with _fresh_database(request, request.param, tmp_path) as opened:
        yield opened


class Inhabited(NamedTuple):
    """A database with everybody of `tests.people`, and the rows that it began with."""

    database: Database
    rows: Rows


@pytest.fixture(scope="session", params=KINDS)
def inhabited(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inhabited]:
    """A database of either kind that is made once and filled again for each test."""
    with _fresh_database(request, request.param, tmp_path_factory.mktemp("inhabited")) as database:
        with database.writing() as connection:
            fill_with_people(connection)
        yield Inhabited(database, rows_of(database))


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
def quiet_console(file_with_people: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console on SQLite for all tests of a module, which change nothing."""
    with copy_of(file_with_people, tmp_path_factory.mktemp("quiet")) as database:
        yield Console(database)
