"""Counted lists: every page and total is what counting and walking would give, while rows come, go and move."""

import contextlib
from collections.abc import Callable
from functools import partial
from random import Random
from threading import Event, Thread

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, insert, select, update

from tandem.domain.errors import Busy, Collided
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.listing import Query
from tandem.domain.paging import Window
from tandem.store import file_share_copy_jobs, jobs, recounting
from tandem.store.database import Connection, Database
from tandem.store.listing import counts
from tandem.store.listing.collection import shape_of
from tandem.store.listing.counted_lists import CHANGES_MAX
from tandem.store.listing.counts import Change, Counts, cut
from tandem.store.query import columns_of, records, visible
from tandem.store.schema.count_tables import list_blocks, list_changes, list_counts
from tandem.store.schema.tables import file_share_copy_jobs as rows
from tests.consoles import Console
from tests.people import ACME, ACMES, BETA, GAMMA, PROVIDER
from tests.store.copy_jobs import insert_copy_job

EVERYBODY = Scope(ScopeKind.EVERYTHING, PROVIDER)
VIEWERS = [EVERYBODY, Scope(ScopeKind.COMPANY, ACME), Scope(ScopeKind.COMPANY, BETA), Scope(ScopeKind.COMPANY, GAMMA)]
SHAPE = shape_of(FileShareCopyJob)
STEPS = 60
WRITERS = 3
WRITES = 60

positions = st.sets(st.integers(1, 300), max_size=80)


