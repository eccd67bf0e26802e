"""An authenticator: the codes that it shows."""

import base64
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP


def code_of(secret: str, now: datetime) -> str:
    """Give the code that is shown now."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return TOTP(key, 6, SHA1(), 30).generate(int(now.timestamp())).decode()  # noqa: S303  (what authenticators use)
