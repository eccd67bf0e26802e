"""Backup servers with agents' keys, each with a share, its job and the copy of it, put straight into a database."""

from __future__ import annotations

import random
from contextlib import closing
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import psycopg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from psycopg import sql

from tandem.sealing import Seal
from tandem.store.database import open_database
from tandem.store.recounting import recount

SEED = 20_260_102
BEGIN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
LAST_RUNS_WITHIN = int(timedelta(days=30).total_seconds()) * 1_000_000
DAILY, CHAINED = '{"type":"Daily"}', '{"type":"Chained"}'


class SimulatedJob(msgspec.Struct, frozen=True):
    """A job as its agent knows it."""

    uid: str
    unique_uid: str
    file_share_uid: str


class SimulatedServer(msgspec.Struct, frozen=True):
    """A backup server as its agent knows it."""

    uid: str
    private_key: str
    repository_uid: str
    backups: list[SimulatedJob]
    copies: list[SimulatedJob]


class _Rows:
    def __init__(self, seal: Seal) -> None:
        self.seal = seal
        self.by_table: dict[str, list[dict[str, object]]] = {}

    def add(self, table: str, **values: object) -> None:
        self.by_table.setdefault(table, []).append(values)

    def store(self, connection: psycopg.Connection) -> None:
        for table, rows in self.by_table.items():
            names = list(rows[0])
            listed = sql.SQL(", ").join(map(sql.Identifier, names))
            statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(table), listed)
            with connection.cursor().copy(statement) as copied:
                for row in rows:
                    copied.write_row([row[name] for name in names])
        self.by_table.clear()


def make_servers(url: str, seal: Seal, *, servers: int, shares_each: int) -> list[SimulatedServer]:
    """Fill a database, whose tables are there, with backup servers, each of a company of its own.

    Args:
        url: of the PostgreSQL database.
        seal: of the console that will use it.
        servers: how many.
        shares_each: shares of each, every one with a file share job and a file share copy job.
    """
    chance, rows = random.Random(SEED), _Rows(seal)
    made = [_server(chance, rows, number, shares_each) for number in range(1, servers + 1)]
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        rows.store(connection)
        connection.execute("vacuum analyze")
    # A console would do that in its first minutes, and nothing else is to be measured then.
    with closing(open_database(url)) as database:
        recount(database)
    return made


def _uid(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))


def _server(chance: random.Random, rows: _Rows, number: int, shares: int) -> SimulatedServer:
    company, uid, location = _uid(chance), _uid(chance), _uid(chance)
    name = f"Company {number:06}"
    key = Ed25519PrivateKey.from_private_bytes(chance.randbytes(32))
    public_key = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    rows.add("organizations", instance_uid=company, type="Company", name=name, name_key=name.lower())
    rows.add("locations", instance_uid=location, organization_uid=company, name="Default", type="Default", quota_gb=0)
    rows.add(
        "companies",
        instance_uid=company,
        name=name,
        status="Active",
        is_rest_access_enabled=True,
        is_alarm_detect_enabled=True,
        owner_user_name=f"owner-{number:06}",
    )
    rows.add(
        "backup_servers",
        instance_uid=uid,
        name=f"Server of {name}",
        organization_uid=company,
        location_uid=location,
        management_agent_uid=_uid(chance),
        installation_uid=_uid(chance),
        version="1",
        restic_version="0.18.0",
        host_name=f"host-{number:06}",
        public_key=public_key,
        generation=0,
        revision=1,
        last_report=0,
    )
    repositories = [_repository(chance, rows, uid, company, rank) for rank in ("first", "second")]
    backups: list[SimulatedJob] = []
    copies: list[SimulatedJob] = []
    for share in range(1, shares + 1):
        backup, copy = _jobs(chance, rows, (uid, company, location), repositories, f"Share {number:06} {share:04}")
        backups.append(backup)
        copies.append(copy)
    private_key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return SimulatedServer(uid, private_key, repositories[0], backups, copies)


def _repository(chance: random.Random, rows: _Rows, server: str, company: str, rank: str) -> str:
    uid = _uid(chance)
    rows.add(
        "backup_repositories",
        instance_uid=uid,
        name=f"The {rank} repository",
        backup_server_uid=server,
        organization_uid=company,
        path=f"/srv/{rank}",
        sealed_password=rows.seal.close("a password", uid),
        is_existing=False,
        state="Ready",
        restic_id=f"{chance.getrandbits(256):064x}",
        created_at=BEGIN,
    )
    return uid


def _jobs(
    chance: random.Random, rows: _Rows, place: tuple[str, str, str], repositories: list[str], name: str
) -> tuple[SimulatedJob, SimulatedJob]:
    server, company, _location = place
    share = _uid(chance)
    rows.add(
        "file_shares",
        instance_uid=share,
        backup_server_uid=server,
        organization_uid=company,
        name=name,
        path=f"/srv/{name}",
        created_at=BEGIN,
    )
    backup, copy = (SimulatedJob(_uid(chance), _uid(chance), share) for _ in range(2))
    _job(chance, rows, place, backup, ("BackupFile", f"Backup of {name}", None))
    _job(chance, rows, place, copy, ("BackupFileCopy", f"Copy of {name}", backup.unique_uid))
    family = {
        "backup_server_uid": server,
        "organization_uid": company,
        "retention": 7,
        "retention_unit": "Days",
    }
    rows.add(
        "file_share_jobs",
        **family,
        unique_uid=backup.unique_uid,
        instance_uid=backup.uid,
        file_share_uid=share,
        target_repository_uid=repositories[0],
    )
    rows.add(
        "file_share_copy_jobs",
        **family,
        unique_uid=copy.unique_uid,
        instance_uid=copy.uid,
        source_job_unique_uid=backup.unique_uid,
        source_job_instance_uid=backup.uid,
        target_repository_uid=repositories[1],
    )
    return backup, copy


def _job(
    chance: random.Random,
    rows: _Rows,
    place: tuple[str, str, str],
    job: SimulatedJob,
    about: tuple[str, str, str | None],
) -> None:
    (server, company, location), (kind, name, previous) = place, about
    last_run = BEGIN + chance.randrange(LAST_RUNS_WITHIN)
    rows.add(
        "jobs",
        unique_uid=job.unique_uid,
        instance_uid=job.uid,
        name=name,
        name_key=name.lower(),
        description="",
        created_by="admin",
        creation_time=BEGIN,
        backup_server_uid=server,
        organization_uid=company,
        location_uid=location,
        type=kind,
        is_enabled=True,
        status="Success",
        schedule=CHAINED if previous else DAILY,
        schedule_type="Chained" if previous else "Daily",
        previous_job_unique_uid=previous,
        destination="A repository",
        retention=7,
        retention_unit="Days",
        last_run=last_run,
        last_end_time=last_run + 60_000_000,
        last_duration=60,
        average_duration=60,
        transferred_data=1,
        backup_chain_size=0,
    )
