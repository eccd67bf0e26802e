"""Listings whose statements are made once give the same rows as the plain condition, from whichever end they start."""

import random
from collections.abc import Iterator

import pytest
from sqlalchemy import insert, select

from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.paging import Window
from tandem.store import file_share_copy_jobs
from tandem.store.database import Connection
from tandem.store.listing import shape_of
from tandem.store.query import visible
from tandem.store.tables import file_share_copy_jobs as copy_jobs
from tandem.store.tables import jobs
from tests.consoles import Console
from tests.people import ACME, ACMES, BETA, GAMMA, NORTH, PROVIDER, uid

JOBS = 120
SEED = 4
SCOPES = [
    Scope(ScopeKind.EVERYTHING, PROVIDER),
    Scope(ScopeKind.COMPANIES, PROVIDER),
    Scope(ScopeKind.RESELLER, NORTH),
    Scope(ScopeKind.COMPANY, ACME),
    Scope(ScopeKind.COMPANY, BETA),
    Scope(ScopeKind.OWN_COMPANY_ONLY, ACME),
    Scope(ScopeKind.NOTHING, ACME),
]


@pytest.fixture
def fleet(console: Console) -> Iterator[Connection]:
    """Jobs of several companies, some of them assigned to another company, or to the one that owns them."""
    chance = random.Random(SEED)
    with console.database.writing() as connection:
        job = dict(connection.execute(select(jobs).where(jobs.c.unique_uid == ACMES.copy_job_unique)).mappings().one())
        of_job = copy_jobs.c.unique_uid == ACMES.copy_job_unique
        copy = dict(connection.execute(select(copy_jobs).where(of_job)).mappings().one())
        for number in range(JOBS):
            ids = {"unique_uid": uid(f"unique {number}"), "instance_uid": uid(f"instance {number}")}
            owner = chance.choice([ACME, BETA, GAMMA])
            changes = ids | {"organization_uid": owner, "mapped_organization_uid": chance.choice([None, ACME, BETA])}
            for table, row in ((jobs, job), (copy_jobs, copy)):
                connection.execute(
                    insert(table).values({**row, **changes, "position": 1000 + number})
                )
    with console.database.reading() as connection:
        yield connection


def page(connection: Connection, scope: Scope, limit: int, offset: int) -> tuple[list[str], int]:
    found = file_share_copy_jobs.list_file_share_copy_jobs(
        connection, scope, Window(limit, offset), shape_of(FileShareCopyJob)
    )
    return [row.unique_uid for row in found.rows], found.total


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: f"{scope.kind} {scope.organization_uid[:4]}")
@pytest.mark.parametrize("limit", [1, 7, 50, 500])
def test_pages_one_after_another_give_every_job_that_the_caller_sees_once_and_in_order(
    fleet: Connection, scope: Scope, limit: int
) -> None:
    plain = select(copy_jobs.c.unique_uid).where(visible(copy_jobs, scope)).order_by(copy_jobs.c.position)
    expected = list(fleet.scalars(plain))
    listed: list[str] = []

    while True:
        rows, total = page(fleet, scope, limit, len(listed))
        assert total == len(expected)
        if not rows:
            break
        assert len(rows) == min(limit, total - len(listed))
        listed.extend(rows)

    assert listed == expected
    assert len(expected) == len(set(expected))


def test_a_page_beyond_the_end_is_empty_and_still_tells_the_total(fleet: Connection) -> None:
    whole = Scope(ScopeKind.EVERYTHING, PROVIDER)
    _rows, total = page(fleet, whole, 1, 0)

    assert page(fleet, whole, 10, total) == ([], total)
    assert page(fleet, whole, 10, 2_147_483_647) == ([], total)
    assert total > JOBS
