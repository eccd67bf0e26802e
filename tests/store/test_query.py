"""The listing engine: what each kind of scope sees, and what a page says of the whole."""

from typing import cast

import pytest
from sqlalchemy import select, update

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.listing import Query
from tandem.domain.locations import Location, LocationType
from tandem.domain.paging import LIMIT_MAX, OFFSET_MAX, Window
from tandem.store import file_shares, jobs, restore_points
from tandem.store.database import Connection
from tandem.store.locations import choose_location, insert_location, move_backup_server, unchoose_location
from tandem.store.query import visible
from tandem.store.schema.adoption_tables import adoptions as adopted
from tandem.store.schema.adoption_tables import repository_snapshots as found
from tandem.store.schema.hold_tables import job_holds
from tandem.store.schema.login_tables import user_logins
from tandem.store.schema.secret_tables import credentials, encryption_passwords
from tandem.store.schema.tables import (
    activity_log,
    backup_repositories,
    backup_servers,
    companies,
    locations,
    metadata,
    organizations,
    session_logs,
    transfer_parts,
    transfers,
    user_locations,
    users,
)
from tandem.store.schema.tables import file_share_copy_jobs as copy_jobs
from tandem.store.schema.tables import file_share_jobs as share_jobs
from tandem.store.schema.tables import file_shares as shares
from tandem.store.schema.tables import jobs as job_rows
from tandem.store.schema.tables import removed_repositories as removed
from tandem.store.schema.tables import restore_point_copies as copies
from tandem.store.schema.tables import restore_points as points
from tandem.store.schema.tables import sessions as session_rows
from tests.consoles import Console
from tests.people import ACME, ACMES, BETA, BETAS, GAMMA, LARA, NORTH, PROVIDER, PROVIDERS, uid

OWNED = [
    backup_servers,
    backup_repositories,
    credentials,
    encryption_passwords,
    shares,
    job_rows,
    share_jobs,
    copy_jobs,
    users,
    organizations,
    companies,
    locations,
]
THROUGH = [session_rows, points, copies]
# What is found through what somebody sees; the tests of isolation ask for them.
ASKED_BY_OTHERS = [found, adopted, job_holds, session_logs, transfers, transfer_parts]
# Tables without an owner of their own: the console's, or reached only by something that has one.
WITHOUT_OWNER = {
    "agent_commands",
    "agent_news",
    "async_actions",
    "enrolment_tokens",
    "installation",
    "list_blocks",
    "list_changes",
    "list_counts",
    "periodic_work",
    "refresh_tokens",
    "replays",
    "report_keys",
    "sign_in_failures",
    "sign_ins",
    "signing_keys",
    "single_use_codes",
}
# What the database itself keeps by triggers, and only lists of its rows' own table read.
DERIVED = {"file_share_copy_job_documents"}

SEES = {
    Scope(ScopeKind.EVERYTHING, PROVIDER): {PROVIDER, NORTH, ACME, BETA, GAMMA},
    Scope(ScopeKind.COMPANIES, PROVIDER): {ACME, BETA, GAMMA},
    Scope(ScopeKind.RESELLER, NORTH): {NORTH, GAMMA},
    Scope(ScopeKind.COMPANY, ACME): {ACME},
    Scope(ScopeKind.OWN_COMPANY_ONLY, ACME): {ACME},
    Scope(ScopeKind.LOCATIONS, ACME, LARA.uid): {ACME},
    Scope(ScopeKind.NOTHING, ACME): set[str](),
}


def owners_seen(connection: Connection, scope: Scope) -> dict[str, set[str]]:
    """Give whose rows a scope sees, by table."""
    seen: dict[str, set[str]] = {}
    for table in OWNED:
        name = cast("tuple[str, ...]", table.info["owners"])[0]
        seen[table.name] = set(connection.scalars(select(table.c[name]).where(visible(table, scope))))
    for table in THROUGH:
        of_jobs = select(job_rows.c.organization_uid).join(table, table.c.job_unique_uid == job_rows.c.unique_uid)
        seen[table.name] = set(connection.scalars(of_jobs.where(visible(table, scope))))
    of_users = select(users.c.organization_uid).join(user_logins, user_logins.c.user_uid == users.c.instance_uid)
    seen["user_logins"] = set(connection.scalars(of_users.where(visible(user_logins, scope))))
    return seen


def test_every_table_says_whose_a_row_is() -> None:
    owned = {
        table.name for table in [*OWNED, *THROUGH, *ASKED_BY_OTHERS, user_locations, user_logins, activity_log, removed]
    }
    assert {table.name for table in metadata.sorted_tables} == owned | WITHOUT_OWNER | DERIVED
    assert {table.name for table in metadata.sorted_tables if table.info} == owned | DERIVED


def test_every_kind_of_scope_is_tried_here() -> None:
    assert {scope.kind for scope in SEES} == set(ScopeKind)


