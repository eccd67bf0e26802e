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
from tandem.store import jobs, organizations, tokens
from tandem.store.database import Connection, Database, State, open_database
from tandem.store.schema.tables import activity_log, sign_in_failures
from tests import postgres
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


def changed(database: Database, subject: str) -> None:
    with database.writing() as connection:
        tokens.add_sign_in_failure(connection, subject, START)


def seen(database: Database, subject: str) -> tuple[State, object]:
    """Give the state of the data, and what they say in it."""
    with database.reading() as connection:
        found = tokens.sign_in_failures_of(connection, subject)
        return database.state(connection), found and found[0]


def test_each_change_makes_another_state_and_nothing_else_does(database_url: str) -> None:
    ours, theirs = opened_twice(database_url)
    assert seen(ours, "x")[0] == seen(ours, "x")[0] == ours.current_state()
    for writer in (theirs, ours, theirs):
        before, _ = seen(ours, "x")
        changed(writer, "x")
        assert ours.current_state() != before
        assert seen(ours, "x")[0] != before
    ours.close()
    theirs.close()


def test_states_that_are_equal_show_the_same_while_others_write(database_url: str) -> None:
    ours, theirs = opened_twice(database_url)
    shown: dict[State, object] = {}

    def write(database: Database) -> None:
        for _ in range(40):
            changed(database, "x")

    def look() -> None:
        while len(shown) < 20 or not all(each.done() for each in writers):
            state = ours.current_state()
            if state in shown:
                again, found = seen(ours, "x")
                assert again != state or found == shown[state]
            state, found = seen(ours, "x")
            assert shown.setdefault(state, found) == found

    with ThreadPoolExecutor(THREADS) as pool:
        writers = [pool.submit(write, each) for each in (ours, theirs)]
        for looking in [pool.submit(look) for _ in range(3)]:
            looking.result()
        for writer in writers:
            writer.result()
    assert seen(ours, "x")[1] == 80
    ours.close()
    theirs.close()


def test_a_connection_that_wrote_between_two_reads_does_not_hide_its_own_change(database_url: str) -> None:
    ours, theirs = opened_twice(database_url)
    # Two at once: one of them goes back to the others, and is the next that writes, and later the next that reads.
    with ours.reading(), ours.reading() as second:
        before = ours.state(second)
    changed(ours, "x")
    with ours.reading(), ours.reading() as second:
        assert ours.state(second) != before
    ours.close()
    theirs.close()


def test_a_database_that_is_away_has_no_state_and_has_one_again_when_it_is_back(postgres_url: str) -> None:
    with postgres.empty_database(postgres_url) as url:
        ours, theirs = opened_twice(url)
        assert ours.current_state() is not None
        with theirs.reading() as connection:
            others = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
            connection.exec_driver_sql(f"{others} and pid <> pg_backend_pid()")
        assert ours.current_state() is None
        assert ours.current_state() is not None
        ours.close()
        theirs.close()


def opened_twice(url: str) -> tuple[Database, Database]:
    """Open a database as two consoles do."""
    first = open_database(url)
    first.migrate()
    return first, open_database(url)
