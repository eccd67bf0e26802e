"""The messages between console and agent, as JSON over HTTPS; the agent always asks, the console only answers.

Enrolment: `EnrolRequest` with a single-use token → `EnrolAnswer`. Then, at each start of an agent, a `Challenge`,
signed with the agent's own key in `SessionRequest`, opens a session of the newest generation; older ones are fenced.
Everything else is one `Exchange`: reports go up, in order and repeated until acknowledged; configuration and
commands come down, repeated until acknowledged.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from tandem.domain import drills, verification
from tandem.domain.adoption import Origin, SnapshotGroup
from tandem.domain.holds import Hold
from tandem.domain.limits import NO_LIMITS, Limits
from tandem.domain.point_files import OverwriteRule
from tandem.domain.repositories import Account, RepositoryState
from tandem.domain.restore_points import LedgerEntry
from tandem.domain.retention import Gfs, Retention
from tandem.domain.schedule import Schedule
from tandem.domain.sessions import Progress, Session
from tandem.protocol.transfers import FindFiles, ListFiles, SendFile

PROTOCOL_VERSION = 1
REPORTS_PER_EXCHANGE_MAX = 200
WAIT_SECONDS_MAX = 50
ENROL_PATH = "/agent/enrol"
CHALLENGE_PATH = "/agent/challenge"
SESSION_PATH = "/agent/session"
EXCHANGE_PATH = "/agent/exchange"


class EnrolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Asks to become a backup server's agent; `public_key` is PEM (Ed25519)."""

    protocol: int
    token: str
    public_key: str
    host_name: str
    installation_uid: str
    version: str


class EnrolAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who the agent is from now on."""

    backup_server_uid: str
    audience: str


class Challenge(msgspec.Struct, frozen=True):
    """A nonce to sign; good for a minute."""

    nonce: str


class SessionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Opens an agent session: a JWT signed with the agent's key (EdDSA) over the challenge's nonce.

    `spool_uid` names the agent's memory: reports are numbered anew when that was lost.
    """

    protocol: int
    backup_server_uid: str
    proof: str
    spool_uid: str
    version: str
    restic_version: str
    host_name: str


class SessionAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The bearer token of the new session, and the last report the console has."""

    token: str
    last_report: int


class RepositoryConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A repository for the agent to work on; password and account travel to the owning agent only.

    `path` is a folder of the backup server, or a location elsewhere; then `account` opens it, and an SSH server must
    show `host_key`.
    """

    uid: str
    organization_uid: str
    name: str
    path: str
    password: str
    state: RepositoryState
    is_existing: bool
    restic_id: str | None
    family_uid: str | None
    verify_every_days: int = verification.EVERY_DEFAULT_DAYS
    # Days for which it lets no point go.
    immutability_interval: int = 0
    limits: Limits = NO_LIMITS
    account: Account | None = None
    host_key: str | None = None


class ShareCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """With what the agent signs in where a share is; it travels to the owning agent only, and shows itself nowhere."""

    username: str
    password: str

    def __repr__(self) -> str:
        """Show nothing of the password."""
        return f"ShareCredentials({self.username!r}, …)"


class FileShareConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A share for the agent to read; a folder of its own machine needs no credentials."""

    uid: str
    name: str
    path: str
    credentials: ShareCredentials | None = None
    inclusion_masks: list[str] = []
    exclusion_masks: list[str] = []


class JobConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """A job for the agent to schedule and run; a copy job has a source job, a file share job a share."""

    uid: str
    unique_uid: str
    name: str
    is_enabled: bool
    schedule: Schedule
    created_at: datetime
    retention: Retention
    target_repository_uid: str
    file_share_uid: str
    source_job_uid: str | None = None
    drill_every_days: int = drills.EVERY_DEFAULT_DAYS
    gfs: Gfs = Gfs()
    # What the job takes in as its own beside what it makes, and whether its retention may forget that.
    adopts: list[Origin] = []
    may_forget_adopted: bool = False
    # The console does not know yet which of its points are adopted: the agent tells.
    is_adoption_asked: bool = False
    # After a run that failed: how often it is tried again by itself, and how many minutes later for the first time.
    retry_times: int = 0
    retry_interval: int = 10
    # The hold that somebody has released.
    released_hold: str | None = None

    @property
    def is_copy(self) -> bool:
        """Whether this is a file share copy job."""
        return self.source_job_uid is not None


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """All that one agent has to look after, as of a revision."""

    revision: int
    repositories: list[RepositoryConfiguration]
    file_shares: list[FileShareConfiguration]
    jobs: list[JobConfiguration]
    limits: Limits = NO_LIMITS


class StartJob(msgspec.Struct, frozen=True, tag=True):
    """Run a job now."""

    job_uid: str


class StopJob(msgspec.Struct, frozen=True, tag=True):
    """Stop a job's run."""

    job_uid: str


