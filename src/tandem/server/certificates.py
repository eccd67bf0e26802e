"""The console's certificate: the operator's, or one made at the first start for this host's names."""

from __future__ import annotations

import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tandem.domain.errors import Invalid
from tandem.sealing import write_private

VALID_FOR = timedelta(days=10 * 365)


def prepare_certificate(folder: Path, certificate: Path | None, key: Path | None) -> tuple[Path, Path]:
    """Give the files of certificate and private key (PEM, PKCS#8), making a self-signed pair if none is given.

    Raises:
        Invalid: if only one of the two is given, or a file cannot be read as what it should be.
    """
    if (certificate is None) != (key is None):
        raise Invalid("certificate and key belong together: give both settings, or none.")
    made_certificate, made_key = folder / "certificate.pem", folder / "certificate-key.pem"
    if certificate is not None and key is not None:
        return certificate, _as_pkcs8(key, folder / "given-key.pem")
    if not made_certificate.exists() or not made_key.exists():
        _make(made_certificate, made_key)
    return made_certificate, made_key


def _make(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tandem console")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID_FOR)
        .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    write_private(key, pem)
    write_private(certificate, made.public_bytes(Encoding.PEM).decode())
    certificate.chmod(0o644)


def _names() -> list[x509.GeneralName]:
    names = {"localhost", socket.gethostname()}
    addresses = {"127.0.0.1", "::1"}
    return [
        *(x509.DNSName(name) for name in sorted(names) if name.isascii()),
        *(x509.IPAddress(ipaddress.ip_address(address)) for address in sorted(addresses)),
    ]


def _as_pkcs8(key: Path, converted: Path) -> Path:
    # The server reads PKCS#8 only; operators' keys come in the older forms too.
    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (ValueError, TypeError, OSError) as error:
        raise Invalid(f"key: {key} cannot be read as an unencrypted private key in PEM form: {error}.") from error
    write_private(converted, private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    return converted
