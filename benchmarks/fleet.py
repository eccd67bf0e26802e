"""A fleet of any size in a database: companies, each with a backup server, shares, jobs and their second copies.

    .venv/bin/python benchmarks/fleet.py --jobs 10000 --companies 100 --database sqlite:////tmp/fleet.db

The same seed makes the same fleet, ids included. A console that is started on the database completes it: its provider
and first administrator are not made here.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import time
from collections import defaultdict
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import msgspec
import psycopg
from psycopg import sql
from sqlalchemy import Insert, Table, insert, make_url

from tandem.actions.passwords import hash_password
from tandem.domain.backup_servers import BackupServer
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.file_share_jobs import FileShareJob
from tandem.domain.file_shares import FileShare
from tandem.domain.identity import Company, Organization, OrganizationType, Role, User
from tandem.domain.jobs import Job, JobStatus, JobType
from tandem.domain.repositories import BackupRepository, RepositoryState
from tandem.domain.retention import RetentionUnit
from tandem.domain.schedule import Schedule, ScheduleType
from tandem.store import (
    backup_servers,
    file_share_copy_jobs,
    file_share_jobs,
    file_shares,
    jobs,
    organizations,
    repositories,
    users,
)
from tandem.store.database import Connection, open_database
from tandem.store.metadata import metadata

SEED = 20_260_101
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
OWNER_PASSWORD = "a-password-of-the-benchmark"
# One large customer: the share of all copy jobs that its owner sees.
FIRST_COMPANY_SHARE = 0.1
RETENTIONS = [
    (7, RetentionUnit.DAYS),
    (28, RetentionUnit.DAYS),
    (6, RetentionUnit.MONTHS),
    (12, RetentionUnit.MONTHS),
    (48, RetentionUnit.HOURS),
    (7, RetentionUnit.YEARS),
]
# Whose share it is, from the word that most shares have to the word that few have.
SUBJECTS = {
    "Finance": 300,
    "Projects": 250,
    "Personnel": 150,
    "Sales": 120,
    "Drawings": 80,
    "Photographs": 60,
    "Legal": 30,
    "Laboratory": 8,
    "Observatory": 2,
}
PLACES = ["Berlin", "Kraków", "Lyon", "Malmö", "Porto", "São Paulo", "Tartu", "Utrecht", "Zürich"]
BACKUP_COPIES = 0.9
# Of all jobs, 95 in 100 have the one word in their names, and 2 in 1,000 the other.
COMMON_WORD, RARE_WORD = "backup", "observatory"
RUN_WITHIN = timedelta(days=30)
STATUSES = [JobStatus.SUCCESS] * 16 + [JobStatus.WARNING, JobStatus.FAILED, JobStatus.RUNNING, JobStatus.NONE]


class Tenant(msgspec.Struct):
    """A company with all that its jobs refer to."""

    organization_uid: str
    owner_user_name: str
    server: BackupServer
    repository_uids: tuple[str, str]
    copy_jobs: int = 0


def make_fleet(url: str, *, copy_jobs: int, companies: int, seed: int = SEED) -> list[Tenant]:
    """Fill a database with so many file share copy jobs; gives the companies, the large one first."""
    database = open_database(url)
    database.migrate()
    maker = _Maker(random.Random(seed), hash_password(OWNER_PASSWORD, "password"))
    with database.writing() as connection:
        tenants = [maker.tenant(connection, number) for number in range(1, companies + 1)]
        for number in range(1, copy_jobs + 1):
            # Jobs of all companies in one order, as they are created over the years.
            is_first = len(tenants) == 1 or number % round(1 / FIRST_COMPANY_SHARE) == 1
            tenant = tenants[0] if is_first else maker.chance.choice(tenants[1:])
            maker.copied_job(tenant, number)
        maker.gathered.store(connection)
    database.close()
    return tenants


def copy_fleet(source: str, target: str) -> None:
    """Fill an empty PostgreSQL database with what an SQLite database holds.

    Its statistics are then brought up to date, as the server would do by itself within a minute.
    """
    database = open_database(target)
    database.migrate()
    database.close()
    plain_target = make_url(target).set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        closing(sqlite3.connect(str(make_url(source).database))) as reader,
        psycopg.connect(plain_target, autocommit=True) as writer,
    ):
        for table in (table for table in metadata.sorted_tables if not table.info.get("is_derived")):
            _copy_table(reader, writer, table)
        writer.execute("vacuum analyze")


def _copy_table(reader: sqlite3.Connection, writer: psycopg.Connection[Any], table: Table) -> None:
    names = [column.name for column in table.c]
    listed = sql.SQL(", ").join(map(sql.Identifier, names))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table.name), listed)
    with writer.cursor().copy(statement) as rows:
        for row in reader.execute(f"select {', '.join(names)} from {table.name}"):
            rows.write_row(row)
    if "position" in names:
        number = sql.SQL("select setval(pg_get_serial_sequence({}, 'position'), max(position) + 1) from {}")
        writer.execute(number.format(table.name, sql.Identifier(table.name)))


class _Gathered:
    """Stands in for a connection where rows are inserted: stores them by the table, all at once."""

    def __init__(self) -> None:
        self._rows: dict[Table, list[dict[str, Any]]] = defaultdict(list)

    def execute(self, statement: Insert, values: dict[str, Any]) -> None:
        self._rows[cast("Table", statement.table)].append(values)

    def store(self, connection: Connection) -> None:
        for table, rows in self._rows.items():
            connection.execute(insert(table), rows)


class _Maker:
    def __init__(self, chance: random.Random, password_hash: str) -> None:
        self.chance = chance
        self._password_hash = password_hash
        self.gathered = cast("Any", _Gathered())

    def tenant(self, connection: Connection, number: int) -> Tenant:
        uid, name, owner = self._uid(), f"Company {number:04}", f"owner-{number:04}"
        organizations.insert_organization(
            connection, Organization(instance_uid=uid, type=OrganizationType.COMPANY, name=name), self._uid()
        )
        company = Company(
            instance_uid=uid,
            name=name,
            status="Active",
            reseller_uid=None,
            subscription_plan_uid=None,
            is_rest_access_enabled=True,
            is_alarm_detect_enabled=True,
            owner_user_name=owner,
        )
        organizations.insert_company(connection, company)
        user = User(
            instance_uid=self._uid(),
            organization_uid=uid,
            role=Role.COMPANY_OWNER,
            user_name=owner,
            status=users.ENABLED,
        )
        users.insert_user(connection, user, password_hash=self._password_hash, created_at=BEGIN)
        server = self._server(connection, uid, name)
        first, second = (self._repository(connection, server, rank) for rank in ("first", "second"))
        return Tenant(uid, owner, server, (first, second))

    def copied_job(self, tenant: Tenant, number: int) -> None:
        """Make a share, the job that backs it up, and the job that copies its backups."""
        tenant.copy_jobs += 1
        share = FileShare(
            instance_uid=self._uid(),
            backup_server_uid=tenant.server.instance_uid,
            organization_uid=tenant.organization_uid,
            name=self._share_name(number),
            path=f"/srv/shares/{number:07}",
            latest_restore_point_date=None,
            restore_points=0,
            short_term_backup_size=0,
        )
        created_at = BEGIN + timedelta(minutes=number)
        file_shares.insert_file_share(self.gathered, share, created_at=created_at)
        source_size = self.chance.randrange(1 << 30, 1 << 42)

        backup = self._job(tenant, JobType.BACKUP_FILE, f"Backup of {share.name}", created_at)
        jobs.insert_job(self.gathered, backup)
        family = FileShareJob(
            instance_uid=backup.instance_uid,
            unique_uid=backup.unique_uid,
            target_repository_uid=tenant.repository_uids[0],
            retention=backup.retention,
            retention_unit=RetentionUnit(backup.retention_unit),
        )
        file_share_jobs.insert_file_share_job(self.gathered, backup, family, share.instance_uid)

        kind = "Backup" if self.chance.random() < BACKUP_COPIES else "Second"
        copy = self._job(tenant, JobType.BACKUP_FILE_COPY, f"{kind} copy of {share.name}", created_at)
        copy = msgspec.structs.replace(copy, previous_job_unique_uid=backup.unique_uid)
        jobs.insert_job(self.gathered, copy)
        copy_family = FileShareCopyJob(
            instance_uid=copy.instance_uid,
            unique_uid=copy.unique_uid,
            source_job_instance_uid=backup.instance_uid,
            source_job_unique_uid=backup.unique_uid,
            target_repository_uid=tenant.repository_uids[1],
            retention=copy.retention,
            retention_unit=RetentionUnit(copy.retention_unit),
            source_size=source_size if copy.status is not JobStatus.NONE else None,
        )
        file_share_copy_jobs.insert_file_share_copy_job(self.gathered, copy, copy_family)

    def _share_name(self, number: int) -> str:
        (subject,) = self.chance.choices(list(SUBJECTS), list(SUBJECTS.values()))
        subject = RARE_WORD.title() if number == 1 else subject  # so that even a small fleet has one
        return f"{subject} {self.chance.choice(PLACES)} {number:07}"

    def _uid(self) -> str:
        return str(UUID(int=self.chance.getrandbits(128), version=4))

    def _server(self, connection: Connection, organization_uid: str, company: str) -> BackupServer:
        server = BackupServer(
            instance_uid=self._uid(),
            name=f"Server of {company}",
            organization_uid=organization_uid,
            location_uid=self._uid(),
            management_agent_uid=self._uid(),
            installation_uid=self._uid(),
            version="1",
            restic_version="0.18.0",
            host_name=f"host-{company[-4:]}",
            last_seen_at=BEGIN,
        )
        backup_servers.insert_backup_server(connection, server, public_key="")
        return server

    def _repository(self, connection: Connection, server: BackupServer, rank: str) -> str:
        uid = self._uid()
        repository = BackupRepository(
            instance_uid=uid,
            name=f"The {rank} repository",
            backup_server_uid=server.instance_uid,
            organization_uid=server.organization_uid,
            path=f"/srv/{rank}",
            host_name=server.host_name,
            state=RepositoryState.READY,
            failure=None,
            restic_id=f"{self.chance.getrandbits(256):064x}",
            capacity=1 << 44,
            free_space=1 << 43,
            used_space=1 << 43,
        )
        repositories.insert_repository(
            connection, repository, sealed_password="", is_existing=False, family_uid=None, created_at=BEGIN
        )
        return uid

    def _job(self, tenant: Tenant, kind: JobType, name: str, created_at: datetime) -> Job:
        retention, unit = self.chance.choice(RETENTIONS)
        status = self.chance.choice(STATUSES)
        has_run = status is not JobStatus.NONE
        is_copy = kind is JobType.BACKUP_FILE_COPY
        duration = self.chance.randrange(5, 7200)
        last_run = BEGIN + timedelta(days=1) + self.chance.random() * RUN_WITHIN
        return Job(
            unique_uid=self._uid(),
            instance_uid=self._uid(),
            name=name,
            description="",
            created_by="admin",
            creation_time=created_at,
            backup_server_uid=tenant.server.instance_uid,
            organization_uid=tenant.organization_uid,
            mapped_organization_uid=None,
            location_uid=tenant.server.location_uid,
            type=kind,
            is_enabled=self.chance.random() < 0.95,
            status=status,
            schedule=Schedule(type=ScheduleType.CHAINED if is_copy else ScheduleType.DAILY),
            previous_job_unique_uid=None,
            destination="The second repository" if is_copy else "The first repository",
            retention=retention,
            retention_unit=unit,
            last_run=last_run if has_run else None,
            last_end_time=last_run + timedelta(seconds=duration) if has_run else None,
            last_duration=duration if has_run else None,
            average_duration=duration if has_run else None,
            transferred_data=self.chance.randrange(1 << 40) if has_run else None,
            backup_chain_size=self.chance.randrange(1 << 42) if has_run else None,
            failure_message="The target repository is full." if status is JobStatus.FAILED else None,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a database with a fleet.")
    parser.add_argument("--jobs", type=int, default=10_000, help="file share copy jobs, each with its file share job")
    parser.add_argument("--companies", type=int, default=100)
    parser.add_argument("--database", required=True, help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    started = time.monotonic()
    tenants = make_fleet(given.database, copy_jobs=given.jobs, companies=given.companies, seed=given.seed)
    seconds = time.monotonic() - started
    print(f"{given.jobs} file share copy jobs of {given.companies} companies in {seconds:.1f} s")
    print(f"{tenants[0].owner_user_name} sees {tenants[0].copy_jobs} of them; password: {OWNER_PASSWORD}")


if __name__ == "__main__":
    main()
