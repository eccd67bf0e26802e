"""Simulated agents: the real protocol over TLS, each with two tasks as the real one has two threads, and no work."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
import time
from asyncio.sslproto import SSLProtocol
from base64 import urlsafe_b64encode
from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from agents_fleet import SimulatedJob, SimulatedServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tandem.agent.backoff import pause
from tandem.domain.repositories import RepositoryState
from tandem.domain.sessions import Session, SessionState, SessionType, Statistics
from tandem.protocol.messages import (
    CHALLENGE_PATH,
    EXCHANGE_PATH,
    PROTOCOL_VERSION,
    SESSION_PATH,
    WAIT_SECONDS_MAX,
    Challenge,
    CommandResult,
    ExchangeAnswer,
    ExchangeRequest,
    NumberedReport,
    PointReport,
    Report,
    RepositoryReport,
    SessionAnswer,
    SessionReport,
    SessionRequest,
    StartJob,
)

TIMEOUT_SECONDS = 15.0
NOT_NOW = (429, 503)
# Room for what arrives at a connection, 256 KiB unless told: of ten thousand that would be gigabytes.
SSLProtocol.max_size = 16 * 1024


class Refused(Exception):
    """The console has answered with something else than what was asked for."""

    def __init__(self, status: int, text: bytes, retry_after: int) -> None:
        """Keep what was answered."""
        super().__init__(f"{status} {text[:300]!r}")
        self.status = status
        self.retry_after = retry_after


class Way(asyncio.Protocol):
    """One connection to the console, a request at a time."""

    def __init__(self) -> None:
        """Begin without a connection."""
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._answer: asyncio.Future[bytes] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits."""
        self._transport = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(ConnectionError(str(exc)))

    def data_received(self, data: bytes) -> None:
        """Gather an answer; every answer of the console says how long it is."""
        self._received += data
        head_end = self._received.find(b"\r\n\r\n")
        if head_end < 0 or self._answer is None or self._answer.done():
            return
        head = bytes(self._received[:head_end]).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        whole = head_end + 4 + length
        if len(self._received) < whole:
            return
        body = bytes(self._received[head_end + 4 : whole])
        del self._received[:whole]
        status = int(head[9:12])
        if status == 200:
            self._answer.set_result(body)
            return
        asked = head.partition(b"retry-after:")[2].partition(b"\r\n")[0].strip()
        self._answer.set_exception(Refused(status, body, int(asked) if asked else 0))

    async def post(self, path: str, body: bytes, token: str | None, seconds: float) -> bytes:
        """Send a message and give the answer to it."""
        return await self._ask(f"POST {path}", body, token, seconds)

    async def get(self, path: str, token: str) -> bytes:
        """Read something of the API."""
        return await self._ask(f"GET {path}", b"", token, TIMEOUT_SECONDS)

    async def _ask(self, what: str, body: bytes, token: str | None, seconds: float) -> bytes:
        transport = self._transport
        if transport is None:
            raise ConnectionError("not connected")
        self._answer = asyncio.get_running_loop().create_future()
        head = f"{what} HTTP/1.1\r\nHost: console\r\nContent-Type: application/json\r\n"
        if token is not None:
            head += f"Authorization: Bearer {token}\r\n"
        transport.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        try:
            async with asyncio.timeout(seconds):
                return await self._answer
        except TimeoutError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None


class Meeting(msgspec.Struct):
    """What all agents share: where the console is, and what is measured."""

    port: int
    context: ssl.SSLContext
    audience: str
    seconds_of_reports: list[float] = []
    seconds_of_commands: list[float] = []
    attempts: Counter[int] = msgspec.field(default_factory=Counter)
    failures: Counter[str] = msgspec.field(default_factory=Counter)
    # By job: when it was asked to start.
    started: dict[str, float] = {}
    is_measuring: bool = False

    def note_attempt(self) -> None:
        """Count an attempt to connect, by the second."""
        self.attempts[int(time.monotonic())] += 1

    async def connect(self, port: int | None = None) -> Way:
        """Connect to the console, or to another process of it."""
        self.note_attempt()
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(TIMEOUT_SECONDS):
            _, way = await loop.create_connection(
                Way, "127.0.0.1", port or self.port, ssl=self.context, server_hostname="localhost"
            )
        return way


