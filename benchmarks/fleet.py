"""A fleet of any size in a database of its own: companies, their backup servers, shares, jobs and second copies.

    .venv/bin/python benchmarks/fleet.py --jobs 10000 --companies 100 --database sqlite:////tmp/fleet.db

The same seed makes the same fleet, ids included: most jobs run on a company's own backup server, others on servers of
the provider and are mapped to a company, or are the provider's own; the first company has a tenth of all. Jobs were
deleted here and there, so that positions have gaps. A console that is started on the database knows the administrator
that is made here. Only a database that is empty, or that was filled here before, is filled (loading.py).
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import loading
import msgspec
from sqlalchemy import insert

from tandem.actions.first_start import PROVIDER_NAME
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
from tandem.domain.sessions import Session, SessionState, SessionType, Statistics
from tandem.store import (
    backup_servers,
    file_share_copy_jobs,
    file_share_jobs,
    file_shares,
    jobs,
    organizations,
    repositories,
    tokens,
    users,
)
from tandem.store.schema import tables
from tandem.store.schema.login_tables import user_logins
from tandem.store.steps import MIGRATIONS

SEED = 20_260_101
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
ADMIN, ADMIN_PASSWORD = "admin", "administrator-of-the-benchmark"
OWNER_PASSWORD = "a-password-of-the-benchmark"
# One large customer: of ten copy jobs, its owner sees the first.
FIRST_COMPANY_EVERY = 10
# Jobs that run on the provider's servers: of all jobs of companies these are mapped to them; and the provider's own.
MAPPED, OWN = 0.25, 0.02
COMPANIES_PER_PROVIDER_SERVER = 200
DELETED = 0.02
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
SUBJECTS_IN_ORDER, SUBJECT_WEIGHTS = list(SUBJECTS), list(itertools.accumulate(SUBJECTS.values()))
DAILY, CHAINED = Schedule(type=ScheduleType.DAILY), Schedule(type=ScheduleType.CHAINED)
FULL = "The target repository is full."


class Site(msgspec.Struct):
    """A backup server with its two repositories."""

    server: BackupServer
    repository_uids: tuple[str, str]


class Tenant(msgspec.Struct):
    """A company, its backup server, and how many copy jobs its owner sees."""

    organization_uid: str
    owner_user_name: str
    site: Site
    copy_jobs: int = 0


def make_fleet(url: str, *, copy_jobs: int, companies: int, seed: int = SEED) -> list[Tenant]:
    """Fill a database with so many file share copy jobs; gives the companies, the large one first.

    A database that holds this very fleet already is left as it is.
    """
    tables_of = max(file.stem for file in MIGRATIONS.glob("versions/*.py"))
    made_with = f"{copy_jobs} copy jobs, {companies} companies, seed {seed}, tables {tables_of}"
    if summary := loading.summary_of(url, made_with):
        return msgspec.json.decode(summary, type=list[Tenant])
    with loading.filling(url, made_with) as rows:
        tenants = _Maker(rows, random.Random(seed)).fleet(copy_jobs, companies)
        rows.summary = msgspec.json.encode(tenants).decode()
    return tenants


class _Maker:
    def __init__(self, rows: loading.Rows, chance: random.Random) -> None:
        self._chance = chance
        self._gathered = rows
        self._rows: Any = rows
        self._deleted: list[tuple[str, str]] = []

    def fleet(self, copy_jobs: int, companies: int) -> list[Tenant]:
        provider = self._provider()
        servers = range(1, 1 + max(1, companies // COMPANIES_PER_PROVIDER_SERVER))
        provided = [self._site(*provider, f"Provider {number:02}") for number in servers]
        password_hash = hash_password(OWNER_PASSWORD, "password")
        tenants = [self._tenant(number, password_hash) for number in range(1, companies + 1)]
        others = tenants[1:]
        # Few companies are large, most are small.
        weights = list(itertools.accumulate(0.05 + self._chance.expovariate(1) for _ in others))
        made = 0
        for number in itertools.count(1):
            if made == copy_jobs:
                break
            # Jobs of all companies in one order, as they are created over the years.
            is_first = made % FIRST_COMPANY_EVERY == 0 or not others
            tenant = tenants[0] if is_first else self._chance.choices(others, cum_weights=weights)[0]
            is_provided = self._chance.random()
            site, mapped_uid = tenant.site, None
            if is_provided < MAPPED:
                site, mapped_uid = self._chance.choice(provided), tenant.organization_uid
            if is_provided < OWN and not is_first:
                tenant, mapped_uid = None, None
            is_deleted = self._chance.random() < DELETED
            self._copied_job(site, mapped_uid, number, is_deleted=is_deleted)
            made += not is_deleted
            if tenant is not None and not is_deleted:
                tenant.copy_jobs += 1
            self._gathered.store_many()
        self._gathered.store()
        for family, place in ((tables.file_share_copy_jobs, 1), (tables.file_share_jobs, 0)):
            self._gathered.delete(family, "unique_uid", [pair[place] for pair in self._deleted])
        return tenants

    def _provider(self) -> tuple[str, str]:
        """Make what a console makes at its first start, but for its signing key; gives the provider's ids."""
        uid = self._uid()
        tokens.insert_installation(self._rows, self._uid(), BEGIN)
        location_uid = self._organization(uid, OrganizationType.PROVIDER, PROVIDER_NAME)
        self._user(uid, Role.PORTAL_ADMINISTRATOR, ADMIN, hash_password(ADMIN_PASSWORD, "password"))
        return uid, location_uid

    def _tenant(self, number: int, password_hash: str) -> Tenant:
        uid, name, owner = self._uid(), f"Company {number:05}", f"owner-{number:05}"
        location_uid = self._organization(uid, OrganizationType.COMPANY, name)
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
        organizations.insert_company(self._rows, company)
        self._user(uid, Role.COMPANY_OWNER, owner, password_hash)
        return Tenant(uid, owner, self._site(uid, location_uid, name))

    def _organization(self, uid: str, kind: OrganizationType, name: str) -> str:
        """Make an organization; gives its location."""
        location_uid = self._uid()
        organization = Organization(instance_uid=uid, type=kind, name=name)
        organizations.insert_organization(self._rows, organization, location_uid)
        return location_uid

    def _user(self, organization_uid: str, role: Role, name: str, password_hash: str) -> None:
        user = User(
            instance_uid=self._uid(),
            organization_uid=organization_uid,
            role=role,
            user_name=name,
            status=users.ENABLED,
        )
        users.insert_user(self._rows, user, password_hash=password_hash, created_at=BEGIN)
        self._gathered.amend(user_logins, instance_uid=self._uid())

    def _site(self, organization_uid: str, location_uid: str, name: str) -> Site:
        server = BackupServer(
            instance_uid=self._uid(),
            name=f"Server of {name}",
            organization_uid=organization_uid,
            location_uid=location_uid,
            management_agent_uid=self._uid(),
            installation_uid=self._uid(),
            version="1",
            restic_version="0.18.0",
            host_name=f"host-{name[-5:].strip().lower()}",
            last_seen_at=BEGIN,
        )
        backup_servers.insert_backup_server(self._rows, server, public_key="")
        first, second = (self._repository(server, rank) for rank in ("first", "second"))
        return Site(server, (first, second))

    def _repository(self, server: BackupServer, rank: str) -> str:
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
            restic_id=f"{self._chance.getrandbits(256):064x}",
            capacity=1 << 44,
            free_space=1 << 43,
            used_space=1 << 43,
        )
        repositories.insert_repository(
            self._rows, repository, sealed_password="", is_existing=False, family_uid=None, created_at=BEGIN
        )
        return uid

    def _copied_job(self, site: Site, mapped_uid: str | None, number: int, *, is_deleted: bool) -> None:
        """Make a share, the job that backs it up, and the job that copies its backups."""
        share = FileShare(
            instance_uid=self._uid(),
            backup_server_uid=site.server.instance_uid,
            organization_uid=site.server.organization_uid,
            name=self._share_name(number),
            path=f"/srv/shares/{number:07}",
            latest_restore_point_date=None,
            restore_points=0,
            short_term_backup_size=0,
        )
        created_at = BEGIN + timedelta(minutes=number)
        file_shares.insert_file_share(self._rows, share, created_at=created_at)
        source_size = self._chance.randrange(1 << 30, 1 << 42)
        deleted_at = created_at + timedelta(days=90) if is_deleted else None

        backup = self._job(site, mapped_uid, JobType.BACKUP_FILE, f"Backup of {share.name}", created_at)
        self._store_job(backup, share, deleted_at)
        family = FileShareJob(
            instance_uid=backup.instance_uid,
            unique_uid=backup.unique_uid,
            target_repository_uid=site.repository_uids[0],
            retention=backup.retention,
            retention_unit=RetentionUnit(backup.retention_unit),
        )
        file_share_jobs.insert_file_share_job(self._rows, backup, family, share.instance_uid)

        kind = "Backup" if self._chance.random() < BACKUP_COPIES else "Second"
        copy = self._job(site, mapped_uid, JobType.BACKUP_FILE_COPY, f"{kind} copy of {share.name}", created_at)
        copy = msgspec.structs.replace(copy, previous_job_unique_uid=backup.unique_uid)
        self._store_job(copy, share, deleted_at)
        copy_family = FileShareCopyJob(
            instance_uid=copy.instance_uid,
            unique_uid=copy.unique_uid,
            source_job_instance_uid=backup.instance_uid,
            source_job_unique_uid=backup.unique_uid,
            target_repository_uid=site.repository_uids[1],
            retention=copy.retention,
            retention_unit=RetentionUnit(copy.retention_unit),
            source_size=source_size if copy.status is not JobStatus.NONE else None,
        )
        file_share_copy_jobs.insert_file_share_copy_job(self._rows, copy, copy_family)
        if is_deleted:
            self._deleted.append((backup.unique_uid, copy.unique_uid))

    def _store_job(self, job: Job, share: FileShare, deleted_at: datetime | None) -> None:
        jobs.insert_job(self._rows, job)
        session_uid = self._uid() if job.last_run is not None else None
        self._gathered.amend(tables.jobs, deleted_at=deleted_at, last_session_uid=session_uid)
        if session_uid is None or job.last_run is None:
            return
        session = Session(
            instance_uid=session_uid,
            job_uid=job.instance_uid,
            job_unique_uid=job.unique_uid,
            file_share_uid=share.instance_uid,
            type=SessionType(str(job.type)),
            state=SessionState(str(job.status)),
            started_at=job.last_run,
            ended_at=job.last_end_time,
            statistics=Statistics(files_total=1_000, transferred=job.transferred_data or 0, restic_processes=2),
            messages=[job.failure_message] if job.failure_message else [],
        )
        values = {name: getattr(session, name) for name in Session.__struct_fields__}
        self._rows.execute(insert(tables.sessions), {**values, "backup_server_uid": job.backup_server_uid})

    def _share_name(self, number: int) -> str:
        (subject,) = self._chance.choices(SUBJECTS_IN_ORDER, cum_weights=SUBJECT_WEIGHTS)
        subject = RARE_WORD.title() if number == 1 else subject  # so that even a small fleet has one
        return f"{subject} {self._chance.choice(PLACES)} {number:07}"

    def _uid(self) -> str:
        digits = self._chance.randbytes(16).hex()
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"

    def _job(self, site: Site, mapped_uid: str | None, kind: JobType, name: str, created_at: datetime) -> Job:
        chance = self._chance
        retention, unit = chance.choice(RETENTIONS)
        status = chance.choice(STATUSES)
        has_run = status is not JobStatus.NONE
        is_copy = kind is JobType.BACKUP_FILE_COPY
        duration = chance.randrange(5, 7200)
        last_run = BEGIN + timedelta(days=1) + chance.random() * RUN_WITHIN
        has_ended = has_run and status is not JobStatus.RUNNING
        return Job(
            unique_uid=self._uid(),
            instance_uid=self._uid(),
            name=name,
            description="",
            created_by=ADMIN,
            creation_time=created_at,
            backup_server_uid=site.server.instance_uid,
            organization_uid=site.server.organization_uid,
            mapped_organization_uid=mapped_uid,
            location_uid=site.server.location_uid,
            type=kind,
            is_enabled=chance.random() < 0.95,
            status=status,
            schedule=CHAINED if is_copy else DAILY,
            previous_job_unique_uid=None,
            destination="The second repository" if is_copy else "The first repository",
            retention=retention,
            retention_unit=unit,
            last_run=last_run if has_run else None,
            last_end_time=last_run + timedelta(seconds=duration) if has_ended else None,
            last_duration=duration if has_ended else None,
            average_duration=duration if has_run else None,
            transferred_data=chance.randrange(1 << 40) if has_run else None,
            backup_chain_size=chance.randrange(1 << 42) if has_run else None,
            failure_message=FULL if status is JobStatus.FAILED else None,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill a database of its own with a fleet.")
    parser.add_argument("--jobs", type=int, default=10_000, help="file share copy jobs, each with its file share job")
    parser.add_argument("--companies", type=int, default=100)
    parser.add_argument("--database", required=True, help="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME")
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    if given.jobs < 0 or given.companies < 1:
        parser.error("a fleet has at least one company, and no fewer than 0 jobs")
    started = time.monotonic()
    try:
        tenants = make_fleet(given.database, copy_jobs=given.jobs, companies=given.companies, seed=given.seed)
    except loading.NotOurs as error:
        parser.exit(1, f"{error}\n")
    seconds = time.monotonic() - started
    print(f"{given.jobs:,} file share copy jobs of {given.companies:,} companies in {seconds:.1f} s")
    print(f"{tenants[0].owner_user_name} sees {tenants[0].copy_jobs:,} of them; password: {OWNER_PASSWORD}")
    print(f"{ADMIN} sees all; password: {ADMIN_PASSWORD}")


if __name__ == "__main__":
    main()
