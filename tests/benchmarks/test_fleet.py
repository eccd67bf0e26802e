"""The fleets that benchmarks measure: made in databases of their own only, and the same ones each time."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, inspect, text

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.listing import Query
from tandem.store.database import open_database
from tandem.store.file_share_copy_jobs import FILE_SHARE_COPY_JOBS
from tandem.store.schema.metadata import metadata
from tests import postgres
from tests.consoles import Console
from tests.people import PROVIDER

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
JOBS, COMPANIES = 400, 4
FAMILIES = ["file_share_jobs", "file_share_copy_jobs"]


@pytest.fixture
def fleet(monkeypatch: pytest.MonkeyPatch) -> Any:
    # They are programs, which find each other in their own folder.
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return importlib.import_module("fleet")


def rows_in(url: str) -> dict[str, list[tuple[Any, ...]]]:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = {
            table.name: [tuple(row) for row in connection.execute(table.select().order_by(*table.primary_key))]
            for table in metadata.sorted_tables
        }
    engine.dispose()
    # A hash is salted, and counts have numbers of their own.
    found["users"] = [row[:6] + row[7:] for row in found["users"]]
    found["list_counts"] = [row[:2] for row in found["list_counts"]]
    found["list_blocks"] = sorted(row[1:] for row in found["list_blocks"])
    return {name: rows for name, rows in found.items() if rows}


def structure_of(url: str) -> dict[str, Any]:
    engine = create_engine(url)
    seen = inspect(engine)
    structure: dict[str, Any] = {
        table: [
            sorted(map(repr, seen.get_unique_constraints(table))),
            sorted(map(repr, seen.get_foreign_keys(table))),
        ]
        for table in metadata.tables
    }
    structure["indexes and triggers"] = indexes_of(engine)
    engine.dispose()
    return structure


def indexes_of(engine: Engine) -> list[str]:
    asked = "select sql from sqlite_master where type in ('index', 'trigger') and sql is not null order by sql"
    if engine.dialect.name == "postgresql":
        asked = (
            "select indexdef from pg_indexes where schemaname = current_schema() union all"
            " select pg_get_triggerdef(oid) || tgenabled::text from pg_trigger where not tgisinternal order by 1"
        )
    with engine.connect() as connection:
        return [statement for (statement,) in connection.execute(text(asked))]


def test_a_fleet_is_never_made_where_somebody_has_a_console(console: Console) -> None:
    url = console.database._engine.url.render_as_string(hide_password=False)  # pyright: ignore[reportPrivateUsage]
    before = rows_in(url)

    command = [sys.executable, BENCHMARKS / "fleet.py", "--jobs", "10", "--companies", "2", "--database", url]
    said = subprocess.run(command, capture_output=True, text=True, check=False)

    assert said.returncode == 1
    assert "holds what was not made here, so nothing was changed. Name an empty database" in said.stderr
    assert rows_in(url) == before


def test_a_fleet_is_never_made_in_a_file_that_is_no_database(fleet: Any, tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear reader, this is no database, but somebody needs it. " * 20)
    before = file.read_bytes()

    with pytest.raises(fleet.loading.NotOurs, match="nothing was changed"):
        fleet.make_fleet(f"sqlite:///{file}", copy_jobs=1, companies=1)

    assert file.read_bytes() == before


@pytest.fixture
def fresh_url(database_url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Another database of the same kind, migrated."""
    with ExitStack() as stack:
        if database_url.startswith("sqlite"):
            url = f"sqlite:///{tmp_path}/fresh.db"
        else:
            url = stack.enter_context(postgres.empty_database(request.getfixturevalue("postgres_url")))
        database = open_database(url)
        database.migrate()
        database.close()
        yield url