@pytest.fixture
def finely_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have lists of some dozen rows cut as those of a million are."""
    monkeypatch.setattr(counts, "BLOCK_ROWS", 3)
    monkeypatch.setattr(counts, "STRETCH_ROWS", 12)


@given(own=positions, assigned=positions, gone=positions, come=positions, offset=st.integers(0, 200))
@settings(max_examples=300)
def test_an_offset_falls_where_walking_would_lead(
    own: set[int], assigned: set[int], gone: set[int], come: set[int], offset: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "BLOCK_ROWS", 3)
        patch.setattr(counts, "STRETCH_ROWS", 12)
        assigned -= own
        gone &= own | assigned
        come -= own | assigned
        pieces = list(cut(sorted(own), sorted(assigned), 0))
        starts = {number: starts for number, (_, starts) in enumerate(pieces, start=1)}
        stretches = [
            msgspec.structs.replace(stretch, uid=number if len(starts[number]) > 1 else 0)
            for number, (stretch, _) in enumerate(pieces, start=1)
        ]
        changes = [Change(position, 0 if position in own else 1, -1) for position in gone]
        changes += [Change(position, 1, 1) for position in come]
        place = Counts(stretches).find(offset, changes, starts.__getitem__)
    now = sorted((own | assigned | come) - gone)
    assert place.total == len(now)
    if offset < len(now):
        assert [position for position in now if position >= place.start][place.rest :] == now[offset:]
        assert all(place.parts[0 if position in own else 1] for position in now)


def test_a_million_rows_are_found_through_few_numbers() -> None:
    total = 1_000_000
    pieces = list(cut(range(1, total + 1), [], 0))
    assert sum(stretch.own for stretch, _ in pieces) == total
    assert len(pieces) < 40
    assert all(len(starts) <= 256 for _, starts in pieces)
    starts = {number: starts for number, (_, starts) in enumerate(pieces, start=1)}
    cut_up = Counts([msgspec.structs.replace(stretch, uid=number) for number, (stretch, _) in enumerate(pieces, 1)])
    for offset in (0, 1, 499_999, total - 1):
        place = cut_up.find(offset, [], starts.__getitem__)
        assert max(place.start, 1) + place.rest == offset + 1
        assert place.rest < counts.BLOCK_ROWS


@pytest.mark.usefixtures("finely_cut")
@pytest.mark.parametrize("seed", range(3))
def test_every_page_stays_right_while_rows_come_and_go_and_are_counted(console: Console, seed: int) -> None:
    chance = Random(seed)
    with console.database.writing() as connection:
        insert_jobs(connection, chance, "first", 40)
    for step in range(STEPS):
        with console.database.writing() as connection:
            chance.choice([insert_one, delete_one, assign_one, delete_some])(connection, chance, f"{seed} {step}")
        if chance.random() < 0.4:
            recounting.recount(console.database)
        with console.database.reading() as connection:
            for viewer in VIEWERS:
                is_right(connection, viewer, chance.randrange(80), chance.choice([1, 4, 100]))
    recounting.recount(console.database)
    assert not changes_left(console.database)
    all_are_right(console.database, range(60), limit=7)


@pytest.mark.usefixtures("finely_cut")
def test_no_reader_sees_a_wrong_page_while_others_write_and_count(console: Console) -> None:
    with console.database.writing() as connection:
        insert_jobs(connection, Random(0), "first", 60)
    crowd = Crowd(console.database)
    crowd.run([partial(crowd.write, number) for number in range(WRITERS)], [crowd.count, crowd.count, crowd.read])
    assert not crowd.failures
    recounting.recount(console.database)
    all_are_right(console.database, range(0, 200, 3), limit=3)


def test_a_deleted_job_leaves_the_list_of_jobs_though_its_row_stays(console: Console) -> None:
    def total() -> int:
        with console.database.reading() as connection:
            return jobs.list_jobs(connection, EVERYBODY, Query()).total

    recounting.recount(console.database)
    before = total()
    with console.database.writing() as connection:
        jobs.mark_job_deleted(connection, EVERYBODY, ACMES.copy_job_unique, console.clock.now)
    assert total() == before - 1
    recounting.recount(console.database)
    assert total() == before - 1


def test_what_is_not_counted_yet_is_walked_through(console: Console) -> None:
    chance = Random(1)
    with console.database.writing() as connection:
        insert_jobs(connection, chance, "many", 5)
        change = {"list_name": rows.name, "organization_uid": "", "part": 0, "row_position": 1}
        # As if one row had come and gone again and again.
        for difference in (1, -1):
            many = [{**change, "difference": difference}] * (CHANGES_MAX // 2)
            connection.execute(insert(list_changes), many)
    with console.database.reading() as connection:
        for offset in range(10):
            is_right(connection, EVERYBODY, offset, 3)


@pytest.mark.usefixtures("finely_cut")
def test_nothing_is_left_of_lists_that_have_become_empty(console: Console) -> None:
    with console.database.writing() as connection:
        insert_jobs(connection, Random(1), "many", 50)
    recounting.recount(console.database)
    with console.database.writing() as connection:
        connection.execute(delete(rows))
    recounting.recount(console.database)
    with console.database.reading() as connection:
        of_list = select(func.count()).where(list_counts.c.list_name == rows.name)
        assert connection.scalar(of_list) == 0
        used = {
            stretch.uid for (stretches,) in connection.execute(select(list_counts.c.stretches)) for stretch in stretches
        }
        assert set(connection.scalars(select(list_blocks.c.stretch_uid))) <= used
        is_right(connection, EVERYBODY, 0, 10)


class Crowd:
    """Those who write, count and read one list at the same time."""

    def __init__(self, database: Database) -> None:
        self.failures: list[BaseException] = []
        self._database = database
        self._done = Event()

    def run(self, writers: list[Callable[[], None]], others: list[Callable[[], None]]) -> None:
        """Let all work until the writers are done."""
        writing = [Thread(target=self._surely, args=(work,)) for work in writers]
        meanwhile = [Thread(target=self._surely, args=(work,)) for work in others]
        for thread in [*writing, *meanwhile]:
            thread.start()
        for thread in writing:
            thread.join()
        self._done.set()
        for thread in meanwhile:
            thread.join()

    def write(self, number: int) -> None:
        chance = Random(number)
        for step in range(WRITES):
            # Two who change the same two jobs, the other way round: one of them is refused, and nothing is written.
            with contextlib.suppress(Collided), self._database.writing() as connection:
                for part in range(2):
                    work = chance.choice([insert_one, insert_one, delete_one, assign_one])
                    work(connection, chance, f"{number} {step} {part}")

    def count(self) -> None:
        while not self._done.is_set():
            # Another one may be faster.
            with contextlib.suppress(Busy):
                recounting.recount(self._database)

    def read(self) -> None:
        chance = Random(99)
        while not self._done.is_set():
            with self._database.reading() as connection:
                for viewer in VIEWERS:
                    is_right(connection, viewer, chance.randrange(100), 10)

    def _surely(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as error:
            self.failures.append(error)
            raise


def is_right(connection: Connection, scope: Scope, offset: int, limit: int) -> None:
    """Compare a page and its total with the plain statement, in one state of the data."""
    seen = select(*columns_of(rows.c, FileShareCopyJob)).where(visible(rows, scope)).order_by(rows.c.position)
    whole = records(connection, seen, FileShareCopyJob)
    window = Query(window=Window(limit, offset))
    page = file_share_copy_jobs.list_file_share_copy_jobs(connection, scope, window, SHAPE)
    assert page.total == len(whole)
    assert page.rows == whole[offset : offset + limit]


def all_are_right(database: Database, offsets: range, limit: int) -> None:
    """Compare pages of everybody who looks."""
    with database.reading() as connection:
        for viewer in VIEWERS:
            for offset in offsets:
                is_right(connection, viewer, offset, limit)


def changes_left(database: Database) -> int:
    with database.reading() as connection:
        return connection.scalar(select(func.count()).select_from(list_changes)) or 0


def insert_one(connection: Connection, chance: Random, name: str) -> None:
    insert_jobs(connection, chance, name, 1)


def insert_jobs(connection: Connection, chance: Random, name: str, number: int) -> None:
    for each in range(number):
        insert_copy_job(connection, chance, f"{name} {each}", retention=7)


def delete_one(connection: Connection, chance: Random, name: str) -> None:
    del name
    connection.execute(delete(rows).where(rows.c.position == any_position(connection, chance)))


def delete_some(connection: Connection, chance: Random, name: str) -> None:
    del name
    first = any_position(connection, chance)
    connection.execute(delete(rows).where(rows.c.position.between(first, first + chance.randrange(12))))


def assign_one(connection: Connection, chance: Random, name: str) -> None:
    del name
    company = chance.choice([None, ACME, BETA, GAMMA])
    one = rows.c.position == any_position(connection, chance)
    connection.execute(update(rows).where(one).values(mapped_organization_uid=company))


def any_position(connection: Connection, chance: Random) -> int:
    found = list(connection.scalars(select(rows.c.position).order_by(rows.c.position)))
    return chance.choice(found or [0])
