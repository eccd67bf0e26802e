"""Passwords of users: argon2id, with a bound on how many are computed at once."""

from __future__ import annotations

from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tandem.domain.errors import Invalid
from tandem.sealing import generate_password

LENGTH_MIN = 8
LENGTH_MAX = 1024
AT_ONCE_MAX = 2

_hasher = PasswordHasher()
# Each computation takes 64 MiB: without a bound, a flood of sign-ins would take all memory.
_slots = BoundedSemaphore(AT_ONCE_MAX)
_nobody = _hasher.hash("nobody has this password")


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
