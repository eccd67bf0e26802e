"""Three people everywhere: Alice runs the provider, Bob owns the company Acme, Charlie owns the company Beta.

Lara looks after one location of Acme. Each organization has an estate: a backup server with everything that can be
there, once. Beside them, Acme, the reseller North and the provider have a user of every role; the company Gamma is
North's.
"""

import base64
import hashlib
import uuid
import zlib
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from tandem.domain.async_actions import AsyncAction, AsyncActionStatus
from tandem.domain.backup_servers import BackupServer
from tandem.domain.credentials import Credentials, CredentialsType, Secrets
from tandem.domain.encryption_passwords import EncryptionPassword
from tandem.domain.file_share_copy_jobs import FileShareCopyJob
from tandem.domain.file_share_jobs import FileShareJob
from tandem.domain.file_shares import FileShare
from tandem.domain.identity import Caller, Company, Organization, OrganizationType, Role, User, organization_type_of
from tandem.domain.jobs import Job, JobStatus, JobType
from tandem.domain.logins import IdentityProvider, NewLogin, SignIn
from tandem.domain.repositories import BackupRepository, RepositoryState
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.retention import RetentionUnit
from tandem.domain.schedule import Schedule, ScheduleType
from tandem.domain.sessions import Session, SessionState, SessionType, Statistics
from tandem.protocol.messages import PointReport, RepositoryReport
from tandem.sealing import Seal
from tandem.store import (
    async_actions,
    backup_servers,
    credentials,
    encryption_passwords,
    file_share_copy_jobs,
    file_share_jobs,
    file_shares,
    job_runs,
    jobs,
    locations,
    logins,
    organizations,
    repositories,
    restore_points,
    session_logs,
    sessions,
    sign_ins,
    tokens,
    users,
)
from tandem.store.database import Connection
from tandem.store.schema.login_tables import user_logins

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
BACKED_UP_AT = START - timedelta(hours=2)
PASSWORD = "correct horse battery staple"
# As strong as the tests need it: checking one takes no time.
PASSWORD_HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def uid(name: str) -> str:
    """Give the uid of a thing in the tests' world, the same in every run."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


def restic_id(name: str) -> str:
    """Give an id as restic makes them."""
    return hashlib.sha256(name.encode()).hexdigest()


INSTALLATION = uid("installation")
PROVIDER, NORTH, ACME, BETA, GAMMA = (uid(name) for name in ("provider", "north", "acme", "beta", "gamma"))
COMPANIES = {ACME: ("Acme", None), BETA: ("Beta", None), GAMMA: ("Gamma", NORTH)}


class Person(NamedTuple):
    """Somebody who signs in, with `PASSWORD`."""

    uid: str
    user_name: str
    role: Role
    organization_uid: str

    @property
    def caller(self) -> Caller:
        return Caller(self.uid, self.user_name, self.organization_uid, self.role)


def _person(role: Role, organization_uid: str, name: str | None = None) -> Person:
    user_name = name or role.value
    return Person(uid(f"user {user_name}"), user_name, role, organization_uid)


_HOME = {OrganizationType.PROVIDER: PROVIDER, OrganizationType.RESELLER: NORTH, OrganizationType.COMPANY: ACME}
_NAMES = {Role.PORTAL_ADMINISTRATOR: "alice", Role.COMPANY_OWNER: "bob", Role.RESELLER_OWNER: "nora"}

PEOPLE = {role: _person(role, _HOME[organization_type_of(role)], _NAMES.get(role)) for role in Role}
ALICE = PEOPLE[Role.PORTAL_ADMINISTRATOR]
BOB = PEOPLE[Role.COMPANY_OWNER]
NORA = PEOPLE[Role.RESELLER_OWNER]
CHARLIE = _person(Role.COMPANY_OWNER, BETA, "charlie")
# Acme's default location was chosen for her; for the one in PEOPLE, none.
LARA = _person(Role.COMPANY_LOCATION_ADMINISTRATOR, ACME, "lara")
EVERYBODY = (*PEOPLE.values(), CHARLIE, LARA)


def key_of(person: Person) -> str:
    """Give the API key of somebody who has one: Alice, Bob, Charlie and Nora do."""
    return f"tandem_key_{person.user_name}-{person.uid}"


class Estate(NamedTuple):
    """What one organization has: a backup server, a share, two repositories, a job, a copy job, and what they made.

    Ids are by name, so that they can be told from those of all other estates.
    """

    name: str
    organization_uid: str

    @property
    def location(self) -> str:
        """The organization's default location."""
        return uid(f"location of {self.organization_uid}")

    @property
    def server(self) -> str:
        return uid(f"{self.name} server")

    @property
    def share(self) -> str:
        return uid(f"{self.name} share")

    @property
    def first(self) -> str:
        return uid(f"{self.name} first repository")

    @property
    def second(self) -> str:
        return uid(f"{self.name} second repository")

    @property
    def job(self) -> str:
        """The file share job's id at the backup server."""
        return uid(f"{self.name} job")

    @property
    def job_unique(self) -> str:
        return uid(f"{self.name} job, in the console")

    @property
    def copy_job(self) -> str:
        """The file share copy job's id at the backup server."""
        return uid(f"{self.name} copy job")

    @property
    def copy_job_unique(self) -> str:
        return uid(f"{self.name} copy job, in the console")

    @property
    def session(self) -> str:
        return uid(f"{self.name} session")

    @property
    def point(self) -> str:
        return uid(f"{self.name} point")

    @property
    def action(self) -> str:
        """An async action that has just ended; its initiator is in `INITIATORS`."""
        return uid(f"{self.name} action")

    @property
    def snapshot(self) -> str:
        """The point's snapshot in the first repository."""
        return restic_id(f"{self.name} snapshot")

    @property
    def copied_snapshot(self) -> str:
        """The point's snapshot in the second repository."""
        return restic_id(f"{self.name} copied snapshot")

    @property
    def credentials(self) -> str:
        return uid(f"{self.name} credentials")

    @property
    def encryption_password(self) -> str:
        return uid(f"{self.name} encryption password")

    @property
    def agent(self) -> str:
        """The management agent, which is a proxy too."""
        return uid(f"{self.name} agent")

    @property
    def key(self) -> Ed25519PrivateKey:
        """The agent's key."""
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.name.encode()).digest())

    @property
    def uids(self) -> dict[str, str]:
        """Every id, by the name of the path parameter that takes it."""
        return {
            "backupServerUid": self.server,
            "fileShareUid": self.share,
            "repositoryUid": self.first,
            "jobUid": self.job,
            "sessionUid": self.session,
            "restorePointUid": self.point,
            "credentialsUid": self.credentials,
            "passwordUid": self.encryption_password,
            "proxyUid": self.agent,
            "actionId": self.action,
        }

    def all_uids(self) -> set[str]:
        """Give every id, of either kind, and the snapshots'."""
        both = {self.job_unique, self.copy_job, self.copy_job_unique, self.second}
        return set(self.uids.values()) | both | {self.snapshot, self.copied_snapshot}


