"""The keys that sign access tokens: a new one each month, the old ones until no token of theirs is good any more."""

from __future__ import annotations

import itertools
import secrets
from datetime import datetime, timedelta

import msgspec
from joserfc.jwk import OctKey

from tandem.actions.context import Context, new_uid
from tandem.store import tokens

SIGNING_KEY_BYTES = 32
ROTATED_AFTER = timedelta(days=30)
# All consoles look for new keys much more often: no token comes to one that does not know its key.
KNOWN_AFTER = timedelta(minutes=3)
# Longer than an access token's life and the minutes after which every console signs with the newest key, together.
SUPERSEDED_KEPT = timedelta(hours=2)


def new_signing_key() -> str:
    """Make a key for HMAC-SHA-256."""
    return secrets.token_urlsafe(SIGNING_KEY_BYTES)


class SigningKey(msgspec.Struct, frozen=True):
    """A key, which has its id, and from when on it signs: by then every console knows it."""

    key: OctKey
    signs_from: datetime


def load_signing_keys(context: Context) -> list[SigningKey]:
    """Give the keys, newest first."""
    with context.database.reading() as connection:
        stored = tokens.signing_keys_newest_first(connection)
    return [
        SigningKey(OctKey.import_key(context.seal.open(sealed, uid), {"kid": uid}), created_at + KNOWN_AFTER)
        for uid, sealed, created_at in stored
    ]


def rotate_signing_keys(context: Context) -> None:
    """Make a new key when the newest is too old, and forget those whose last token is over.

    Harmless when several consoles do it at once: a key too many goes with the next ones.
    """
    now = context.clock()
    with context.database.reading() as connection:
        stored = tokens.signing_keys_newest_first(connection)
    is_due = not stored or now - stored[0][2] >= ROTATED_AFTER
    # A key is signed with until there is a newer one.
    newer = itertools.pairwise(stored)
    over = [older[0] for newest, older in newer if now - newest[2] >= SUPERSEDED_KEPT]
    if not is_due and not over:
        return
    with context.database.writing() as connection:
        stored = tokens.signing_keys_newest_first(connection)
        if not stored or now - stored[0][2] >= ROTATED_AFTER:
            key_id = new_uid()
            sealed_key = context.seal.close(new_signing_key(), key_id)
            tokens.insert_signing_key(connection, key_id=key_id, sealed_key=sealed_key, now=now)
        for key_id in over:
            tokens.delete_signing_key(connection, key_id)
