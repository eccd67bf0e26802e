"""Second factors: time-based one-time codes (RFC 6238) as every authenticator makes them."""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from datetime import datetime
from urllib.parse import parse_qs, quote, urlsplit

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from tandem.domain.errors import Invalid

ISSUER = "Tandem"
SECRET_BYTES = 20
# RFC 4226 §4 asks for 128 bits; more than 512 serve nobody.
SECRET_BYTES_MIN, SECRET_BYTES_MAX = 16, 64
DIGITS, STEP_SECONDS = 6, 30
# A clock may be wrong by one step, or the code be typed slowly.
STEPS_AROUND = (0, -1, 1)
URL_LENGTH_MAX = 2000
FIELDS_MAX = 20


def new_secret() -> str:
    """Make a secret as authenticators take it: base32."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def secret_url(secret: str, user_name: str) -> str:
    """Give the URL that authenticators scan."""
    label = quote(f"{ISSUER}:{user_name}", safe=":")
    return (
        f"otpauth://totp/{label}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits={DIGITS}&period={STEP_SECONDS}"
    )


def secret_in(url: str) -> str:
    """Give the secret in such a URL; raises Invalid, never showing it, if it is none or asks for other codes."""
    try:
        parts = urlsplit(url[:URL_LENGTH_MAX])
        fields = {name: values[-1] for name, values in parse_qs(parts.query, max_num_fields=FIELDS_MAX).items()}
    except ValueError as error:
        raise _wrong("it must be a URL") from error
    if parts.scheme != "otpauth" or parts.netloc != "totp" or "secret" not in fields:
        raise _wrong("it must be an otpauth://totp/ URL with a secret")
    expected = {"algorithm": "SHA1", "digits": str(DIGITS), "period": str(STEP_SECONDS)}
    for name, value in expected.items():
        if fields.get(name, value).upper() != value:
            raise _wrong(f"{name} must be {value}")
    secret = fields["secret"].upper().rstrip("=")
    if not SECRET_BYTES_MIN <= len(_key(secret)) <= SECRET_BYTES_MAX:
        raise _wrong(f"its secret must have {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX} bytes")
    return secret


def step_of(secret: str, code: str, now: datetime) -> int | None:
    """Give the step of time whose code this is, of those around now; None if it is of none."""
    digits = "".join(code.split())
    if len(digits) != DIGITS or not (digits.isascii() and digits.isdigit()):
        return None
    totp = TOTP(_key(secret), DIGITS, SHA1(), STEP_SECONDS)  # noqa: S303  (what authenticators use; HMAC is not weak)
    present = int(now.timestamp()) // STEP_SECONDS
    found = None
    for around in STEPS_AROUND:
        step = present + around
        # All are compared, so that time does not tell which it was.
        if hmac.compare_digest(totp.generate(step * STEP_SECONDS), digits.encode()):
            found = step
    return found


def _key(secret: str) -> bytes:
    try:
        return base64.b32decode(secret + "=" * (-len(secret) % 8))
    except (binascii.Error, ValueError) as error:
        raise _wrong("its secret is not base32") from error


def _wrong(why: str) -> Invalid:
    return Invalid(
        f"secretUrl: {why}; take the one that GET /authentication/keys/totp-secret gives.", parameter="secretUrl"
    )
