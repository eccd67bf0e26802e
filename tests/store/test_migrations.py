"""Updating: the migrations make just the tables that the code asks, also when several consoles start at once."""

import subprocess
import sys
from contextlib import ExitStack

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import column, insert, table, text

from tandem.domain.identity import Scope, ScopeKind
from tandem.domain.listing import Query
from tandem.store import jobs
from tandem.store.database import Database, open_database
from tandem.store.logins import get_login
from tandem.store.recounting import recount
from tandem.store.schema.tables import metadata
from tandem.store.sign_ins import find_account
from tandem.store.steps import known_steps, run_steps

CONSOLES = 3
_OLD_JOB = (
    "insert into jobs (unique_uid, instance_uid, name, name_key, description, created_by, creation_time, "
    "backup_server_uid, organization_uid, mapped_organization_uid, location_uid, type, is_enabled, status, schedule, "
    "schedule_type, destination, retention, retention_unit, deleted_at) values "
    "('{0}', '{0}', '{0}', '{0}', '', '', 0, 'server', 'provider', {1}, 'place', 'BackupFile', true, 'None', "
    """'{{}}', 'NotScheduled', '', 7, 'Days', {2})"""
)
# A provider's jobs, one of them assigned to a company, one deleted.
OLD_JOBS = [
    """insert into organizations (instance_uid, type, name, name_key)
    values ('provider', 'Provider', 'P', 'p'), ('acme', 'Company', 'A', 'a')""",
    """insert into backup_servers (instance_uid, organization_uid, location_uid, name, management_agent_uid,
    installation_uid, version, restic_version, host_name, generation, revision, last_report)
    values ('server', 'provider', 'place', 'server', 'agent', '', '', '', '', 0, 0, 0)""",
    _OLD_JOB.format("one", "null", "null"),
    _OLD_JOB.format("two", "'acme'", "null"),
    _OLD_JOB.format("three", "'acme'", "1"),
]
OLD_REPOSITORY = """insert into backup_repositories (instance_uid, name, backup_server_uid, organization_uid, path,
    sealed_password, is_existing, state, created_at) values
    ('found', 'found', 'server', 'provider', '/found', '', true, 'Ready', 0)"""
START = """
import sys
from tandem.store.database import open_database
print("ready", flush=True)
sys.stdin.readline()
database = open_database(sys.argv[1])
database.migrate()
database.close()
"""


def differences(database: Database) -> list[object]:
    """Give how a database's tables differ from those that the code declares."""
    with database.reading() as connection:
        options = {"include_object": is_compared}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