PROVIDERS = Estate("Provider's", PROVIDER)
ACMES = Estate("Acme's", ACME)
BETAS = Estate("Beta's", BETA)
GAMMAS = Estate("Gamma's", GAMMA)
ESTATES = (PROVIDERS, ACMES, BETAS, GAMMAS)
INITIATORS = {PROVIDERS: ALICE, ACMES: BOB, BETAS: CHARLIE, GAMMAS: NORA}


def populate(connection: Connection, seal: Seal) -> None:
    """Put everybody and everything into an empty database."""
    tokens.insert_installation(connection, INSTALLATION, START)
    key_id = uid("signing key")
    tokens.insert_signing_key(connection, key_id=key_id, sealed_key=seal.close("k" * 43, key_id), now=START)
    _insert_organizations(connection)
    for person in EVERYBODY:
        insert_person(connection, person)
    for person in (ALICE, BOB, CHARLIE, NORA):
        insert_key(connection, person)
    locations.choose_location(connection, LARA.uid, ACMES.location)
    for estate in ESTATES:
        insert_server(connection, estate)
        insert_secrets(connection, estate, seal)
        insert_repositories(connection, estate, seal)
        insert_jobs(connection, estate)
        insert_history(connection, estate)
        insert_action(connection, estate, seal)


def _insert_organizations(connection: Connection) -> None:
    kinds = {PROVIDER: ("The provider", OrganizationType.PROVIDER), NORTH: ("North", OrganizationType.RESELLER)}
    kinds |= {company: (name, OrganizationType.COMPANY) for company, (name, _reseller) in COMPANIES.items()}
    for organization_uid, (name, kind) in kinds.items():
        organization = Organization(instance_uid=organization_uid, type=kind, name=name, email=f"{name}@example.com")
        organizations.insert_organization(connection, organization, uid(f"location of {organization_uid}"))
    for organization_uid, (name, reseller_uid) in COMPANIES.items():
        company = Company(
            instance_uid=organization_uid,
            name=name,
            status="Active",
            reseller_uid=reseller_uid,
            subscription_plan_uid=None,
            is_rest_access_enabled=True,
            is_alarm_detect_enabled=False,
            owner_user_name=f"{name} owner",
        )
        organizations.insert_company(connection, company)


