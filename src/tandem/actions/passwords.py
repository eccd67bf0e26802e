"""Passwords of users: argon2id, with a bound on how many are computed at once."""

from __future__ import annotations

import os
from base64 import b64encode
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tandem.domain.errors import Invalid
from tandem.sealing import generate_password

LENGTH_MIN = 8
LENGTH_MAX = 1024
AT_ONCE_MAX = 2
# RFC 9106: 1.3 of the algorithm, written as what 0x13 is in decimal.
ARGON2_VERSION = 19

_hasher = PasswordHasher()
# Each computation takes 64 MiB: without a bound, a flood of sign-ins would take all memory.
_slots = BoundedSemaphore(AT_ONCE_MAX)


def hash_of_nothing(hasher: PasswordHasher) -> str:
    """Give a hash that no password has, as dear to compare with as any; computing one would delay each start."""
    salt, digest = (b64encode(os.urandom(length)).decode().rstrip("=") for length in (hasher.salt_len, hasher.hash_len))
    parameters = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v={ARGON2_VERSION}${parameters}${salt}${digest}"


_nobody = hash_of_nothing(_hasher)


def hash_password(password: str, field: str) -> str:
    """Hash a new password; raises Invalid, naming the field, if it is too short or too long."""
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        text = f"{field}: a password needs {LENGTH_MIN} to {LENGTH_MAX} characters; this one has {len(password)}."
        raise Invalid(text, field=field)
    with _slots:
        return _hasher.hash(password)


def hash_first_password(password: str | None, field: str) -> str:
    """Hash a new user's password; without one, one that nobody knows, so that he has to reset it."""
    return hash_password(generate_password() if password is None else password, field)


def is_password_right(password: str, password_hash: str | None) -> bool:
    """Check a password; takes as long when there is no such user, so that time tells nothing."""
    with _slots:
        try:
            return _hasher.verify(password_hash or _nobody, password[:LENGTH_MAX]) and bool(password_hash)
        except (VerificationError, InvalidHashError):
            return False