def test_a_fleet_has_what_is_asked_for(fleet: Any, database_url: str) -> None:
    tenants = fleet.make_fleet(database_url, copy_jobs=JOBS, companies=COMPANIES)

    database = open_database(database_url)
    with database.reading() as connection:
        scopes = [Scope(ScopeKind.EVERYTHING, PROVIDER)]
        scopes += [Scope(ScopeKind.COMPANY, tenant.organization_uid) for tenant in tenants]
        total, *owned = [FILE_SHARE_COPY_JOBS.page(connection, scope, Query()).total for scope in scopes]
    database.close()
    rows = rows_in(database_url)
    assert total == JOBS
    assert owned == [tenant.copy_jobs for tenant in tenants]
    assert owned[0] == JOBS // 10
    assert JOBS > sum(owned) > JOBS * 0.9, "some jobs are the provider's own"
    assert [len(rows[family]) for family in FAMILIES] == [JOBS, JOBS]
    assert max(row[0] for row in rows["file_share_copy_jobs"]) > JOBS, "positions have gaps where jobs were deleted"
    mapped = [row for row in _jobs_in(rows, "file_share_copy_jobs") if row.mapped_organization_uid]
    assert len(mapped) > JOBS / 10
    assert {row.job_unique_uid for row in _jobs_in(rows, "sessions")} <= {row[1] for row in rows["jobs"]}


def test_a_database_of_a_fleet_has_every_index_and_key_that_a_console_makes(
    fleet: Any, database_url: str, fresh_url: str
) -> None:
    fleet.make_fleet(database_url, copy_jobs=20, companies=2)

    assert structure_of(database_url) == structure_of(fresh_url)


def _jobs_in(rows: dict[str, list[tuple[Any, ...]]], family: str) -> list[Any]:
    names = [column.name for column in metadata.tables[family].c]
    return [type("Row", (), dict(zip(names, row, strict=True))) for row in rows[family]]


def test_the_same_seed_makes_the_same_fleet_in_both_databases(fleet: Any, database_url: str, tmp_path: Path) -> None:
    other_url = f"sqlite:///{tmp_path}/other.db"

    tenants = fleet.make_fleet(database_url, copy_jobs=JOBS, companies=COMPANIES)
    others = fleet.make_fleet(other_url, copy_jobs=JOBS, companies=COMPANIES)

    assert tenants == others
    assert rows_in(database_url) == rows_in(other_url)


def test_a_fleet_that_is_copied_to_postgresql_is_the_same_and_can_grow(
    fleet: Any, postgres_url: str, tmp_path: Path
) -> None:
    source = f"sqlite:///{tmp_path}/source.db"
    tenants = fleet.make_fleet(source, copy_jobs=JOBS, companies=COMPANIES)
    with postgres.empty_database(postgres_url) as target:
        fleet.loading.copy_fleet(source, target)

        assert rows_in(target) == rows_in(source)
        assert fleet.make_fleet(target, copy_jobs=JOBS, companies=COMPANIES) == tenants
        engine = create_engine(target)
        added = (
            "insert into locations (instance_uid, organization_uid, name, type, quota_gb)"
            " select 'new', organization_uid, 'b', type, 0 from locations limit 1"
        )
        with engine.begin() as connection:
            before = connection.execute(text("select max(position) from locations")).scalar_one()
            connection.execute(text(added))
            assert connection.execute(text("select max(position) from locations")).scalar_one() == before + 1
        engine.dispose()


def test_a_fleet_that_is_there_already_is_not_made_again_but_another_is(fleet: Any, database_url: str) -> None:
    tenants = fleet.make_fleet(database_url, copy_jobs=20, companies=2)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("update companies set name = 'as it was left'"))

    assert fleet.make_fleet(database_url, copy_jobs=20, companies=2) == tenants
    with engine.connect() as connection:
        assert connection.execute(text("select count(*) from companies where name = 'as it was left'")).scalar() == 2
    engine.dispose()

    fleet.make_fleet(database_url, copy_jobs=20, companies=2, seed=7)
    assert "as it was left" not in {row[2] for row in rows_in(database_url)["companies"]}


def test_a_fleet_that_was_broken_off_is_begun_again(
    fleet: Any, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fleet.loading.Rows, "delete", break_off)
        with pytest.raises(KeyboardInterrupt):
            fleet.make_fleet(database_url, copy_jobs=20, companies=2)

    fleet.make_fleet(database_url, copy_jobs=20, companies=2)
    assert len(rows_in(database_url)["file_share_copy_jobs"]) == 20
