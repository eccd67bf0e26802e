"""How the databases find what lists ask for: by an index, in its order, never by reading or sorting all rows."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from sqlalchemy import NullPool, create_engine, event, inspect

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.jobs import Job, JobType
from tandem.domain.listing import Collation, Comparison, FilterOperation, Query, SortKey
from tandem.store.database import Connection
from tandem.store.jobs import JOBS, insert_job, jobs_by_unique_uid
from tandem.store.listing.collection import shape_of
from tandem.store.listing.statements import FROM_POSITION, OF_ORGANIZATION
from tandem.store.query import visible_parts
from tandem.store.schema.tables import jobs
from tandem.store.sessions import last_tasks_of
from tests.consoles import Console
from tests.people import ACME, ACMES, BETA, BETAS, GAMMA, PROVIDER, PROVIDERS, START, job_of, uid

EVERYTHING = Scope(ScopeKind.EVERYTHING, PROVIDER)
COMPANY = Scope(ScopeKind.COMPANY, ACME)
JOB_ROWS = 1_000
# Of an index by which a list is found, this is the name's beginning.
OF_LISTS = "ix_jobs_live_"
# The parts of what a company sees: the column that each is found by.
OWNERS = ["organization_uid", "mapped_organization_uid"]
NAMED = Comparison(property="name", operation=FilterOperation.CONTAINS, value="7", collation=Collation.IGNORECASE)
SEARCHES = {
    f"{'the newest' if is_descending else 'the oldest'} first, {'by name' if conditions else 'all'}": Query(
        conditions=conditions, sort=(SortKey(property="last_run", is_descending=is_descending),)
    )
    for is_descending in (False, True)
    for conditions in ((), (NAMED,))
}
# What is cheaper only while a table is small.
NOT_FOR_LARGE_TABLES = ("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin")


class Read(NamedTuple):
    """A step of a plan that reads jobs: by which index, for what, and whether all that it reads is sorted after it."""

    by: str
    condition: str
    is_sorted: bool


def reads_of(connection: Connection, statement: Any) -> list[Read]:
    """Give how a database would read jobs for a statement, where it looks for rows rather than fetching known ones."""
    compiled = statement.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
    return [read for read in _reads(connection, str(compiled), ()) if not _is_of_known_rows(read)]


def _reads(connection: Connection, text: str, parameters: Any) -> list[Read]:
    if connection.dialect.name == "sqlite":
        steps = list(connection.exec_driver_sql(f"explain query plan {text}", parameters))
        return list(_sqlite_reads([(number, parent, detail) for number, parent, _, detail in steps]))
    for setting in NOT_FOR_LARGE_TABLES:
        connection.exec_driver_sql(f"set local {setting} = off")
    plans = connection.exec_driver_sql(f"explain (format json) {text}", parameters).scalar_one()
    return list(_postgresql_reads(plans[0]["Plan"], is_sorted=False))


def _sqlite_reads(steps: list[tuple[int, int, str]]) -> Iterator[Read]:
    sorted_below = {parent for _, parent, detail in steps if detail == "USE TEMP B-TREE FOR ORDER BY"}
    for _, parent, detail in steps:
        how, _, rest = detail.partition(" USING ")
        if how in {"SCAN jobs", "SEARCH jobs"}:
            index, _, condition = rest.removeprefix("COVERING ").removeprefix("INDEX ").partition(" ")
            yield Read(index, condition, parent in sorted_below)


def _postgresql_reads(node: dict[str, Any], *, is_sorted: bool) -> Iterator[Read]:
    # What a limit lets through is no more than a page.
    is_sorted = node["Node Type"] != "Limit" and (is_sorted or node["Node Type"] in {"Sort", "Incremental Sort"})
    if node.get("Relation Name") == "jobs":
        condition = node.get("Index Cond", "") + node.get("Filter", "")
        yield Read(node.get("Index Name", ""), condition, is_sorted)
    for below in node.get("Plans", ()):
        yield from _postgresql_reads(below, is_sorted=is_sorted)


def _is_of_known_rows(read: Read) -> bool:
    keys = ("unique_uid", "position", "rowid")
    return not read.by.startswith(OF_LISTS) and any(key in read.condition for key in keys)


@pytest.fixture
def crowded(console: Console) -> Console:
    """A console with enough jobs that PostgreSQL has to choose, a few of them Acme's, and as many assigned to it."""
    with console.database.writing() as connection:
        for number in range(JOB_ROWS):
            estate = ACMES if number % 50 == 0 else (BETAS, PROVIDERS)[number % 2]
            job = msgspec.structs.replace(
                job_of(estate, JobType.BACKUP_FILE),
                unique_uid=uid(f"unique {number}"),
                instance_uid=uid(f"instance {number}"),
                name=f"Job {number}",
                last_run=None if number % 20 == 1 else START + timedelta(minutes=number),
                mapped_organization_uid=ACME if number % 50 == 1 else (None, BETA, GAMMA)[number % 3],
            )
            insert_job(connection, job)
        url, is_postgresql = connection.engine.url, connection.dialect.name == "postgresql"
    if is_postgresql:
        # As its server does by itself before long: it then knows which rows everybody sees, and need not look at them.
        engine = create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
        with engine.connect() as connection:
            connection.exec_driver_sql("checkpoint")  # these servers commit lazily, and vacuum passes such rows over
            connection.exec_driver_sql("vacuum analyze jobs")
    return console