def insert_person(connection: Connection, person: Person) -> None:
    """Store a user, and that he is signed in: tokens name a sign-in, his has the same uid as he."""
    user = User(
        instance_uid=person.uid,
        organization_uid=person.organization_uid,
        role=person.role,
        user_name=person.user_name,
        status=users.ENABLED,
    )
    users.insert_user(connection, user, password_hash=PASSWORD_HASH, created_at=START)
    account = sign_ins.find_account(connection, user_uid=person.uid)
    assert account
    signed_in = SignIn(
        instance_uid=person.uid,
        user_uid=person.uid,
        login_id=account.login_id,
        created_at=START,
        expires_at=START + timedelta(days=10_000),
    )
    sign_ins.insert_sign_in(connection, signed_in)


def insert_key(connection: Connection, person: Person) -> None:
    """Store somebody's API key."""
    key = NewLogin(
        instance_uid=uid(f"key of {person.user_name}"),
        user_uid=person.uid,
        identity_provider_name=IdentityProvider.API_KEY,
        identifier_in_provider=key_of(person)[:17],
        description=f"{person.user_name}'s key",
        creation_date=START,
        scopes=("rest",),
        secret_hash=hashlib.sha256(key_of(person).encode()).hexdigest(),
    )
    logins.insert_login(connection, key)


def login_id_of(connection: Connection, person: Person, provider: IdentityProvider = IdentityProvider.API_KEY) -> int:
    """Give the id of somebody's login."""
    mine = (user_logins.c.user_uid == person.uid, user_logins.c.identity_provider_name == provider)
    return connection.execute(select(user_logins.c.position).where(*mine)).scalars().first() or 0


def insert_server(connection: Connection, estate: Estate) -> None:
    """Store a backup server, just heard of, and its share."""
    server = BackupServer(
        instance_uid=estate.server,
        name=f"{estate.name} server",
        organization_uid=estate.organization_uid,
        location_uid=estate.location,
        management_agent_uid=estate.agent,
        installation_uid=uid(f"{estate.name} installation"),
        version="0.1.0",
        restic_version="0.18.1",
        host_name=f"{estate.name[:-2].lower()}.example",
        last_seen_at=START,
    )
    public_key = estate.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    backup_servers.insert_backup_server(connection, server, public_key)
    share = FileShare(
        instance_uid=estate.share,
        backup_server_uid=estate.server,
        organization_uid=estate.organization_uid,
        name=f"{estate.name} share",
        path="/srv/share",
        latest_restore_point_date=None,
        restore_points=0,
        short_term_backup_size=0,
    )
    file_shares.insert_file_share(connection, share, created_at=START)


