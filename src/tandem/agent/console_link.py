"""The way to the console: enrolment, session, exchange; always from here to there."""

from __future__ import annotations

import socket
import uuid
from pathlib import Path

import httpx
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from joserfc import jwt
from joserfc.jwk import OKPKey

from tandem import __version__
from tandem.agent.identity import FILE, Identity, save_identity
from tandem.client.certificates import fetch_certificate, fingerprint, has_fingerprint, pinned_context
from tandem.client.errors import ApiError
from tandem.decoding import decode
from tandem.domain.errors import Conflict, ConsoleError, Invalid, Throttled, Unauthorized, Unavailable
from tandem.protocol.messages import (
    CHALLENGE_PATH,
    ENROL_PATH,
    EXCHANGE_PATH,
    PROTOCOL_VERSION,
    SESSION_PATH,
    WAIT_SECONDS_MAX,
    Challenge,
    EnrolAnswer,
    EnrolRequest,
    ExchangeAnswer,
    ExchangeRequest,
    SessionAnswer,
    SessionRequest,
)
from tandem.protocol.transfers import TRANSFER_PATH, TransferAnswer, TransferPart

TIMEOUT_SECONDS = 15.0
# Whoever asks for more is not believed.
RETRY_SECONDS_MAX = 300
# Of tcp(7): a connection in which nothing is said for long is kept open by the routers between, and one that has gone
# without a word is found out within half a minute.
LOOKED_AFTER = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 15),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
]


class Fenced(ConsoleError):
    """A newer agent with this identity is at work; this one must stop."""


def enrol(console: str, token: str, data: Path, expected_fingerprint: str | None) -> Identity:
    """Enrol at a console with a single-use token and keep the identity.

    The certificate that the console shows now is pinned: from then on no other is accepted.

    Args:
        console: its https URL.
        token: from "create an enrolment token".
        data: the agent's data folder.
        expected_fingerprint: SHA-256 of the certificate, if the caller knows it.

    Raises:
        Conflict: if an agent is enrolled in this folder already.
        Invalid: if the console shows another certificate than expected.
        Unauthorized: if the token is not taken.
        Unavailable: if there is no console at this address.
    """
    if (data / FILE).exists():
        raise Conflict(f"An agent is enrolled in {data} already; choose another folder or remove this one.")
    certificate = _certificate(console)
    if expected_fingerprint and not has_fingerprint(certificate, expected_fingerprint):
        text = f"The console at {console} shows a certificate with the fingerprint {fingerprint(certificate)},"
        raise Invalid(f"{text} not the expected one. Nothing was sent.")
    key = Ed25519PrivateKey.generate()
    host_name = socket.gethostname()
    request = EnrolRequest(
        protocol=PROTOCOL_VERSION,
        token=token,
        public_key=key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        host_name=host_name,
        installation_uid=str(uuid.uuid4()),
        version=__version__,
    )
    with httpx.Client(base_url=console, verify=pinned_context(certificate), timeout=TIMEOUT_SECONDS) as client:
        answer = decode(_post(client, ENROL_PATH, request), EnrolAnswer)
    identity = Identity(
        console=console,
        certificate=certificate,
        backup_server_uid=answer.backup_server_uid,
        audience=answer.audience,
        private_key=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        installation_uid=request.installation_uid,
        host_name=host_name,
    )
    save_identity(data, identity)
    return identity


class ConsoleLink:
    """An enrolled agent's way to its console; used by any thread."""

    def __init__(self, identity: Identity, restic_version: str) -> None:
        """Prepare the connection; nothing is sent yet."""
        self._identity = identity
        self._restic_version = restic_version
        context = pinned_context(identity.certificate)
        timeout = httpx.Timeout(TIMEOUT_SECONDS, read=TIMEOUT_SECONDS + WAIT_SECONDS_MAX)
        transport = httpx.HTTPTransport(verify=context, socket_options=LOOKED_AFTER)
        self._client = httpx.Client(base_url=identity.console, verify=context, timeout=timeout, transport=transport)

    def open_session(self, spool_uid: str) -> SessionAnswer:
        """Prove who we are and open a session, which fences every older one of this identity.

        Args:
            spool_uid: names the memory that reports are numbered in.

        Raises:
            Unauthorized: if the console does not know this agent, or not any more.
            Unavailable: if the console is away.
        """
        nonce = decode(_post(self._client, CHALLENGE_PATH, {}), Challenge).nonce
        claims = {"aud": self._identity.audience, "sub": self._identity.backup_server_uid, "nonce": nonce}
        proof = jwt.encode(
            {"alg": "Ed25519"}, claims, OKPKey.import_key(self._identity.private_key), algorithms=["Ed25519"]
        )
        request = SessionRequest(
            protocol=PROTOCOL_VERSION,
            backup_server_uid=self._identity.backup_server_uid,
            proof=proof,
            spool_uid=spool_uid,
            version=__version__,
            restic_version=self._restic_version,
            host_name=self._identity.host_name,
        )
        return decode(_post(self._client, SESSION_PATH, request), SessionAnswer)

    def exchange(self, request: ExchangeRequest, token: str) -> ExchangeAnswer:
        """Send what there is to say and get what there is to do.

        Raises:
            Fenced: if a newer session of this identity exists.
            Unauthorized: if the session is not known.
            Unavailable: if the console is away.
        """
        try:
            answer = _post(self._client, EXCHANGE_PATH, request, {"Authorization": f"Bearer {token}"})
        except Conflict as error:
            raise Fenced from error
        return decode(answer, ExchangeAnswer)

    def send_part(self, part: TransferPart, token: str) -> TransferAnswer:
        """Send a part of a transfer; the console takes its time if nobody reads. Raises what `exchange` does."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/msgpack"}
        try:
            answer = _post_bytes(self._client, TRANSFER_PATH, msgspec.msgpack.encode(part), headers)
        except Conflict as error:
            raise Fenced from error
        return decode(answer, TransferAnswer)

    def close(self) -> None:
        """Close the connection; no thread may be using it."""
        self._client.close()


def _certificate(console: str) -> str:
    try:
        return fetch_certificate(console)
    except ApiError as error:
        raise Unavailable(error.message) from error


def _post(client: httpx.Client, path: str, body: object, headers: dict[str, str] | None = None) -> bytes:
    sent = {"Content-Type": "application/json", **(headers or {})}
    return _post_bytes(client, path, msgspec.json.encode(body), sent)


def _post_bytes(client: httpx.Client, path: str, content: bytes, headers: dict[str, str]) -> bytes:
    try:
        response = client.post(path, content=content, headers=headers)
    except httpx.HTTPError as error:
        raise Unavailable(f"The console at {client.base_url} does not answer: {error}.") from error
    if response.is_success:
        return response.content
    text = f"The console answered {response.status_code}: {response.text[:500]}"
    match response.status_code:
        case 401:
            raise Unauthorized(text)
        case 409:
            raise Conflict(text)
        case 400 | 413:
            raise Invalid(text)
        case 429 | 503 if (seconds := _asked_to_wait(response)) is not None:
            raise Throttled(text, seconds)
        case _:
            raise Unavailable(text)


def _asked_to_wait(response: httpx.Response) -> int | None:
    # In seconds, as the console says it; a balancer before it may give a date, which is not worth reading.
    given = response.headers.get("Retry-After", "")
    return min(int(given), RETRY_SECONDS_MAX) if given.isascii() and given.isdigit() else None
