"""A new password for somebody who has forgotten his: a code that an administrator hands on, and what it is good for.

Whoever asks learns nothing of users: the same statements run, and the same answer is given, if there is none.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

import msgspec

from tandem.actions.context import Context, hash_secret
from tandem.actions.passwords import LENGTH_MAX, LENGTH_MIN, hash_password
from tandem.actions.throttles import (
    FREE_RESETS_OF_ADDRESS,
    FREE_RESETS_OF_USER,
    give_back,
    origin,
    pay_attempt,
    refuse_if_throttled,
    subject,
)
from tandem.domain.errors import Invalid
from tandem.domain.identity import Access
from tandem.domain.logins import Account, CodePurpose, SingleUseCode
from tandem.sealing import Seal
from tandem.store import activity_log, codes, sign_ins, users
from tandem.store.database import Connection, Database

CODE_LIFETIME = timedelta(minutes=30)
# More codes than these are made, but open nothing: others cannot fill a user's post.
CODES_OF_USER_MAX = 5


class HeldCode(msgspec.Struct, frozen=True):
    """A code that waits for being handed on."""

    user_name: str
    email: str | None
    code: str
    expires_at: datetime


def request_reset(context: Context, *, email: str, user_name: str, address: str) -> None:
    """Make a code if there is such a user with such an address, and something as long in either case.

    Raises:
        Throttled: after too many requests for a user from an address, or from an address; others do not notice.
    """
    now = context.clock()
    subjects = [
        subject("reset of user", user_name.casefold(), origin(address), free=FREE_RESETS_OF_USER),
        subject("reset", origin(address), free=FREE_RESETS_OF_ADDRESS),
    ]
    with context.database.reading() as connection:
        refuse_if_throttled(connection, subjects, now)
    code = secrets.token_urlsafe(32)
    code_hash = hash_secret(code)
    sealed_code = context.seal.close(code, code_hash)
    with context.database.writing() as connection:
        pay_attempt(connection, subjects, now)
        account = sign_ins.find_account(connection, user_name=user_name)
        user_uid = account.user_uid if account else None
        is_right = users.is_email_of(connection, user_uid or "", email)
        count = codes.count_codes(connection, user_uid, CodePurpose.PASSWORD_RESET, now)
        is_good = account is not None and account.is_enabled and is_right and count < CODES_OF_USER_MAX
        stored = SingleUseCode(
            code_hash=code_hash,
            purpose=CodePurpose.PASSWORD_RESET,
            user_uid=user_uid if is_good else None,
            access=Access.FULL,
            created_at=now,
            expires_at=now + CODE_LIFETIME,
            sealed_code=sealed_code,
        )
        codes.insert_code(connection, stored)
        if account is not None and is_good:
            _record(connection, account, "CreateResetPasswordRequest", address, now)


def complete_reset(context: Context, *, code: str, new_password: str, address: str) -> None:
    """Set a user's password by a code, which is used up by it; whoever was signed in as him no longer is.

    Second factors are asked for as before, and API keys stay.

    Raises:
        Invalid: if the code is not good, or the password is none; the code stays good then.
        Throttled: after too many wrong codes from an address.
    """
    now, code_hash = context.clock(), hash_secret(code)
    of_address = subject("reset code", origin(address), free=FREE_RESETS_OF_ADDRESS)
    if not LENGTH_MIN <= len(new_password) <= LENGTH_MAX:
        hash_password(new_password, "newPassword")
    with context.database.reading() as connection:
        refuse_if_throttled(connection, [of_address], now)
    with context.database.writing() as connection:
        pay_attempt(connection, [of_address], now)
        found = codes.find_code(connection, code_hash, CodePurpose.PASSWORD_RESET, now)
    wrong = Invalid("code: it is unknown, used or expired; ask for another.", field="code")
    if found is None or found.user_uid is None:
        raise wrong
    password_hash = hash_password(new_password, "newPassword")
    with context.database.writing() as connection:
        account = sign_ins.find_account(connection, user_uid=found.user_uid)
        if account is None or not account.is_enabled or not codes.use_code(connection, code_hash):
            raise wrong
        give_back(connection, of_address)
        users.replace_password(connection, account.user_uid, password_hash)
        sign_ins.end_with_password(connection, account.user_uid)
        _record(connection, account, "CompleteResetPasswordRequest", address, now)


def held_codes(database: Database, seal: Seal, now: datetime) -> list[HeldCode]:
    """Give the codes that are still good, for whoever runs the console to hand on."""
    with database.reading() as connection:
        sealed = codes.list_sealed_codes(connection, CodePurpose.PASSWORD_RESET, now)
    return [
        HeldCode(user_name, email, seal.open(sealed_code, code_hash), expires_at)
        for user_name, email, code_hash, sealed_code, expires_at in sealed
    ]


def _record(connection: Connection, account: Account, activity: str, address: str, now: datetime) -> None:
    uid, detail = account.user_uid, f"{account.user_name}, from {address}"
    activity_log.record_activity(connection, account.caller, activity, object_uid=uid, detail=detail, now=now)