def insert_secrets(connection: Connection, estate: Estate, seal: Seal) -> None:
    """Store credentials and an encryption password, which nothing uses."""
    kept = Credentials(
        instance_uid=estate.credentials,
        backup_server_uid=estate.server,
        organization_uid=estate.organization_uid,
        mapped_organization_uid=None,
        mapped_organization_name=None,
        type=CredentialsType.STANDARD,
        username=f"{estate.name} account",
        description=None,
        linux=None,
        creation_time=START,
    )
    secrets = Secrets(password=f"password of {kept.username}")
    sealed = seal.close(msgspec.json.encode(secrets).decode(), kept.instance_uid)
    credentials.insert_credentials(connection, kept, sealed_secrets=sealed)
    password = EncryptionPassword(
        instance_uid=estate.encryption_password,
        backup_server_uid=estate.server,
        organization_uid=estate.organization_uid,
        mapped_organization_uid=None,
        mapped_organization_name=None,
        hint=f"{estate.name} hint",
        unique_id=None,
        modification_time=START,
    )
    sealed = seal.close(f"encryption password of {estate.name}", password.instance_uid)
    encryption_passwords.insert_encryption_password(connection, password, sealed_password=sealed)


def insert_repositories(connection: Connection, estate: Estate, seal: Seal) -> None:
    """Store two repositories that are ready."""
    for number, repository_uid in (("first", estate.first), ("second", estate.second)):
        repository = BackupRepository(
            instance_uid=repository_uid,
            name=f"{estate.name} {number} repository",
            backup_server_uid=estate.server,
            organization_uid=estate.organization_uid,
            path=f"/backup/{number}",
            host_name="",
            state=RepositoryState.CREATING,
            failure=None,
            restic_id=None,
            capacity=None,
            free_space=None,
            used_space=None,
        )
        repositories.insert_repository(
            connection,
            repository,
            sealed_password=seal.close(f"password of {repository.name}", repository_uid),
            is_existing=False,
            family_uid=None if number == "first" else estate.first,
            created_at=START,
        )
        ready = RepositoryReport(
            repository_uid=repository_uid,
            state=RepositoryState.READY,
            restic_id=restic_id(repository.name),
            capacity=2**40,
            free_space=2**39,
            used_space=2**30,
        )
        repositories.apply_repository_reports(connection, [(estate.server, ready)])


def job_of(estate: Estate, kind: JobType) -> Job:
    """Make the common part of one of an estate's two jobs."""
    is_copy = kind is JobType.BACKUP_FILE_COPY
    return Job(
        unique_uid=estate.copy_job_unique if is_copy else estate.job_unique,
        instance_uid=estate.copy_job if is_copy else estate.job,
        name=f"{estate.name} {'copy job' if is_copy else 'job'}",
        description="",
        created_by="alice",
        creation_time=START - timedelta(days=30),
        backup_server_uid=estate.server,
        organization_uid=estate.organization_uid,
        mapped_organization_uid=None,
        location_uid=estate.location,
        type=kind,
        is_enabled=True,
        status=JobStatus.NONE,
        schedule=Schedule(type=ScheduleType.CHAINED if is_copy else ScheduleType.DAILY),
        previous_job_unique_uid=estate.job_unique if is_copy else None,
        destination=f"{estate.name} {'second' if is_copy else 'first'} repository",
        retention=28 if is_copy else 7,
        retention_unit=RetentionUnit.DAYS,
        last_run=None,
        last_end_time=None,
        last_duration=None,
        average_duration=None,
        transferred_data=None,
        backup_chain_size=None,
        failure_message=None,
    )


