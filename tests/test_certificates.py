"""The console's certificate: made for this host's names, or the operator's own, and its key for its owner alone."""

import ipaddress
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tandem.domain.errors import Invalid
from tandem.server.certificates import prepare_certificate


def read(certificate: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(certificate.read_bytes())


def test_a_certificate_is_made_for_the_names_of_this_host(tmp_path: Path) -> None:
    certificate, _key = prepare_certificate(tmp_path / "console", None, None)
    names = read(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", socket.gethostname()} <= set(names.get_values_for_type(x509.DNSName))
    addresses = {ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")}
    assert addresses <= set(names.get_values_for_type(x509.IPAddress))


def test_it_is_good_now_and_for_years_and_signs_no_others(tmp_path: Path) -> None:
    certificate = read(prepare_certificate(tmp_path, None, None)[0])
    now = datetime.now(UTC)
    assert certificate.not_valid_before_utc < now
    assert certificate.not_valid_after_utc > now + timedelta(days=9 * 365)
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_it_is_kept_as_agents_have_pinned_it(tmp_path: Path) -> None:
    first = prepare_certificate(tmp_path, None, None)
    before = [path.read_bytes() for path in first]
    second = prepare_certificate(tmp_path, None, None)
    assert second == first
    assert [path.read_bytes() for path in second] == before


def test_its_key_fits_and_is_its_owners_alone(tmp_path: Path) -> None:
    certificate, key = prepare_certificate(tmp_path, None, None)
    private = load_pem_private_key(key.read_bytes(), password=None)
    assert private.public_key() == read(certificate).public_key()
    assert key.stat().st_mode & 0o077 == 0
    assert b"BEGIN PRIVATE KEY" in key.read_bytes()


KEYS: dict[str, PrivateKeyTypes] = {
    "rsa": rsa.generate_private_key(65_537, 2048),
    "ec": ec.generate_private_key(ec.SECP384R1()),
}
PLAIN = NoEncryption()


def write_key(
    path: Path, key: PrivateKeyTypes, form: PrivateFormat, encryption: KeySerializationEncryption = PLAIN
) -> Path:
    path.write_bytes(key.private_bytes(Encoding.PEM, form, encryption))
    return path


@pytest.mark.parametrize("form", [PrivateFormat.PKCS8, PrivateFormat.TraditionalOpenSSL], ids=str)
@pytest.mark.parametrize("kind", KEYS)
def test_an_operators_key_is_taken_in_the_forms_that_operators_have(
    tmp_path: Path, kind: str, form: PrivateFormat
) -> None:
    given = write_key(tmp_path / "given.pem", KEYS[kind], form)
    certificate = tmp_path / "certificate.pem"
    certificate.write_text("the operator's")
    used_certificate, used_key = prepare_certificate(tmp_path / "console", certificate, given)
    assert used_certificate == certificate
    assert b"BEGIN PRIVATE KEY" in used_key.read_bytes()
    assert used_key.stat().st_mode & 0o077 == 0
    private = load_pem_private_key(used_key.read_bytes(), password=None)
    assert private.public_key() == KEYS[kind].public_key()


def test_a_certificate_without_its_key_is_told(tmp_path: Path) -> None:
    for certificate, key in ((tmp_path / "x", None), (None, tmp_path / "x")):
        with pytest.raises(Invalid, match="belong together"):
            prepare_certificate(tmp_path, certificate, key)


def test_a_key_that_cannot_be_used_is_told_by_its_path(tmp_path: Path) -> None:
    locked = tmp_path / "locked.pem"
    write_key(locked, ed25519.Ed25519PrivateKey.generate(), PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))
    garbage = tmp_path / "garbage.pem"
    garbage.write_text("garbage")
    for key in (locked, garbage, tmp_path / "missing.pem", tmp_path):
        with pytest.raises(Invalid, match=str(key)):
            prepare_certificate(tmp_path / "console", tmp_path / "certificate.pem", key)