def is_compared(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:  # noqa: FBT001
    """Leave out the indexes that put null first: what tells so in PostgreSQL cannot be declared for SQLite.

    That they are there and used is told by the plans (test_plans.py).
    """
    return kind != "index" or "_last_run" not in (name or "")


def test_the_migrations_make_the_tables_that_the_code_declares(database: Database) -> None:
    assert differences(database) == []


def test_a_comparison_would_show_a_missing_table(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("drop table activity_log")
    assert differences(database)


def test_starting_again_changes_nothing(database: Database) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("insert into installation (instance_uid, created_at) values ('kept', 0)")
    database.migrate()
    with database.reading() as connection:
        assert connection.exec_driver_sql("select instance_uid from installation").scalar_one() == "kept"


def test_everybody_from_before_logins_keeps_his_password_and_gets_its_login(database_url: str) -> None:
    database = open_database(database_url)
    uid, organization_uid = "7e57ab1e-0000-4000-8000-000000000001", "7e57ab1e-0000-4000-8000-000000000002"
    with database.writing() as connection:
        run_steps(connection, known_steps(), ["0002"])
        organization = {"instance_uid": organization_uid, "type": "Provider", "name": "The provider"}
        organization |= {"name_key": "the provider", "location_uid": uid}
        connection.execute(insert(table("organizations", *map(column, organization))).values(organization))
        user: dict[str, object] = {"instance_uid": uid, "organization_uid": organization_uid, "title": "Mr"}
        user |= {"user_name": "Root", "user_name_key": "root", "password_hash": "hashed", "status": "Enabled"}
        user |= {"role": "PortalAdministrator", "created_at": 0}
        connection.execute(insert(table("users", *map(column, user))).values(user))
    database.migrate()
    with database.reading() as connection:
        account = find_account(connection, user_name="root")
        assert account
        assert (account.user_uid, account.password_hash, account.mfa_policy_status) == (uid, "hashed", "Disabled")
        login = get_login(connection, Scope(ScopeKind.EVERYTHING, ""), uid, account.login_id)
    assert (login.identifier_in_provider, login.status, login.scopes) == ("Root", "enabled", ("rest", "ui"))
    database.close()


def test_the_one_location_of_each_organization_becomes_the_first_of_many(database_url: str) -> None:
    database = open_database(database_url)
    with database.writing() as connection:
        run_steps(connection, known_steps(), ["0002"])
        for name in ("one", "two"):
            values = {"name": name, "key": name, "location": f"location of {name}"}
            organization = (
                "insert into organizations (instance_uid, type, name, name_key, location_uid) "
                "values (:name, 'Company', :name, :key, :location)"
            )
            connection.execute(text(organization), values)
        # What refers to an organization must not be in the way.
        connection.exec_driver_sql(
            "insert into companies (instance_uid, name, status, is_rest_access_enabled, is_alarm_detect_enabled, "
            "owner_user_name) values ('one', 'one', 'Active', true, false, 'x')"
        )
    database.migrate()
    with database.reading() as connection:
        found = connection.exec_driver_sql(
            "select organization_uid, instance_uid, name, type, quota_gb from locations order by position"
        )
        assert [tuple(row) for row in found] == [
            (name, f"location of {name}", "Default location", "Default", 0) for name in ("one", "two")
        ]
        assert connection.exec_driver_sql("select instance_uid from companies").scalar_one() == "one"
    assert differences(database) == []
    database.close()


def test_agents_that_told_older_consoles_of_adopted_points_are_asked_again(database_url: str) -> None:
    database = open_database(database_url)
    with database.writing() as connection:
        run_steps(connection, known_steps(), ["0019"])
        for statement in (OLD_JOBS[0], OLD_JOBS[1], OLD_JOBS[1].replace("'server'", "'other'"), OLD_REPOSITORY):
            connection.exec_driver_sql(statement)
    database.migrate()
    with database.reading() as connection:
        found = connection.exec_driver_sql("select instance_uid, revision from backup_servers")
        # A new revision brings them a configuration; where nothing can be adopted there is nothing to ask.
        assert {row[0]: row[1] for row in found} == {"server": 1, "other": 0}
    database.close()


def test_consoles_that_start_at_once_update_the_database_once(database_url: str) -> None:
    with ExitStack() as stack:
        started = [stack.enter_context(_console(database_url)) for _ in range(CONSOLES)]
        for console in started:
            assert console.stdout
            assert console.stdout.readline() == "ready\n"
        for console in started:
            assert console.stdin
            console.stdin.write("go\n")
            console.stdin.flush()
        ended = [(console.communicate()[1], console.returncode) for console in started]
    assert ended == [("", 0)] * CONSOLES
    database = open_database(database_url)
    assert differences(database) == []
    database.close()


def _console(database_url: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", START, database_url]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)


def test_jobs_from_before_the_counts_are_counted(database_url: str) -> None:
    database = open_database(database_url)
    with database.writing() as connection:
        run_steps(connection, known_steps(), ["0014"])
        for text_ in OLD_JOBS:
            connection.exec_driver_sql(text_)
    database.migrate()
    everybody, company = Scope(ScopeKind.EVERYTHING, ""), Scope(ScopeKind.COMPANY, "acme")

    def totals() -> list[int]:
        with database.reading() as connection:
            return [jobs.list_jobs(connection, scope, Query()).total for scope in (everybody, company)]

    assert totals() == [2, 1]
    recount(database)
    assert totals() == [2, 1]
    database.close()
