"""The protection report of a company: signed, so that who was given the file can tell whether it was changed."""

from __future__ import annotations

from typing import Any

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from tandem.decoding import decode
from tandem.domain.errors import Invalid

# The EdDSA signature over this curve, by its full name (RFC 9864).
ALGORITHM = "Ed25519"
TYPE = "tandem-protection-report+jws"


class SignedReport(msgspec.Struct, frozen=True):
    """What a file holds: the report to be read, and the same report signed."""

    report: dict[str, Any]
    signature: str


class PublicKey(msgspec.Struct, frozen=True):
    """A console's public key (Ed25519) as a JSON Web Key."""

    kid: str
    x: str
    kty: str = "OKP"
    crv: str = "Ed25519"
    alg: str = ALGORITHM
    use: str = "sig"


def sign(report: dict[str, Any], key: OKPKey) -> SignedReport:
    """Sign a report with a key that has its id."""
    payload = msgspec.json.encode(report, order="sorted")
    header = {"alg": ALGORITHM, "kid": key.kid, "typ": TYPE}
    return SignedReport(report, jws.serialize_compact(header, payload, key, algorithms=[ALGORITHM]))


def verify(text: str | bytes, keys: list[PublicKey]) -> dict[str, Any]:
    """Check a file that holds a signed report.

    Args:
        text: of the file.
        keys: of the console that is to have made it.

    Returns:
        The report as it was signed.

    Raises:
        Invalid: it is no report, was changed since it was signed, or was signed by somebody else.
    """
    try:
        signed = decode(text, SignedReport)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"This is no protection report: {error}.") from error
    try:
        header = jws.extract_compact(signed.signature.encode()).headers()
    except (JoseError, ValueError) as error:
        raise Invalid(f"The report's signature cannot be read: {error}.") from error
    key = next((one for one in keys if one.kid == header.get("kid")), None)
    if key is None or header.get("typ") != TYPE:
        raise Invalid("The report was signed with a key that this console does not have.")
    try:
        imported = OKPKey.import_key({name: value for name, value in msgspec.to_builtins(key).items() if name != "use"})
        payload = jws.deserialize_compact(signed.signature, imported, algorithms=[ALGORITHM]).payload
    except (JoseError, ValueError) as error:
        raise Invalid("The report's signature is not good: it was changed since it was signed.") from error
    report = decode(payload)
    if report != signed.report:
        raise Invalid("The report was changed since it was signed: its text is not what the signature is of.")
    return report
