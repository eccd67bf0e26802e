"""The list that the product stands for, page by page, against the plain statement: whoever asks, wherever he looks."""

from random import Random

import pytest
from sqlalchemy import select

from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.listing import Comparison, FilterOperation, Query, SortKey
from tandem.domain.paging import Window
from tandem.store import file_share_copy_jobs
from tandem.store.database import Connection
from tandem.store.listing.collection import shape_of
from tandem.store.query import columns_of, records, visible
from tandem.store.schema.tables import file_share_copy_jobs as rows
from tests.consoles import Console
from tests.people import ACME, ACMES, BETA, BETAS, LARA, NORTH, PROVIDER, PROVIDERS, uid
from tests.store.copy_jobs import insert_copy_job

JOBS = 40
SCOPES = [
    Scope(ScopeKind.EVERYTHING, PROVIDER),
    Scope(ScopeKind.COMPANIES, PROVIDER),
    Scope(ScopeKind.RESELLER, NORTH),
    Scope(ScopeKind.COMPANY, ACME),
    Scope(ScopeKind.COMPANY, BETA),
    Scope(ScopeKind.OWN_COMPANY_ONLY, ACME),
    Scope(ScopeKind.LOCATIONS, ACME, LARA.uid),
    Scope(ScopeKind.NOTHING, ACME),
]
SHAPE = shape_of(FileShareCopyJob)


def fill_with_jobs(connection: Connection) -> None:
    """Store copy jobs of many owners, some of them assigned to others, some to their own owner."""
    chance = Random(1)
    for number in range(JOBS):
        insert_copy_job(connection, chance, number, retention=number)


def plain(connection: Connection, scope: Scope, server: str | None) -> list[FileShareCopyJob]:
    """Give the whole list by the plain statement."""
    statement = select(*columns_of(rows.c, FileShareCopyJob)).where(visible(rows, scope)).order_by(rows.c.position)
    if server is not None:
        statement = statement.where(rows.c.backup_server_uid == server)
    return records(connection, statement, FileShareCopyJob)


@pytest.mark.parametrize("scope", SCOPES, ids=repr)
def test_every_page_is_the_part_of_the_whole_that_it_says(console: Console, scope: Scope) -> None:
    with console.database.writing() as connection:
        fill_with_jobs(connection)
    with console.database.reading() as connection:
        for server in (None, PROVIDERS.server, ACMES.server, BETAS.server, uid("nothing")):
            whole = plain(connection, scope, server)
            for limit in (1, 3, 7, len(whole) or 1, 500):
                for offset in range(len(whole) + 3):
                    page = file_share_copy_jobs.list_file_share_copy_jobs(
                        connection, scope, Query(window=Window(limit, offset)), SHAPE, server
                    )
                    assert page.rows == whole[offset : offset + limit]
                    assert (page.total, page.offset) == (len(whole), offset)


@pytest.mark.parametrize("scope", SCOPES, ids=repr)
def test_every_sorted_page_is_the_part_of_the_whole_that_it_says(console: Console, scope: Scope) -> None:
    few = Comparison(property="retention", operation=FilterOperation.LESS_THAN, value=JOBS // 2)
    with console.database.writing() as connection:
        fill_with_jobs(connection)
    with console.database.reading() as connection:
        for conditions in ((), (few,)):
            seen = [row for row in plain(connection, scope, None) if not conditions or row.retention < JOBS // 2]
            for is_descending in (False, True):
                whole = sorted(seen, key=lambda row: (row.target_repository_uid, row.unique_uid), reverse=is_descending)
                sort = (SortKey(property="target_repository_uid", is_descending=is_descending),)
                for limit in (1, 7, 500):
                    for offset in range(len(whole) + 3):
                        query = Query(window=Window(limit, offset), conditions=conditions, sort=sort)
                        page = file_share_copy_jobs.list_file_share_copy_jobs(connection, scope, query, SHAPE)
                        assert page.rows == whole[offset : offset + limit]
                        assert (page.total, page.offset) == (len(whole), offset)


def test_the_scopes_here_see_different_things(console: Console) -> None:
    with console.database.writing() as connection:
        fill_with_jobs(connection)
    with console.database.reading() as connection:
        seen = [len(plain(connection, scope, None)) for scope in SCOPES]
    assert seen[0] == JOBS + 4
    assert seen[-1] == 0
    assert len(set(seen)) >= len(SCOPES) - 1


def test_a_page_asked_for_again_shows_what_has_changed_since(console: Console) -> None:
    # Statements are made once: what they were asked before must not stick.
    everything, company = SCOPES[0], SCOPES[3]

    def total(scope: Scope, server: str | None) -> int:
        with console.database.reading() as connection:
            page = file_share_copy_jobs.list_file_share_copy_jobs(connection, scope, Query(), SHAPE, server)
        return page.total

    before = [total(everything, None), total(company, None), total(everything, ACMES.server)]
    assert before == [4, 1, 1]
    with console.database.writing() as connection:
        fill_with_jobs(connection)
    after = [total(everything, None), total(company, None), total(everything, ACMES.server)]
    assert all(one < other for one, other in zip(before, after, strict=True))
    assert total(Scope(ScopeKind.COMPANY, BETA), None) not in {after[1], 0}
