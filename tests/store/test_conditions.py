"""Filters and sorts find what they say, on both databases: random ones are held against a naive reference in Python."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.jobs import Job, JobStatus, JobType
from tandem.domain.listing import (
    COMBINING,
    OF_SETS,
    ORDERING,
    Collation,
    Combination,
    Comparison,
    Condition,
    FilterOperation,
    Query,
    SortKey,
)
from tandem.domain.paging import Window
from tandem.store import jobs
from tandem.store.database import Database
from tests.conftest import Inhabited
from tests.consoles import fill
from tests.people import ACME, BETA, ESTATES, PROVIDER, START, job_of, uid
from tests.store.naive import Row, answer

EVERYTHING = Scope(ScopeKind.EVERYTHING, PROVIDER)
NAMES = [
    "Office",
    "office",
    "OFFICE 2",
    "office 10",
    "office 010",
    "office 9b10",
    "10",
    "9",
    "Äpfel",
    "äpfel",
    "Straße",
    "STRASSE",
    "İstanbul",
    "ΟΔΟΣ",
    "οδος",
    "100%_[x]*?",
    'it\'s "quoted" \\ back',
    "ü\u0308 zz",
    "\U0001f4be disk",
    " leading",
    "a" * 255,
]
DESCRIPTIONS = ["", "x", "X", "7", "ABC\r\ndef", "zz"]
TEXTS = ["name", "description", "failure_message"]
NUMBERS = ["last_duration", "transferred_data"]
INSTANTS = ["last_run", "creation_time"]
WORDS = {"status": list(JobStatus), "type": list(JobType)}


def made_jobs() -> list[Job]:
    """Make jobs that differ in every way that a filter can ask for, half of them without most of it."""
    made: list[Job] = []
    for number, name in enumerate(NAMES):
        estate, kind = ESTATES[number % 2 + 1], list(JobType)[number % 2]
        has_run = number % 3
        made.append(
            msgspec.structs.replace(
                job_of(estate, kind),
                unique_uid=uid(f"unique {number}"),
                instance_uid=uid(f"instance {number}"),
                name=name,
                description=DESCRIPTIONS[number % len(DESCRIPTIONS)],
                status=list(JobStatus)[number % 5],
                is_enabled=number % 4 > 0,
                last_run=START + timedelta(microseconds=number % 5) if has_run else None,
                last_duration=number % 4 if has_run else None,
                transferred_data=2**40 + number if has_run == 2 else None,
                failure_message=NAMES[-number] if has_run == 1 else None,
            )
        )
    return made


class Listed:
    """A database, and its jobs as plain rows."""

    def __init__(self, database: Database, rows: list[Row]) -> None:
        self.database = database
        self.rows = rows


@pytest.fixture(scope="module")
def listed(inhabited: Inhabited) -> Iterator[Listed]:
    """A database with jobs of two companies, and the same as plain rows."""
    family = {"file_share_copy_jobs", "file_share_jobs", "jobs", "sessions", "restore_points", "restore_point_copies"}
    family |= {"adoptions", "job_holds", "session_logs"}
    fill(inhabited.database, {name: [] if name in family else rows for name, rows in inhabited.rows.items()})
    with inhabited.database.writing() as connection:
        for job in made_jobs():
            jobs.insert_job(connection, job)
    yield Listed(inhabited.database, [msgspec.structs.asdict(job) for job in made_jobs()])
    fill(inhabited.database, inhabited.rows)


def values_of(name: str) -> some.SearchStrategy[Any]:
    """Give values to compare a property with: its own and others."""
    if name in TEXTS:
        return some.sampled_from([*NAMES, *DESCRIPTIONS, "FF", "%", "_", "ff", "1", "ss"])
    if name in NUMBERS:
        return some.sampled_from([0, 1, 2, 3, 2**40, 2**40 + 5, -1])
    if name in INSTANTS:
        return some.integers(0, 6).map(lambda number: START + timedelta(microseconds=number))
    return some.sampled_from(WORDS[name])


@some.composite
def comparisons(draw: some.DrawFn) -> Condition:
    name = draw(some.sampled_from([*TEXTS, *NUMBERS, *INSTANTS, *WORDS, "is_enabled"]))
    if name == "is_enabled":
        equality = some.sampled_from([FilterOperation.EQUALS, FilterOperation.NOT_EQUALS])
        return Comparison(property=name, operation=draw(equality), value=draw(some.booleans()))
    operations = [FilterOperation.EQUALS, FilterOperation.NOT_EQUALS, *sorted(OF_SETS), *sorted(ORDERING)]
    if name in TEXTS:
        operations.append(FilterOperation.CONTAINS)
    operation = draw(some.sampled_from(operations))
    value: Any = values_of(name)
    if operation not in ORDERING | {FilterOperation.CONTAINS}:
        value = value | some.none()
    drawn = tuple(draw(some.lists(value, max_size=3))) if operation in OF_SETS else draw(value)
    return Comparison(
        property=name, operation=operation, value=drawn, collation=draw(some.sampled_from(list(Collation)))
    )


@some.composite
def conditions(draw: some.DrawFn, depth: int = 2) -> Condition:
    if depth == 0 or draw(some.booleans()):
        return draw(comparisons())
    items = draw(some.lists(conditions(depth - 1), min_size=1, max_size=3))
    return Combination(operation=draw(some.sampled_from(sorted(COMBINING))), items=tuple(items))


@some.composite
def sort_keys(draw: some.DrawFn) -> SortKey:
    return SortKey(
        property=draw(some.sampled_from([*TEXTS, *NUMBERS, *INSTANTS, *WORDS, "is_enabled"])),
        is_descending=draw(some.booleans()),
        collation=draw(some.sampled_from(list(Collation))),
    )


@some.composite
def queries(draw: some.DrawFn) -> Query:
    keys = {key.property: key for key in draw(some.lists(sort_keys(), max_size=3))}
    return Query(
        window=Window(limit=draw(some.integers(1, 30)), offset=draw(some.integers(0, 25))),
        conditions=tuple(draw(some.lists(conditions(), max_size=2))),
        sort=tuple(keys.values()),
    )


FIXTURES = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FIXTURES
@given(query=queries())
def test_a_filter_and_a_sort_find_what_they_say(listed: Listed, query: Query) -> None:
    database, rows = listed.database, listed.rows
    expected, total = answer(rows, query, "unique_uid")
    with database.reading() as connection:
        page = jobs.list_jobs(connection, EVERYTHING, query)
    assert [job.name for job in page.rows] == [row["name"] for row in expected]
    assert page.total == total


@FIXTURES
@given(query=queries(), company=some.sampled_from([ACME, BETA]))
def test_a_filter_finds_nothing_outside_the_callers_scope(listed: Listed, query: Query, company: str) -> None:
    database, rows = listed.database, listed.rows
    expected, total = answer([row for row in rows if row["organization_uid"] == company], query, "unique_uid")
    with database.reading() as connection:
        page = jobs.list_jobs(connection, Scope(ScopeKind.COMPANY, company), query)
    assert [job.name for job in page.rows] == [row["name"] for row in expected]
    assert page.total == total


@FIXTURES
@given(query=queries(), limit=some.integers(1, 7))
def test_pages_put_together_are_the_whole_each_row_once(listed: Listed, query: Query, limit: int) -> None:
    database, rows = listed.database, listed.rows
    whole, total = answer(rows, msgspec.structs.replace(query, window=Window()), "unique_uid")
    found: list[str] = []
    with database.reading() as connection:
        for offset in range(0, total, limit):
            window = Window(limit=limit, offset=offset)
            page = jobs.list_jobs(connection, EVERYTHING, msgspec.structs.replace(query, window=window))
            assert page.total == total
            found += [job.unique_uid for job in page.rows]
    assert found == [row["unique_uid"] for row in whole]
