"""Ready documents: whatever is changed, and at whichever console, a page is what its rows say."""

from collections.abc import Iterator
from contextlib import suppress
from random import Random
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete, insert, select, update

from tandem.api.file_share_copy_jobs import view_current, view_oldest
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.listing import Query
from tandem.domain.paging import Window
from tandem.domain.retention import RetentionUnit
from tandem.store import file_share_copy_jobs
from tandem.store.database import Connection, Database, open_database
from tandem.store.jobs import map_job
from tandem.store.listing.collection import shape_of
from tandem.store.schema.document_tables import file_share_copy_job_documents as documents
from tandem.store.schema.tables import file_share_copy_jobs as rows
from tests.consoles import COPY_JOBS, JOBS, Console
from tests.people import ACME, ACMES, ALICE, BETA, BOB, GAMMA, NORTH, PROVIDER, uid
from tests.store.test_listing import SCOPES, fill_with_jobs

EVERYTHING = Scope(ScopeKind.EVERYTHING, PROVIDER)
VIEWS: dict[str, Any] = {"oldest_form": view_oldest, "current_form": view_current}
CHANGES = 10
ODD = 'a "quoted" \\ uid\n\t é\u2028'


@pytest.fixture
def second(console: Console) -> Iterator[Database]:
    """Another console's connections to the same database."""
    with console.database.reading() as connection:
        url = connection.engine.url.render_as_string(hide_password=False)
    opened = open_database(url)
    yield opened
    opened.close()


def check(connection: Connection, chance: Random) -> None:
    """Compare pages of both forms with their rows, as each scope sees them."""
    for scope in SCOPES:
        query = Query(window=Window(chance.choice([1, 7, 500]), chance.randrange(12)))
        server = chance.choice([None, None, ACMES.server])
        page = file_share_copy_jobs.list_file_share_copy_jobs(
            connection, scope, query, shape_of(FileShareCopyJob), server
        )
        for form, view in VIEWS.items():
            written = file_share_copy_jobs.write_file_share_copy_jobs(connection, scope, query, form, server)
            expected = msgspec.json.encode([view(row) for row in page.rows]).decode()
            assert f"[{written.text}]" == expected
            assert (written.count, written.total, written.offset) == (len(page.rows), page.total, page.offset)


def change(connection: Connection, chance: Random) -> None:
    """Change anything of some copy job that may ever change, as writers do or may come to do."""
    unique_uid = chance.choice(list(connection.scalars(select(rows.c.unique_uid))))
    is_job = rows.c.unique_uid == unique_uid
    new = uid(str(chance.random()))
    values: dict[str, Any] = {
        "retention": chance.randrange(100),
        "retention_unit": chance.choice(list(RetentionUnit)),
        "source_size": chance.choice([None, 0, 1 << 62]),
        "instance_uid": chance.choice([new, ODD[:36]]),
        "source_job_instance_uid": new,
        "target_repository_uid": chance.choice([ACMES.first, ACMES.second]),
        "gfs_daily": chance.randrange(10),
        "gfs_yearly": chance.randrange(10),
        "organization_uid": chance.choice([ACME, BETA, GAMMA]),
        "mapped_organization_uid": chance.choice([None, ACME, NORTH]),
        "position": chance.randrange(1000, 1_000_000),
    }
    match chance.randrange(5):
        case 0:
            connection.execute(delete(rows).where(is_job))
        case 1:
            of_server = rows.c.backup_server_uid == ACMES.server
            connection.execute(update(rows).where(of_server).values(source_size=chance.randrange(1 << 40)))
        case 2:
            map_job(connection, EVERYTHING, unique_uid, chance.choice([None, ACME, BETA]))
        case 3:
            connection.execute(update(rows).values(retention=chance.randrange(100)))
        case _:
            name = chance.choice(list(values))
            connection.execute(update(rows).where(is_job).values({name: values[name]}))


@pytest.mark.parametrize("seed", [1, 2])
def test_after_any_change_a_page_is_what_its_rows_say_here_and_elsewhere(
    console: Console, second: Database, seed: int
) -> None:
    chance = Random(seed)
    with console.database.writing() as connection:
        fill_with_jobs(connection)
    for number in range(CHANGES):
        with (console.database, second)[number % 2].writing() as connection:
            change(connection, chance)
        for database in (console.database, second):
            with database.reading() as connection:
                check(connection, chance)


def test_a_change_that_is_taken_back_leaves_the_documents_as_they_were(console: Console) -> None:
    def kept(connection: Connection) -> list[Any]:
        return list(connection.execute(select(documents).order_by(documents.c.position)))

    with console.database.reading() as connection:
        before = kept(connection)
    with suppress(ZeroDivisionError), console.database.writing() as connection:
        connection.execute(update(rows).values(retention=99))
        assert kept(connection) != before
        raise ZeroDivisionError
    with console.database.reading() as connection:
        assert kept(connection) == before
        assert before


def test_nothing_is_written_for_a_change_that_no_document_shows(console: Console) -> None:
    with console.database.writing() as connection:
        connection.execute(update(documents).values(oldest_form="kept"))
        connection.execute(update(rows).values(retention=rows.c.retention))
        assert set(connection.scalars(select(documents.c.oldest_form))) == {"kept"}
        connection.execute(insert(documents).values(position=-1, oldest_form="", current_form=""))
        connection.execute(delete(documents))


def test_clients_get_what_was_changed_a_moment_ago_in_both_forms(console: Console) -> None:
    def shown(version: str | None) -> Any:
        (job,) = console.data(COPY_JOBS, BOB, version)
        return job["retention"], job["retentionUnit"]

    assert shown(None)[1] == shown("3.6.1")[1].lower()
    with console.database.writing() as connection:
        connection.execute(update(rows).values(retention=5, retention_unit=RetentionUnit.MONTHS))
    assert (shown(None), shown("3.6.1")) == ((5, "months"), (5, "Months"))


@pytest.mark.parametrize("version", ["2.0", "3.0", "3.5.1", "3.6", "3.6.1", "strange", None])
@pytest.mark.parametrize("query", ["", "?limit=1&offset=1", "?offset=9", "?expand=", "?select="])
def test_a_ready_page_is_byte_for_byte_what_a_built_one_is(
    quiet_console: Console, monkeypatch: pytest.MonkeyPatch, version: str | None, query: str
) -> None:
    headers = {"X-Client-Version": version} if version else {}

    def answer() -> tuple[bytes, str]:
        response = quiet_console.call("GET", f"{COPY_JOBS}{query}", ALICE, headers=headers)
        assert response.status_code == 200
        return response.content, response.headers["ETag"]

    ready = answer()
    monkeypatch.setattr(Query, "is_plain", property(lambda _query: False))
    assert answer() == ready


def test_the_path_of_a_server_gives_ready_pages_too(quiet_console: Console) -> None:
    path = f"{JOBS.removesuffix('/jobs')}/{ACMES.server}/jobs/fileShareCopyJobs"
    listed = [job for job in quiet_console.data(COPY_JOBS, ALICE) if job["instanceUid"] == ACMES.copy_job]
    assert quiet_console.data(path, ALICE) == listed
