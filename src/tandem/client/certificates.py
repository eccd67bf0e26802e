"""Which certificate to trust: a console's own, pinned, or the authorities of this system."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from tandem.client.errors import unreachable
from tandem.domain.errors import Invalid

HTTPS_PORT = 443
CONNECT_SECONDS_MAX = 10


def pinned_context(certificate_pem: str) -> ssl.SSLContext:
    """Make a TLS context that trusts the first certificate of a PEM text and nothing else.

    A server that shows this very certificate is the right one under whatever name it was called, so names are not
    compared. The certificate of an authority, which names no host, vouches for many: then names are compared.
    """
    certificate = _read_certificate(certificate_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = _is_authority(certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=certificate.public_bytes(Encoding.PEM).decode())
    return context


def fetch_certificate(console: str, timeout_seconds: float = CONNECT_SECONDS_MAX) -> str:
    """Give the certificate, as PEM, that a console shows now: unverified, to be pinned once it has been compared."""
    try:
        return ssl.get_server_certificate(address_of(console), timeout=timeout_seconds)
    except (OSError, ValueError) as error:
        raise unreachable(console, error) from error


def is_vouched_for(console: str, timeout_seconds: float = CONNECT_SECONDS_MAX) -> bool:
    """Say whether an authority that this system trusts vouches for a console."""
    host, port = address_of(console)
    try:
        with socket.create_connection((host, port), timeout=timeout_seconds) as connection:
            ssl.create_default_context().wrap_socket(connection, server_hostname=host).close()
    except ssl.SSLCertVerificationError:
        return False
    except OSError as error:
        raise unreachable(console, error) from error
    return True


def fingerprint(certificate_pem: str) -> str:
    """Give the SHA-256 of a certificate's DER form, as hexadecimal pairs with colons."""
    der = _read_certificate(certificate_pem).public_bytes(Encoding.DER)
    return hashlib.sha256(der).digest().hex(":").upper()


def has_fingerprint(certificate_pem: str, given: str) -> bool:
    """Say whether a fingerprint, in whatever way it is written, is that of a certificate."""
    digits = given.strip().lower().removeprefix("sha256:").replace(":", "").replace(" ", "")
    return hmac.compare_digest(digits.encode(), fingerprint(certificate_pem).replace(":", "").lower().encode())


def address_of(console: str) -> tuple[str, int]:
    """Give host and port of a console's URL; raises Invalid if it is none."""
    try:
        parts = urlsplit(console)
        if parts.scheme == "https" and parts.hostname and not (parts.path.strip("/") or parts.query or parts.username):
            return parts.hostname, parts.port or HTTPS_PORT
    except ValueError:
        pass  # Told below, as for an address of another kind.
    raise Invalid(
        f'console: "{console[:200]}" is not an address of a console; use one such as https://backup.example:1280.'
    )


def _read_certificate(certificate_pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(certificate_pem.encode())
    except ValueError as error:
        raise Invalid("The certificate is not a PEM text; it begins with -----BEGIN CERTIFICATE-----.") from error


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound:
        return False
    host_names = [entry for entry in certificate.extensions if entry.oid == ExtensionOID.SUBJECT_ALTERNATIVE_NAME]
    return constraints.ca and not host_names
