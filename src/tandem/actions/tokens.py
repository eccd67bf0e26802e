"""Access tokens: signing and checking them, and finding out who stands behind a bearer value.

A token names a sign-in (claim `sid`) and nothing else: what it permits, and whether it is still good, is read from the
database with the caller.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from datetime import datetime
from threading import Lock

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from joserfc.jws import extract_compact

from tandem.actions.context import Context, hash_secret
from tandem.actions.signing_keys import SigningKey, load_signing_keys
from tandem.domain.errors import ConsoleError, Forbidden, Unauthorized
from tandem.domain.identity import Caller
from tandem.store import sign_ins
from tandem.store.database import Connection

ACCESS_TOKEN_SECONDS = 3600
AUDIENCE = "tandem-api"
ALGORITHM = "HS256"
CACHE_SIZE_MAX = 10_000
TOKEN_LENGTH_MAX = 4096
# By this prefix people, and programs that look for leaked secrets, know an API key.
KEY_PREFIX = "tandem_key_"
# A console looks for keys that others have made after this time at most,
KEYS_LOOKED_FOR_SECONDS = 60.0
# and for a token that names a key it does not know no more often than this.
UNKNOWN_KEY_SECONDS = 3.0


class GrantRefused(ConsoleError):
    """The user name, the password or the token is wrong."""

    def __init__(self, error: str, message: str | None = None) -> None:
        """Refuse with an OAuth 2.0 error code."""
        super().__init__(message)
        self.error = error


class UnknownKey(Unauthorized):
    """The API key is wrong, disabled or removed; ask its owner for another, or for a token at /token."""


class _Keys(msgspec.Struct, frozen=True):
    newest_first: list[SigningKey]
    by_id: dict[str, OctKey]

    def signing(self, now: datetime) -> OctKey:
        """Give the newest key that all consoles know, or else the oldest there is."""
        known = (each.key for each in self.newest_first if each.signs_from <= now)
        return next(known, self.newest_first[-1].key)


class TokenChecker:
    """Signs access tokens and recognizes them; remembers those that it has checked."""

    def __init__(self, context: Context) -> None:
        """Load the signing keys."""
        self._context = context
        self._checked: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = Lock()
        self._looking = Lock()
        self._looked_at = self._now()
        self._keys = self._load()

    def sign(self, sign_in_uid: str, seconds: int = ACCESS_TOKEN_SECONDS) -> str:
        """Make an access token for a sign-in."""
        now = int(self._now())
        claims = {
            "iss": self._context.installation_uid,
            "aud": AUDIENCE,
            "sid": sign_in_uid,
            "iat": now,
            "exp": now + seconds,
            "jti": secrets.token_urlsafe(12),
        }
        key = self._keys.signing(self._context.clock())
        return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key)

    def sign_in_of(self, token: str) -> str:
        """Give the uid of the sign-in that an access token came of; raises Unauthorized."""
        known = self._checked.get(token)
        if known is None:
            known = self._check(token)
            with self._lock:
                self._checked[token] = known
                while len(self._checked) > CACHE_SIZE_MAX:
                    self._checked.popitem(last=False)
        sign_in_uid, expires_at = known
        if self._now() >= expires_at:
            raise Unauthorized
        return sign_in_uid

    def refuse_if_expired(self, token: str) -> None:
        """Raise Unauthorized for an access token whose time is over; API keys have none."""
        if not token.startswith(KEY_PREFIX):
            self.sign_in_of(token)

    def look_for_keys(self, seconds: float = KEYS_LOOKED_FOR_SECONDS) -> None:
        """Load the signing keys again if the last time is longer ago than this."""
        # Who comes while somebody looks waits for what he finds.
        with self._looking:
            now = self._now()
            if abs(now - self._looked_at) < seconds:
                return
            self._looked_at = now
            self._keys = self._load()

    def _check(self, token: str) -> tuple[str, float]:
        if len(token) > TOKEN_LENGTH_MAX:
            raise Unauthorized
        try:
            key_id = str(extract_compact(token.encode()).headers().get("kid"))
            if key_id not in self._keys.by_id:
                self.look_for_keys(UNKNOWN_KEY_SECONDS)
            claims = jwt.decode(token, self._keys.by_id[key_id], algorithms=[ALGORITHM]).claims
            if claims["iss"] != self._context.installation_uid or claims["aud"] != AUDIENCE:
                raise Unauthorized
            return str(claims["sid"]), float(claims["exp"])
        except (JoseError, KeyError, ValueError, TypeError) as error:
            raise Unauthorized from error

    def _load(self) -> _Keys:
        keys = load_signing_keys(self._context)
        return _Keys(newest_first=keys, by_id={str(each.key.kid): each.key for each in keys})

    def _now(self) -> float:
        return self._context.clock().timestamp()


def find_caller(connection: Connection, checker: TokenChecker, token: str) -> Caller:
    """Give who an access token or an API key stands for, as the database has him now.

    Raises:
        UnknownKey: for an API key that opens nothing.
        Unauthorized: for any other value that does not.
        Forbidden: for an API key that is not for the REST API.
    """
    if token.startswith(KEY_PREFIX):
        return _find_key_holder(connection, token)
    caller = sign_ins.find_caller(connection, checker.sign_in_of(token))
    if caller is None:
        raise Unauthorized
    return caller


def _find_key_holder(connection: Connection, key: str) -> Caller:
    # Found by its hash: how long that takes tells nothing of the key.
    found = sign_ins.find_key_holder(connection, hash_secret(key))
    if found is None:
        raise UnknownKey
    caller, is_for_rest = found
    if not is_for_rest:
        raise Forbidden("This API key is not for the REST API; its scopes do not include rest.")
    return caller
