"""Access tokens and refresh tokens: issuing them, checking them, and slowing down those who guess.

Grants and errors are OAuth 2.0's (RFC 6749 §4.3, §5.2, §6), as the contract's POST /token has them. Refresh tokens
rotate; a replayed one ends every token of its sign-in (RFC 9700 §4.14).
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from datetime import datetime, timedelta
from threading import Lock

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from tandem.actions.context import Context, hash_secret, new_uid
from tandem.actions.passwords import is_password_right
from tandem.domain.errors import ConsoleError, Throttled, Unauthorized
from tandem.domain.identity import Caller, RefreshToken
from tandem.store import tokens, users
from tandem.store.database import Connection

ACCESS_TOKEN_SECONDS = 3600
REFRESH_TOKEN_LIFETIME = timedelta(days=14)
AUDIENCE = "tandem-api"
CACHE_SIZE_MAX = 10_000

# Failures in a row that are free: for a user from an address, and for an address whatever the user.
FREE_FAILURES_OF_USER = 5
FREE_FAILURES_OF_ADDRESS = 50
WAIT_SECONDS_MAX = 300
FAILURES_FORGOTTEN_AFTER = timedelta(minutes=15)


class GrantRefused(ConsoleError):
    """The user name, the password or the token is wrong."""

    def __init__(self, error: str, message: str | None = None) -> None:
        """Refuse with an OAuth 2.0 error code."""
        super().__init__(message)
        self.error = error


class TokenPair(msgspec.Struct, frozen=True):
    """What a grant gives."""

    access_token: str
    refresh_token: str
    expires_in: int = ACCESS_TOKEN_SECONDS
    token_type: str = "bearer"  # noqa: S105  (a type, not a secret)


class TokenChecker:
    """Signs access tokens and recognizes them; remembers those that it has checked."""

    def __init__(self, context: Context) -> None:
        """Load the signing keys."""
        self._context = context
        with context.database.reading() as connection:
            stored = tokens.signing_keys_newest_first(connection)
        keys = [OctKey.import_key(context.seal.open(sealed, uid), {"kid": uid}) for uid, sealed in stored]
        self._newest = keys[0]
        self._keys = KeySet([*keys])
        self._checked: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()

    def sign(self, user_uid: str) -> str:
        """Make an access token for a user."""
        now = int(self._context.clock().timestamp())
        claims = {
            "iss": self._context.installation_uid,
            "aud": AUDIENCE,
            "sub": user_uid,
            "iat": now,
            "exp": now + ACCESS_TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(12),
        }
        return jwt.encode({"alg": "HS256", "kid": self._newest.kid}, claims, self._newest)

    def user_of(self, token: str) -> str:
        """Give the uid of the user that an access token stands for; raises Unauthorized."""
        now = self._context.clock().timestamp()
        known = self._checked.get(token)
        if known is None:
            known = self._check(token)
            with self._lock:
                self._checked[token] = known
                while len(self._checked) > CACHE_SIZE_MAX:
                    self._checked.popitem(last=False)
        user_uid, expires_at = known
        if now >= expires_at:
            raise Unauthorized
        return user_uid

    def _check(self, token: str) -> tuple[str, float]:
        try:
            claims = jwt.decode(token, self._keys, algorithms=["HS256"]).claims
            if claims["iss"] != self._context.installation_uid or claims["aud"] != AUDIENCE:
                raise Unauthorized
            return str(claims["sub"]), float(claims["exp"])
        except (JoseError, KeyError, ValueError, TypeError) as error:
            raise Unauthorized from error


def find_caller(connection: Connection, checker: TokenChecker, token: str) -> Caller:
    """Give who an access token stands for, as the database has him now; raises Unauthorized."""
    caller = users.find_caller(connection, checker.user_of(token))
    if caller is None:
        raise Unauthorized
    return caller


def grant_by_password(
    context: Context, checker: TokenChecker, *, user_name: str, password: str, address: str
) -> TokenPair:
    """Exchange a user name and a password for tokens; raises GrantRefused or Throttled."""
    subjects = _subjects(user_name, address)
    with context.database.reading() as connection:
        _refuse_if_throttled(connection, subjects, context.clock())
        found = users.find_sign_in(connection, user_name)
    is_right = is_password_right(password, found.password_hash if found else None)
    if not is_right or found is None or not found.is_enabled:
        with context.database.writing() as connection:
            _note_failure(connection, subjects, context.clock())
        raise GrantRefused("invalid_grant", "The user name or the password is wrong.")
    if not found.is_rest_allowed:
        text = "REST API access is switched off for this company; its provider can switch it on."
        raise GrantRefused("unauthorized_client", text)
    with context.database.writing() as connection:
        tokens.delete_sign_in_failures(connection, subject=subjects[0][0])
        return _issue(connection, context, checker, user_uid=found.user_uid, family_uid=new_uid())


def grant_by_refresh_token(context: Context, checker: TokenChecker, *, refresh_token: str) -> TokenPair:
    """Exchange a refresh token for a new pair; a token used before ends all that came from its sign-in."""
    now = context.clock()
    token_hash = hash_secret(refresh_token)
    with context.database.writing() as connection:
        found = tokens.find_refresh_token(connection, token_hash)
        if found is not None and found.expires_at > now and users.find_caller(connection, found.user_uid):
            if tokens.use_refresh_token(connection, token_hash, now):
                family_uid, user_uid = found.family_uid, found.user_uid
                return _issue(connection, context, checker, user_uid=user_uid, family_uid=family_uid)
            tokens.delete_token_family(connection, found.family_uid)
    raise GrantRefused("invalid_grant", "The refresh token is unknown, expired or was used before; sign in again.")


def _issue(
    connection: Connection, context: Context, checker: TokenChecker, *, user_uid: str, family_uid: str
) -> TokenPair:
    refresh_token = secrets.token_urlsafe(32)
    tokens.insert_refresh_token(
        connection,
        RefreshToken(
            token_hash=hash_secret(refresh_token),
            family_uid=family_uid,
            user_uid=user_uid,
            expires_at=context.clock() + REFRESH_TOKEN_LIFETIME,
            used_at=None,
        ),
    )
    return TokenPair(access_token=checker.sign(user_uid), refresh_token=refresh_token)


def _subjects(user_name: str, address: str) -> list[tuple[str, int]]:
    pair = hash_secret(f"{user_name.casefold()}\0{address}")
    return [(pair, FREE_FAILURES_OF_USER), (hash_secret(address), FREE_FAILURES_OF_ADDRESS)]


def _refuse_if_throttled(connection: Connection, subjects: list[tuple[str, int]], now: datetime) -> None:
    for subject, free in subjects:
        found = tokens.sign_in_failures_of(connection, subject)
        if found is None or now - found[1] >= FAILURES_FORGOTTEN_AFTER:
            continue
        failures, last_failed_at = found
        if failures < free:
            continue
        wait = min(2 ** (failures - free), WAIT_SECONDS_MAX)
        left = (last_failed_at + timedelta(seconds=wait) - now).total_seconds()
        if left > 0:
            seconds = max(1, round(left))
            raise Throttled(f"Too many failed sign-ins; try again in {seconds} s.", seconds)


def _note_failure(connection: Connection, subjects: list[tuple[str, int]], now: datetime) -> None:
    for subject, _free in subjects:
        found = tokens.sign_in_failures_of(connection, subject)
        is_recent = found is not None and now - found[1] < FAILURES_FORGOTTEN_AFTER
        failures = found[0] + 1 if found is not None and is_recent else 1
        tokens.record_sign_in_failure(connection, subject, failures, now)