class SimulatedAgent:
    """One agent."""

    def __init__(self, meeting: Meeting, server: SimulatedServer, chance: random.Random) -> None:
        """Begin without a session."""
        self.server = server
        self.number = 0
        self.acknowledged = 0
        self.heard_at = 0.0
        self.last_states: dict[str, tuple[str, SessionState]] = {}
        key = load_pem_private_key(server.private_key.encode(), None)
        assert isinstance(key, Ed25519PrivateKey)
        self._key = key
        self._meeting = meeting
        self._chance = chance
        self._token: str | None = None
        self._opening = asyncio.Lock()
        self._revision = 0
        self._results: list[CommandResult] = []
        self._done: set[int] = set()
        self._spool: list[NumberedReport] = []
        self._run: Session | None = None

    async def listen(self, after_seconds: float) -> None:
        """Wait for what the console has to say, again and again, as the real agent's loop does."""
        await asyncio.sleep(after_seconds)
        way: Way | None = None
        failures = 1
        while True:
            try:
                if way is None or not way.is_open:
                    way = await self._meeting.connect()
                await self._exchange(way, 0 if failures else WAIT_SECONDS_MAX, [])
                failures = 0
            except (OSError, TimeoutError, Refused) as error:
                await asyncio.sleep(self._pause_after(error, failures))
                failures += 1

    async def report(self, every_seconds: float) -> None:
        """Report something once in a while."""
        await asyncio.sleep(self._chance.uniform(0, every_seconds))
        while True:
            began = time.monotonic()
            self._spool += self._next_reports()
            await self.deliver()
            await asyncio.sleep(max(0.0, every_seconds - (time.monotonic() - began)))

    async def deliver(self) -> None:
        """Send what was not acknowledged, until it is; over a connection of its own, as the real agent does."""
        failures = 0
        while self._spool:
            way = None
            began = time.monotonic()
            try:
                way = await self._meeting.connect()
                await self._exchange(way, 0, self._spool)
                if self._meeting.is_measuring:
                    self._meeting.seconds_of_reports.append(time.monotonic() - began)
            except (OSError, TimeoutError, Refused) as error:
                await asyncio.sleep(self._pause_after(error, failures))
                failures += 1
            finally:
                if way is not None:
                    way.close()

    def _pause_after(self, error: Exception, failures: int) -> float:
        is_refused = isinstance(error, Refused)
        self._meeting.failures[str(error.status) if is_refused else type(error).__name__] += 1
        if is_refused and error.status == 401:
            self._token = None
        return pause(failures, error.retry_after if is_refused and error.status in NOT_NOW else 0, self._chance)

    async def _exchange(self, way: Way, wait_seconds: float, reports: list[NumberedReport]) -> None:
        async with self._opening:
            if self._token is None:
                self._token = await self._open_session(way)
        results = list(self._results)
        request = ExchangeRequest(
            revision=self._revision, reports=list(reports), results=results, running=[], wait_seconds=wait_seconds
        )
        body = msgspec.json.encode(request)
        answered = await way.post(EXCHANGE_PATH, body, self._token, TIMEOUT_SECONDS + WAIT_SECONDS_MAX)
        answer = msgspec.json.decode(answered, type=ExchangeAnswer)
        self.heard_at = time.monotonic()
        self.acknowledged = max(self.acknowledged, answer.last_report)
        self._spool = [one for one in self._spool if one.number > self.acknowledged]
        self._results = [one for one in self._results if one not in results]
        if answer.configuration is not None:
            self._revision = answer.configuration.revision
        for command in answer.commands:
            if command.serial not in self._done:
                self._done.add(command.serial)
                self._results.append(CommandResult(command.serial, ""))
                if isinstance(command.order, StartJob):
                    asked_at = self._meeting.started.pop(command.order.job_uid, None)
                    if asked_at is not None:
                        self._meeting.seconds_of_commands.append(time.monotonic() - asked_at)

    async def _open_session(self, way: Way) -> str:
        nonce = msgspec.json.decode(await way.post(CHALLENGE_PATH, b"{}", None, TIMEOUT_SECONDS), type=Challenge).nonce
        request = SessionRequest(
            protocol=PROTOCOL_VERSION,
            backup_server_uid=self.server.uid,
            proof=self._prove(nonce),
            spool_uid=self.server.uid,
            version="1",
            restic_version="0.18.0",
            host_name="simulated",
        )
        answer = await way.post(SESSION_PATH, msgspec.json.encode(request), None, TIMEOUT_SECONDS)
        return msgspec.json.decode(answer, type=SessionAnswer).token

    def _prove(self, nonce: str) -> str:
        """Sign a challenge; by hand, as ten thousand of them share one processor."""
        claims = {"aud": self._meeting.audience, "sub": self.server.uid, "nonce": nonce}
        parts = [urlsafe_b64encode(msgspec.json.encode(part)).rstrip(b"=") for part in ({"alg": "Ed25519"}, claims)]
        signature = self._key.sign(b".".join(parts))
        return b".".join([*parts, urlsafe_b64encode(signature).rstrip(b"=")]).decode()

    def _next_reports(self) -> list[NumberedReport]:
        """Make what comes next of a run: that it began; or that it has ended, with its point and its repository."""
        if self._run is None:
            self._run = self.begin_run(self.server.backups[0], SessionType.BACKUP)
            return self.numbered(SessionReport(session=self._run))
        ended, self._run = self.end_run(self._run), None
        job = self.server.backups[0]
        point = PointReport(
            point_uid=self._uid(),
            job_uid=job.uid,
            snapshot_id=f"{self._chance.getrandbits(256):064x}",
            created_at=ended.started_at,
            size=1_000,
            added=10,
            files=1,
            is_complete=True,
        )
        repository = RepositoryReport(
            repository_uid=self.server.repository_uid,
            state=RepositoryState.READY,
            capacity=1 << 40,
            free_space=self._chance.randrange(1 << 40),
            used_space=1 << 39,
        )
        return self.numbered(point, SessionReport(session=ended, log=b"a short log, compressed"), repository)

    def begin_run(self, job: SimulatedJob, kind: SessionType) -> Session:
        """Make a session of a job that begins now."""
        session = Session(
            instance_uid=self._uid(),
            job_uid=job.uid,
            job_unique_uid=job.unique_uid,
            file_share_uid=job.file_share_uid,
            type=kind,
            state=SessionState.RUNNING,
            started_at=datetime.now(UTC),
        )
        self._note(session)
        return session

    def end_run(self, session: Session) -> Session:
        """Make of a session one that has ended now."""
        state = self._chance.choice((SessionState.SUCCESS, SessionState.WARNING, SessionState.FAILED))
        ended = msgspec.structs.replace(
            session,
            state=state,
            ended_at=datetime.now(UTC) + timedelta(seconds=1),
            statistics=Statistics(source_size=1_000_000, transferred=1_000),
            messages=[] if state is SessionState.SUCCESS else ["One file could not be read."],
        )
        self._note(ended)
        return ended

    def numbered(self, *reports: Report) -> list[NumberedReport]:
        """Number reports that are to be sent."""
        first = self.number + 1
        self.number += len(reports)
        return [NumberedReport(number, report) for number, report in enumerate(reports, first)]

    async def send(self, way: Way, reports: list[NumberedReport]) -> None:
        """Send reports, and what was not acknowledged before, over a connection that stays open."""
        self._spool += reports
        await self._exchange(way, 0, self._spool)

    def _note(self, session: Session) -> None:
        if session.job_unique_uid is not None:
            self.last_states[session.job_unique_uid] = (session.instance_uid, session.state)

    def _uid(self) -> str:
        return str(UUID(int=self._chance.getrandbits(128), version=4))


async def cancel(tasks: list[asyncio.Task[None]]) -> None:
    """End tasks, and wait until they have."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