class CheckFolder(msgspec.Struct, frozen=True, tag=True):
    """Say whether a folder, or a share of another machine, can be a share.

    What is stored names the credentials; they themselves are put in on the way to the agent.
    """

    path: str
    credentials_uid: str | None = None
    credentials: ShareCredentials | None = None


class RestorePointTo(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Restore a point into a folder; `session_uid` is the session that reports it.

    `paths` are those within the share that are wanted, none for all of it; `size` is that of the whole point in bytes.
    """

    session_uid: str
    file_share_uid: str
    repository_uid: str
    snapshot_id: str
    target_path: str
    paths: list[bytes] = []
    overwrite: OverwriteRule = OverwriteRule.EMPTY_ONLY
    size: int = 0


class VerifyRepository(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Read back the next part of a repository, or all of it; or heal it; `session_uid` is the session that tells."""

    session_uid: str
    repository_uid: str
    job_uid: str
    is_everything: bool = False
    is_healing: bool = False


class DrillCopy(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Restore the newest copy of a copy job and compare it; `files` None means all of it."""

    session_uid: str
    job_uid: str
    files: int | None = drills.FILES_DEFAULT


class Collect(msgspec.Struct, frozen=True, tag=True):
    """Report every repository as it is now: its sizes, and whether it is there."""


class ResetCopy(msgspec.Struct, frozen=True, tag=True):
    """Try a quarantined copy of a point again, at once."""

    job_uid: str
    snapshot_id: str


class CollectSnapshots(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Report what a repository holds; `request_uid` comes back with it."""

    request_uid: str
    repository_uid: str


class AdoptPoints(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Take in what a job adopts, and do nothing else; `session_uid` is the session that reports it."""

    session_uid: str
    job_uid: str


Order = (
    StartJob
    | StopJob
    | CheckFolder
    | RestorePointTo
    | Collect
    | ResetCopy
    | CollectSnapshots
    | AdoptPoints
    | ListFiles
    | FindFiles
    | SendFile
    | VerifyRepository
    | DrillCopy
)


class Command(msgspec.Struct, frozen=True):
    """An order to an agent; carried out once, however often it is sent."""

    serial: int
    order: Order


class CommandResult(msgspec.Struct, frozen=True):
    """What came of a command: `error` is empty when it was carried out or taken on."""

    serial: int
    error: str


class VerificationStand(msgspec.Struct, frozen=True, kw_only=True):
    """How far the reading back of a repository is: since when every pack has been read, and what is wrong."""

    proven_since: datetime | None
    problem: str = ""


class RepositoryReport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A repository as it is now; sizes in bytes."""

    repository_uid: str
    state: RepositoryState
    failure: str | None = None
    restic_id: str | None = None
    capacity: int | None = None
    free_space: int | None = None
    used_space: int | None = None
    verification: VerificationStand | None = None


class SessionReport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A session that started or ended; `log`, when it has ended, is what it did, compressed."""

    session: Session
    log: bytes | None = None


class PointReport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """A restore point that was made in a first repository, or forgotten there; sizes in bytes."""

    point_uid: str
    job_uid: str
    snapshot_id: str
    created_at: datetime
    size: int
    added: int
    files: int
    is_complete: bool
    expires_at: datetime | None = None
    forgotten_at: datetime | None = None
    verified_at: datetime | None = None
    damaged_at: datetime | None = None
    # Whether somebody made it without Tandem; None from an agent that does not say.
    is_adopted: bool | None = None


class LedgerReport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Ledger entries of a copy job that changed."""

    job_uid: str
    entries: list[LedgerEntry]


class SnapshotsReport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """What a repository holds, by origin; `failure` says why that cannot be told."""

    repository_uid: str
    request_uid: str
    failure: str = ""
    groups: list[SnapshotGroup] = []


class HoldReport(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The hold of a file share job, as it is now; None: there is none any more."""

    job_uid: str
    hold: Hold | None


Report = RepositoryReport | SessionReport | PointReport | LedgerReport | HoldReport | SnapshotsReport


class NumberedReport(msgspec.Struct, frozen=True):
    """A report with its place in the agent's spool: applied once, in order."""

    number: int
    report: Report


class RunningSession(msgspec.Struct, frozen=True):
    """A session that goes on or waits, as it is now; not spooled, the newest is enough.

    Attributes:
        session_uid: which one.
        progress: how far it is.
        idle_seconds: since it last got any further; None from an agent that does not say.
        queue_position: its place among those that wait; None once it runs.
        waiting_reason: why it waits.
        log: what it has done so far, compressed; only now and then.
    """

    session_uid: str
    progress: Progress
    idle_seconds: float | None = None
    queue_position: int | None = None
    waiting_reason: str | None = None
    log: bytes | None = None


class ExchangeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent has to say: reports not acknowledged yet, results, progress, and what it has got."""

    revision: int
    reports: list[NumberedReport]
    results: list[CommandResult]
    running: list[RunningSession]
    wait_seconds: float


class ExchangeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the console has to say; `configuration` only when the agent's is not the newest."""

    last_report: int
    configuration: Configuration | None
    commands: list[Command]