def insert_jobs(connection: Connection, estate: Estate) -> None:
    """Store a file share job, which has run, and its copy job, which has not."""
    job = job_of(estate, JobType.BACKUP_FILE)
    jobs.insert_job(connection, job)
    family = FileShareJob(
        instance_uid=job.instance_uid,
        unique_uid=job.unique_uid,
        target_repository_uid=estate.first,
        retention=7,
        retention_unit=RetentionUnit.DAYS,
    )
    file_share_jobs.insert_file_share_job(connection, job, family, estate.share)
    copy_job = job_of(estate, JobType.BACKUP_FILE_COPY)
    jobs.insert_job(connection, copy_job)
    copy_family = FileShareCopyJob(
        instance_uid=copy_job.instance_uid,
        unique_uid=copy_job.unique_uid,
        source_job_instance_uid=job.instance_uid,
        source_job_unique_uid=job.unique_uid,
        target_repository_uid=estate.second,
        retention=28,
        retention_unit=RetentionUnit.DAYS,
        source_size=4096,
    )
    file_share_copy_jobs.insert_file_share_copy_job(connection, copy_job, copy_family)


def session_of(estate: Estate) -> Session:
    """Make the session of an estate's one backup."""
    return Session(
        instance_uid=estate.session,
        job_uid=estate.job,
        job_unique_uid=estate.job_unique,
        file_share_uid=estate.share,
        type=SessionType.BACKUP,
        state=SessionState.SUCCESS,
        started_at=BACKED_UP_AT,
        ended_at=BACKED_UP_AT + timedelta(seconds=40),
        statistics=Statistics(files_total=3, source_size=4096, transferred=2048),
        messages=[f"A message of {estate.name} session."],
    )


def insert_history(connection: Connection, estate: Estate) -> None:
    """Store what a backup left: a session, a point, and the point's copy."""
    session = session_of(estate)
    sessions.put_sessions(connection, [(estate.server, session)])
    job_runs.note_runs(connection, [(estate.server, session)])
    log = zlib.compress(f"what {estate.name} did\n".encode())
    session_logs.put_logs(connection, [(estate.server, session.instance_uid, log)], BACKED_UP_AT)
    point = PointReport(
        point_uid=estate.point,
        job_uid=estate.job,
        snapshot_id=estate.snapshot,
        created_at=BACKED_UP_AT,
        size=4096,
        added=2048,
        files=3,
        is_complete=True,
        expires_at=BACKED_UP_AT + timedelta(days=7),
    )
    restore_points.apply_point_reports(connection, [(estate.server, point)])
    entry = LedgerEntry(
        source_snapshot_id=estate.snapshot,
        created_at=BACKED_UP_AT,
        state=CopyState.COPIED,
        target_snapshot_id=estate.copied_snapshot,
        copied_at=BACKED_UP_AT + timedelta(hours=1),
        expires_at=BACKED_UP_AT + timedelta(days=28),
        size=4096,
        added=1024,
    )
    restore_points.apply_ledger(connection, estate.server, estate.copy_job, [entry])


def insert_action(connection: Connection, estate: Estate, seal: Seal) -> None:
    """Store an async action that has ended, with its result."""
    action = AsyncAction(
        instance_uid=estate.action,
        initiator_uid=INITIATORS[estate].uid,
        action_name="StartBackupServerJob",
        status=AsyncActionStatus.RUNNING,
        sealed_request=seal.close("{}", f"{estate.action} request"),
        created_at=START,
    )
    assert async_actions.insert_async_action(connection, action)
    # The body stands there as base64: an answer without data.
    body = base64.b64encode(b'{"errors":[],"data":{},"meta":null}').decode()
    answer = seal.close(f'[200,[],"{body}"]', f"{estate.action} answer")
    done = AsyncActionStatus.SUCCEED
    async_actions.end_async_action(connection, estate.action, done, START, sealed_answer=answer)