def test_the_indexes_of_last_runs_are_there(console: Console) -> None:
    # The comparison of tables and migrations leaves these out.
    with console.database.reading() as connection:
        found = {str(index["name"]) for index in inspect(connection).get_indexes("jobs")}
    declared = {str(index.name) for index in jobs.indexes if "last_run" in str(index.name)}
    assert declared == {f"{OF_LISTS}{name}last_run" for name in ("", "organization_uid_", "mapped_organization_uid_")}
    assert declared <= found


def test_plain_pages_are_read_in_the_order_of_an_index(crowded: Console) -> None:
    given = {OF_ORGANIZATION: ACME, "limit": 100, "offset": 100}
    with crowded.database.reading() as connection:
        for scope in (EVERYTHING, COMPANY):
            statements = JOBS.statements.plain(shape_of(Job).columns, scope.kind)
            windows = [statements.merged, *statements.alone]
            for prepared in (prepared for window in windows for prepared in (window.forward, window.backward)):
                reads = reads_of(connection, prepared.statement.params(given))
                assert not any(read.is_sorted for read in reads)
                assert all(read.by for read in reads)
                if scope is COMPANY:
                    assert {read.by for read in reads} <= {f"{OF_LISTS}{owner}_position" for owner in OWNERS}
            counted = reads_of(connection, statements.counts.statement.params(given))
            assert all(read.by.startswith(OF_LISTS) for read in counted)
            if scope is COMPANY:
                assert all(owner in read.condition for read, owner in zip(counted, OWNERS, strict=True))


def test_a_companys_page_that_begins_at_a_position_is_read_from_there_in_the_order_of_an_index(
    crowded: Console,
) -> None:
    given = {OF_ORGANIZATION: ACME, FROM_POSITION: 500, "limit": 100, "offset": 100}
    with crowded.database.reading() as connection:
        for has_rows in ((True, True), (True, False), (False, True)):
            prepared = JOBS.statements.from_position(shape_of(Job).columns, COMPANY.kind, has_rows)
            reads = reads_of(connection, prepared.statement.params(given))
            owners = [owner for owner, has in zip(OWNERS, has_rows, strict=True) if has]
            assert [(read.by, read.is_sorted) for read in reads] == [
                (f"{OF_LISTS}{owner}_position", False) for owner in owners
            ]
            assert all("position>" in read.condition.replace(" ", "").replace('"', "") for read in reads)


@pytest.mark.parametrize("query", SEARCHES.values(), ids=SEARCHES)
def test_the_provider_reads_jobs_in_the_order_of_their_last_runs(crowded: Console, query: Query) -> None:
    parts = visible_parts(jobs, EVERYTHING)
    with crowded.database.reading() as connection:
        reads = reads_of(connection, JOBS.statements.searched(parts, query, shape_of(Job).columns))
    assert [(read.by, read.is_sorted) for read in reads] == [(f"{OF_LISTS}last_run", False)]


@pytest.mark.parametrize("query", SEARCHES.values(), ids=SEARCHES)
def test_a_company_reads_its_own_jobs_only_in_the_order_of_their_last_runs(crowded: Console, query: Query) -> None:
    parts = visible_parts(jobs, COMPANY)
    with crowded.database.reading() as connection:
        merged = reads_of(connection, JOBS.statements.searched(parts, query, shape_of(Job).columns))
        alone = [reads_of(connection, JOBS.statements.searched([part], query, shape_of(Job).columns)) for part in parts]
        counted = reads_of(connection, JOBS.statements.counted(parts, query))
    assert alone == [[read] for read in merged]
    for read, owner in zip(merged, OWNERS, strict=True):
        assert (read.by, read.is_sorted) == (f"{OF_LISTS}{owner}_last_run", False)
        assert f"{owner}=" in read.condition.replace(")::text", "").replace(" ", "")
    assert [owner in read.condition for read, owner in zip(counted, OWNERS, strict=True)] == [True, True]


def test_jobs_whose_ids_are_known_are_fetched_by_these_whoever_asks(crowded: Console) -> None:
    asked: list[tuple[str, Any]] = []
    uids = [uid(f"unique {number}") for number in range(10)]
    with crowded.database.reading() as connection:
        event.listen(connection, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
        jobs_by_unique_uid(connection, COMPANY, uids)
        last_tasks_of(connection, COMPANY, uids)
        assert len(asked) == 2
        for text, parameters in asked[:2]:
            (read,) = _reads(connection, text, parameters)
            assert "unique_uid" in read.condition
