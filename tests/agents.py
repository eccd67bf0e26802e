"""A fake agent: it speaks the real protocol with the console in this process, and does no work of its own."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import OKPKey

from tandem.decoding import decode
from tandem.domain.adoption import SnapshotGroup
from tandem.domain.point_files import FileType, FoundFile, PointFile
from tandem.domain.repositories import RepositoryState
from tandem.protocol.messages import (
    CHALLENGE_PATH,
    ENROL_PATH,
    EXCHANGE_PATH,
    PROTOCOL_VERSION,
    SESSION_PATH,
    Challenge,
    CollectSnapshots,
    CommandResult,
    Configuration,
    EnrolAnswer,
    EnrolRequest,
    ExchangeAnswer,
    ExchangeRequest,
    NumberedReport,
    Order,
    Report,
    RepositoryReport,
    RunningSession,
    SessionAnswer,
    SessionRequest,
    SnapshotsReport,
)
from tandem.protocol.transfers import (
    TRANSFER_PATH,
    FilePage,
    FindFiles,
    FoundPage,
    ListFiles,
    SendFile,
    TransferAnswer,
    TransferPart,
)
from tests.people import INSTALLATION, restic_id

if TYPE_CHECKING:
    from tests.consoles import Console


def _nothing_wrong(order: Order) -> str:
    del order
    return ""


def hello(order: ListFiles | FindFiles | SendFile) -> list[TransferPart]:
    """Send what there is to send of points that hold one small file."""
    file = PointFile(path=b"hello.txt", type=FileType.FILE, size=6)
    match order:
        case ListFiles():
            data = msgspec.json.encode(FilePage([file], 1))
        case FindFiles(places=places):
            found = [FoundFile(snapshot_id=uid, file=file) for place in places for uid in place.snapshot_ids]
            data = msgspec.json.encode(FoundPage(found, len(found)))
        case SendFile():
            data = b"hello\n"
    return [TransferPart(transfer_uid=order.transfer_uid, number=0, data=data, is_last=True)]


class Agent:
    """An agent with its key; `turn` does what a real one does between two calls, except the work."""

    def __init__(self, console: "Console", server_uid: str, key: Ed25519PrivateKey) -> None:
        self.server_uid = server_uid
        self.configuration: Configuration | None = None
        self.orders: list[Order] = []
        # What is wrong with an order, and what is wrong with a repository at a path; empty if nothing is.
        self.answer_to: Callable[[Order], str] = _nothing_wrong
        # What is sent of points.
        self.parts_of: Callable[[ListFiles | FindFiles | SendFile], list[TransferPart]] = hello
        self.failure_at: Callable[[str], str] = lambda _path: ""
        self.restic_id_at: Callable[[str], str] = lambda path: restic_id(f"{server_uid} {path}")
        # What is found in a repository, or why nothing is.
        self.groups: list[SnapshotGroup] = []
        self.failure_of_look = ""
        self.spool_uid = str(uuid.uuid4())
        self.token = ""
        self._console = console
        self._key = key
        self._last_report = 0
        self._results: list[CommandResult] = []
        self._spool: list[Report] = []
        self._known: set[int] = set()

    def open_session(self) -> httpx.Response:
        """Prove who we are; keeps the session's token if it is given."""
        asked = self.post(CHALLENGE_PATH, {})
        if not asked.is_success:
            return asked
        nonce = decode(asked.content, Challenge).nonce
        response = self.post(SESSION_PATH, self.session_request(nonce))
        if response.is_success:
            answer = decode(response.content, SessionAnswer)
            self.token, self._last_report = answer.token, answer.last_report
        return response

    def session_request(self, nonce: str, *, audience: str = INSTALLATION) -> SessionRequest:
        """Make the message that opens a session."""
        pem = self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        claims = {"aud": audience, "sub": self.server_uid, "nonce": nonce}
        return SessionRequest(
            protocol=PROTOCOL_VERSION,
            backup_server_uid=self.server_uid,
            proof=jwt.encode({"alg": "Ed25519"}, claims, OKPKey.import_key(pem), algorithms=["Ed25519"]),
            spool_uid=self.spool_uid,
            version="0.1.0",
            restic_version="0.18.1",
            host_name="fileserver",
        )

    def exchange(
        self,
        *reports: NumberedReport,
        results: tuple[CommandResult, ...] = (),
        running: tuple[RunningSession, ...] = (),
        wait_seconds: float = 0,
    ) -> httpx.Response:
        """Send exactly this."""
        request = ExchangeRequest(
            revision=self.configuration.revision if self.configuration else 0,
            reports=list(reports),
            results=list(results),
            running=list(running),
            wait_seconds=wait_seconds,
        )
        return self.post(EXCHANGE_PATH, request)

    def hear(self) -> ExchangeAnswer:
        """Ask for news and say nothing."""
        return self._heard(self.exchange())

    def report(self, *reports: Report) -> ExchangeAnswer:
        """Report these, numbered after those before."""
        self._spool.extend(reports)
        return self._converse()

    def turn(self) -> None:
        """Take orders and configuration, answer, make repositories, report."""
        answer = self._converse()
        for command in answer.commands:
            if command.serial not in self._known:
                self._known.add(command.serial)
                self.orders.append(command.order)
                self._results.append(CommandResult(command.serial, self.answer_to(command.order)))
                if isinstance(command.order, ListFiles | FindFiles | SendFile):
                    for part in self.parts_of(command.order):
                        self.send_part(part)
                if isinstance(command.order, CollectSnapshots):
                    self._spool.append(self._found(command.order))
        for repository in self.configuration.repositories if self.configuration else []:
            if repository.state is RepositoryState.CREATING:
                self._spool.append(self._made(repository.uid, repository.path))
        if self._spool or self._results:
            self._converse()

    def post(self, path: str, message: object) -> httpx.Response:
        """Send a message as it is."""
        return self._console.request("POST", path, json=message, headers={"Authorization": f"Bearer {self.token}"})

    def send_part(self, part: TransferPart) -> TransferAnswer:
        """Send one part of a transfer."""
        headers = {"Authorization": f"Bearer {self.token}"}
        response = self._console.request("POST", TRANSFER_PATH, content=msgspec.msgpack.encode(part), headers=headers)
        assert response.status_code == 200, response.text
        return decode(response.content, TransferAnswer)

    def _made(self, repository_uid: str, path: str) -> RepositoryReport:
        if failure := self.failure_at(path):
            return RepositoryReport(repository_uid=repository_uid, state=RepositoryState.FAILED, failure=failure)
        return RepositoryReport(
            repository_uid=repository_uid,
            state=RepositoryState.READY,
            restic_id=self.restic_id_at(path),
            capacity=2**40,
            free_space=2**39,
            used_space=2**20,
        )

    def _found(self, order: CollectSnapshots) -> SnapshotsReport:
        return SnapshotsReport(
            repository_uid=order.repository_uid,
            request_uid=order.request_uid,
            failure=self.failure_of_look,
            groups=[] if self.failure_of_look else self.groups,
        )

    def _converse(self) -> ExchangeAnswer:
        numbered = [NumberedReport(self._last_report + place, each) for place, each in enumerate(self._spool, start=1)]
        results = tuple(self._results)
        answer = self._heard(self.exchange(*numbered, results=results))
        self._spool, self._results = [], []
        return answer

    def _heard(self, response: httpx.Response) -> ExchangeAnswer:
        assert response.status_code == 200, response.text
        answer = decode(response.content, ExchangeAnswer)
        self._last_report = answer.last_report
        if answer.configuration is not None:
            self.configuration = answer.configuration
        return answer


def enrol(console: "Console", token: str, host_name: str = "fileserver") -> Agent:
    """Enrol a new agent with a token and open its session."""
    key = Ed25519PrivateKey.generate()
    response = console.request("POST", ENROL_PATH, json=enrol_request(token, key, host_name))
    assert response.status_code == 200, response.text
    agent = Agent(console, decode(response.content, EnrolAnswer).backup_server_uid, key)
    assert agent.open_session().is_success
    return agent


def enrol_request(token: str, key: Ed25519PrivateKey, host_name: str = "fileserver") -> EnrolRequest:
    """Make the message with which an agent enrols."""
    return EnrolRequest(
        protocol=PROTOCOL_VERSION,
        token=token,
        public_key=key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        host_name=host_name,
        installation_uid=str(uuid.uuid4()),
        version="0.1.0",
    )
