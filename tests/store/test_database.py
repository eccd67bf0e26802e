"""The two doors to the database: all or nothing for those who write, one state of the data for those who read."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import func, insert, select

from tandem.domain.errors import Busy, Conflict
from tandem.domain.identity import Organization, OrganizationType
from tandem.domain.jobs import JobStatus
from tandem.store import database as doors
from tandem.store import jobs, organizations
from tandem.store.database import Connection, Database, open_database
from tandem.store.tables import activity_log, sign_in_failures
from tests.consoles import Console
from tests.people import ACMES, BOB, START, uid

THREADS = 8


class Interrupted(Exception):
    """Something goes wrong in the middle of a change."""


def add(connection: Connection, name: str) -> None:
    organization = Organization(instance_uid=uid(name), type=OrganizationType.COMPANY, name=name)
    organizations.insert_organization(connection, organization, uid(f"{name} location"))


def count(connection: Connection) -> int:
    return len(organizations.organizations_by_uid(connection, BOB.caller.scope, [uid("one"), uid("two")])) + int(
        connection.exec_driver_sql("select count(*) from organizations where name in ('one', 'two')").scalar_one()
    )


def test_a_change_that_is_interrupted_leaves_nothing_behind(console: Console) -> None:
    def interrupted() -> None:
        with console.database.writing() as connection:
            add(connection, "one")
            raise Interrupted

    with pytest.raises(Interrupted):
        interrupted()
    with console.database.reading() as connection:
        assert count(connection) == 0


def test_a_change_that_a_constraint_refuses_is_a_conflict_and_leaves_nothing_behind(console: Console) -> None:
    def refused() -> None:
        with console.database.writing() as connection:
            add(connection, "one")
            add(connection, "one")

    with pytest.raises(Conflict):
        refused()
    with console.database.reading() as connection:
        assert count(connection) == 0


def test_one_part_that_is_refused_leaves_the_others(console: Console) -> None:
    def add_alone(connection: Connection, name: str) -> None:
        with doors.alone(connection):
            add(connection, name)

    with console.database.writing() as connection:
        add_alone(connection, "one")
        with pytest.raises(Conflict):
            add_alone(connection, "one")
        add_alone(connection, "two")
    with console.database.reading() as connection:
        assert count(connection) == 2


def test_a_reader_sees_one_state_of_the_data_to_its_end(console: Console) -> None:
    # A page and its total are two statements.
    with console.database.reading() as reader:
        before = count(reader)
        with console.database.writing() as writer:
            add(writer, "one")
        assert count(reader) == before == 0
    with console.database.reading() as reader:
        assert count(reader) == 1


def test_eight_who_move_one_job_find_one_winner(console: Console) -> None:
    barrier = Barrier(THREADS)

    def move(_number: int) -> bool:
        barrier.wait()
        with console.database.writing() as connection:
            scope = BOB.caller.scope
            return jobs.move_job(connection, scope, ACMES.job_unique, old=JobStatus.SUCCESS, new=JobStatus.STARTING)

    with ThreadPoolExecutor(THREADS) as pool:
        assert sorted(pool.map(move, range(THREADS))) == [False] * (THREADS - 1) + [True]


def test_those_who_read_before_they_write_wait_for_each_other_rather_than_fail(console: Console) -> None:
    barrier = Barrier(THREADS)

    def note(number: int) -> None:
        barrier.wait()
        for turn in range(5):
            with console.database.writing() as connection:
                connection.execute(select(func.count()).select_from(sign_in_failures))
                values = {"subject": f"{number} {turn}", "failures": 1, "last_failed_at": START}
                connection.execute(insert(sign_in_failures).values(values))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(note, range(THREADS)))
    with console.database.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(sign_in_failures)) == THREADS * 5


@pytest.fixture
def gone(tmp_path: Path) -> Iterator[Database]:
    """A database that is not there any more."""
    database = open_database(f"postgresql://nobody@/tandem?host={tmp_path}&connect_timeout=1")
    yield database
    database.close()


def test_a_database_that_is_away_is_said_to_be(gone: Database) -> None:
    def read() -> None:
        with gone.reading():
            pass

    def write() -> None:
        with gone.writing():
            pass

    for attempt in (read, write):
        with pytest.raises(Busy, match="database"):
            attempt()


def test_a_file_without_a_folder_gets_one_that_others_cannot_read(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    database = open_database(f"sqlite:///{folder}/tandem.db")
    database.migrate()
    database.close()
    assert folder.stat().st_mode & 0o077 == 0


def test_an_instant_comes_back_to_the_microsecond(console: Console) -> None:
    instant = START.replace(microsecond=123_457)
    line = {"organization_uid": "o", "user_uid": None, "user_name": "", "activity": "", "object_uid": "", "detail": ""}
    with console.database.writing() as connection:
        connection.execute(insert(activity_log).values(at=instant, **line))
    with console.database.reading() as connection:
        found = connection.scalar(select(activity_log.c.at))
    assert found is not None
    assert (found, found.utcoffset()) == (instant, START.utcoffset())
