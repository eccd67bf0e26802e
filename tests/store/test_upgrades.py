"""From one release to the next without a pause: older consoles go on, and none works on tables it does not know."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from tandem.domain.errors import Busy, Conflict
from tandem.store import database as doors
from tandem.store.database import Connection, Database, open_database
from tandem.store.steps import Steps, applied_steps, known_steps, run_steps
from tandem.store.upgrades import check_clock, finish, make_ready, standing_of, upgrade
from tests import postgres
from tests.store.older_release import RECORDED, load, repeat

STEP = """
from alembic import op
revision = "{name}"
down_revision = {after}
branch_labels = depends_on = None
def upgrade():
    op.execute("{statement}")
"""
# Steps from before there were several consoles; the first release has them all.
BEFORE_CONSOLES = "0014"
# What takes something away from those who still use it, or asks of them what they do not know.
TAKES_AWAY = re.compile(
    r"\bdrop (table|column|view|function)\b|\brename\b|\balter column\b.*\b(set not null|type)\b"
    r"|\badd column\b(?!.*\bdefault\b).*\bnot null\b|\btruncate\b",
    re.IGNORECASE | re.DOTALL,
)


@pytest.fixture
def url(postgres_url: str) -> Iterator[str]:
    with postgres.empty_database(postgres_url) as made:
        yield made


@pytest.fixture
def shared(url: str) -> Iterator[Database]:
    """A database of several consoles, of the release before."""
    database = open_database(url)
    with database.reshaping() as connection:
        run_steps(connection, known_steps(), [BEFORE_CONSOLES])
    yield database
    database.close()


def release(folder: Path, *steps: tuple[str, str], before: str | None = None) -> Steps:
    """Give a release that knows further steps: each a name and a statement."""
    last = {"before": before or known_steps().newest, "after": (known_steps().after or (None,))[-1]}
    for name, statement in steps:
        kind = "after" if name.endswith("_after") else "before"
        content = STEP.format(name=name, after=repr(last[kind]), statement=statement)
        (folder / f"{name}.py").write_text(content)
        last[kind] = name
    return known_steps(folder)


def test_consoles_of_the_release_before_go_on_when_the_database_is_ready_for_this_one(
    shared: Database, url: str
) -> None:
    (recorded,) = sorted(RECORDED.iterdir())[-1:]
    assert upgrade(shared) == [step for step in known_steps().before if step > BEFORE_CONSOLES]
    said = load(recorded.name.partition(".")[0])
    assert len(said) > 500
    assert repeat(url, said) == []


def test_a_step_that_takes_something_away_would_stop_them(shared: Database, url: str, tmp_path: Path) -> None:
    upgrade(shared, release(tmp_path, ("9001", "alter table jobs drop column retry_times")))
    assert any("retry_times" in each for each in repeat(url, load(BEFORE_CONSOLES)))


def test_no_step_before_takes_anything_away(shared: Database) -> None:
    assert [each for each in _statements_of(shared, known_steps()) if TAKES_AWAY.search(each)] == []


@pytest.mark.parametrize(
    "statement",
    [
        "alter table jobs drop column retry_times",
        "alter table jobs rename column retry_times to tries",
        "alter table replays alter column claimed_by set not null",
        "alter table jobs add column another integer not null",
        "drop table periodic_work",
    ],
)
def test_one_that_does_is_found(shared: Database, tmp_path: Path, statement: str) -> None:
    assert TAKES_AWAY.search(_statements_of(shared, release(tmp_path, ("9001", statement)))[-1])


def test_a_console_does_not_start_on_tables_of_an_older_release_and_says_what_to_do(shared: Database) -> None:
    with pytest.raises(Conflict, match="run `tandem database upgrade` once"):
        make_ready(shared)
    assert _applied(shared) == {BEFORE_CONSOLES}
    upgrade(shared)
    make_ready(shared)


def test_an_older_console_starts_again_until_the_upgrade_is_finished(shared: Database, tmp_path: Path) -> None:
    newer = release(
        tmp_path,
        ("9001", "alter table jobs add column tries integer"),
        ("9001_after", "alter table jobs drop column retry_times"),
    )
    upgrade(shared, newer)
    make_ready(shared)  # one of this release, after a crash
    assert standing_of(shared, newer).missing_after == [*known_steps().after, "9001_after"]
    shared.close()
    _finish_alone(shared, newer)
    with pytest.raises(Conflict, match=r"finished for a newer release.*Install that release here"):
        make_ready(shared)
    make_ready(shared, newer)


def test_an_upgrade_is_not_finished_while_an_older_process_is_connected(
    shared: Database, url: str, tmp_path: Path
) -> None:
    newer = release(tmp_path, ("9001", "select 1"), ("9001_after", "alter table jobs drop column retry_times"))
    upgrade(shared, newer)
    other = open_database(url)
    with other.reading() as connection:
        connection.execute(text("select 1"))
    with pytest.raises(Conflict, match=f"step {known_steps().newest}.*still use the database; stop them"):
        finish(shared, newer)
    other.close()


def test_an_upgrade_is_finished_while_consoles_of_the_new_release_go_on(shared: Database, url: str) -> None:
    upgrade(shared)
    other = open_database(url)
    with other.reading() as connection:
        connection.execute(text("select 1"))
    assert finish(shared) == list(known_steps().after)
    other.close()


def test_what_is_to_be_finished_was_begun(shared: Database) -> None:
    with pytest.raises(Conflict, match="Run `tandem database upgrade` first"):
        finish(shared)


def test_a_single_console_brings_its_own_file_up_to_its_release_by_itself(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    database = open_database(f"sqlite:///{tmp_path}/tandem.db")
    make_ready(database)
    newer = release(tmp_path / "steps", ("9001", "select 1"), ("9001_after", "select 1"))
    make_ready(database, newer)
    assert _applied(database) == {"9001", "9001_after"}
    with pytest.raises(Conflict, match="finished for a newer release"):
        make_ready(database)
    database.close()


def test_a_step_waits_for_a_busy_table_only_briefly_as_everybody_waits_behind_it(
    shared: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doors, "TABLE_SECONDS_MAX", "0.1")
    newer = release(tmp_path, ("9001", "alter table jobs add column tries integer"))
    with shared.writing() as connection:
        connection.execute(text("lock table jobs in access exclusive mode"))
        with pytest.raises(Busy):
            upgrade(shared, newer)
    assert _applied(shared) == {BEFORE_CONSOLES}
    assert upgrade(shared, newer)[-1] == "9001"


def test_a_host_whose_clock_is_wrong_is_told(shared: Database) -> None:
    assert abs(check_clock(shared, datetime.now(UTC))) < 5
    with pytest.raises(Conflict, match=r"clock differs from the database's by -60 s.*NTP"):
        check_clock(shared, datetime.now(UTC) - timedelta(seconds=60))


def _applied(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(applied_steps(connection))


def _finish_alone(database: Database, steps: Steps) -> None:
    # The process that runs the tests is of this release; one that finishes is of the newer.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "process_names", _nobody)
        finish(database, steps)


def _nobody(_database: Database, _connection: Connection) -> list[str]:
    return []


def _statements_of(database: Database, steps: Steps) -> list[str]:
    heard: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        heard.append(statement)

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        upgrade(database, steps)
    finally:
        event.remove(Engine, "before_cursor_execute", hear)
    return [each for each in heard if "alembic_version" not in each]