@pytest.mark.parametrize("scope", SEES, ids=lambda scope: scope.kind)
def test_a_scope_sees_its_own_in_every_table(console: Console, scope: Scope) -> None:
    with console.database.reading() as connection:
        for name, owners in owners_seen(connection, scope).items():
            to_all = {"organizations", "users", "user_logins", "locations"}
            expected = SEES[scope] if name in to_all else SEES[scope] - {NORTH}
            if name == "companies":
                expected = expected - {PROVIDER}
            if name in {"users", "user_logins"}:
                expected = expected - {GAMMA}  # nobody works there
            assert owners == expected, name


@pytest.mark.parametrize(
    ("kind", "sees_assigned"),
    [
        (ScopeKind.COMPANY, True),
        (ScopeKind.OWN_COMPANY_ONLY, False),
        (ScopeKind.LOCATIONS, False),
        (ScopeKind.NOTHING, False),
    ],
)
def test_a_job_that_is_assigned_to_a_company_is_seen_by_those_who_see_assigned_jobs(
    console: Console, *, kind: ScopeKind, sees_assigned: bool
) -> None:
    with console.database.writing() as connection:
        for table in (job_rows, share_jobs):
            assigned = update(table).where(table.c.unique_uid == PROVIDERS.job_unique)
            connection.execute(assigned.values(mapped_organization_uid=ACME))
    with console.database.reading() as connection:
        seen = owners_seen(connection, Scope(kind, ACME, LARA.uid))
    for name in ("jobs", "file_share_jobs", "sessions", "restore_points"):
        assert (PROVIDER in seen[name]) is sees_assigned, name
    # The job alone: not its copy job, not the machine, not the repositories.
    for name in (
        "file_share_copy_jobs",
        "restore_point_copies",
        "backup_servers",
        "backup_repositories",
        "file_shares",
    ):
        assert PROVIDER not in seen[name], name


@pytest.mark.parametrize(
    ("window", "rows", "total"),
    [
        (Window(), 8, 8),
        (Window(limit=3), 3, 8),
        (Window(limit=3, offset=6), 2, 8),
        (Window(limit=8), 8, 8),
        (Window(limit=1, offset=7), 1, 8),
        (Window(limit=1, offset=8), 0, 8),
        (Window(limit=LIMIT_MAX, offset=OFFSET_MAX), 0, 8),
    ],
)
def test_the_total_is_the_whole_wherever_the_page_lies(console: Console, window: Window, rows: int, total: int) -> None:
    everything = Scope(ScopeKind.EVERYTHING, "")
    with console.database.reading() as connection:
        page = jobs.list_jobs(connection, everything, Query(window=window))
        assert (len(page.rows), page.total, page.offset) == (rows, total, window.offset)


@pytest.mark.parametrize("scope", SEES, ids=lambda scope: scope.kind)
def test_the_total_beyond_the_end_counts_what_the_scope_sees(console: Console, scope: Scope) -> None:
    beyond = Query(window=Window(limit=1, offset=50))
    estates = len(SEES[scope] - {NORTH})
    with console.database.reading() as connection:
        assert file_shares.list_file_shares(connection, scope, beyond).total == estates
        assert restore_points.list_restore_points(connection, scope, beyond).total == estates
        assert jobs.list_jobs(connection, scope, beyond).total == 2 * estates


def test_a_share_tells_what_is_held_of_it(console: Console) -> None:
    with console.database.reading() as connection:
        share = file_shares.get_file_share(connection, Scope(ScopeKind.COMPANY, ACME), ACMES.share)
    assert (share.restore_points, share.short_term_backup_size) == (1, 2048)
    assert share.latest_restore_point_date is not None


def test_who_is_bound_to_a_location_loses_what_is_moved_out_of_it(console: Console) -> None:
    lara = Scope(ScopeKind.LOCATIONS, ACME, LARA.uid)
    with console.database.writing() as connection:
        elsewhere = Location(
            instance_uid=uid("elsewhere"), organization_uid=ACME, name="x", type=LocationType.CUSTOM, quota_gb=0
        )
        insert_location(connection, elsewhere)
        assert owners_seen(connection, lara)["restore_point_copies"] == {ACME}
        move_backup_server(connection, ACMES.server, elsewhere.instance_uid)
        seen = owners_seen(connection, lara)
        hers = {"organizations", "companies", "locations", "users", "user_logins"}
        assert {name for name, owners in seen.items() if owners} == hers
        choose_location(connection, LARA.uid, elsewhere.instance_uid)
        assert owners_seen(connection, lara)["restore_point_copies"] == {ACME}
        # A location of another company's, however it came here, opens nothing of that company's.
        unchoose_location(connection, LARA.uid)
        choose_location(connection, LARA.uid, BETAS.location)
        seen = owners_seen(connection, lara)
        assert seen.pop("users") == seen.pop("user_logins") == {ACME}  # she still sees herself
        assert not any(seen.values())
