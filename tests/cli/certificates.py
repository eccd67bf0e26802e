"""Certificates made for tests, and a server that shows one and writes down what it is told."""

import contextlib
import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID


class Made(NamedTuple):
    """A certificate and its private key, both PEM."""

    certificate: str
    key: str


class Listener(NamedTuple):
    """A server: where it is, and what it has heard after each handshake."""

    url: str
    heard: list[bytes]


def make(name: str, *, host: str | None = None, is_authority: bool = False, issuer: Made | None = None) -> Made:
    """Make a certificate, signed by itself or by an authority made before."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, signing_key = subject, key
    if issuer is not None:
        signer = x509.load_pem_x509_certificate(issuer.certificate.encode()).subject
        loaded = load_pem_private_key(issuer.key.encode(), password=None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)
        signing_key = loaded
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    certificate = builder.sign(signing_key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()
    return Made(certificate, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


@contextmanager
def listening(made: Made, folder: Path, *, maximum: ssl.TLSVersion | None = None) -> Generator[Listener]:
    """Serve TLS with a certificate until the end; answers nothing."""
    chain = folder / "listener.pem"
    chain.write_text(made.certificate + made.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    if maximum is not None:
        context.maximum_version = maximum
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = Thread(target=_listen, args=(server, context, heard), daemon=True)
        thread.start()
        yield Listener(f"https://localhost:{server.getsockname()[1]}", heard)
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


def _listen(server: socket.socket, context: ssl.SSLContext, heard: list[bytes]) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            while chunk := secured.recv(65536):
                heard.append(chunk)
                if b"\r\n\r\n" in chunk:
                    break
