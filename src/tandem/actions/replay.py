"""Repeating a request without running it again: the first to claim it runs it, the others get its answer."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

import msgspec

from tandem.actions.context import Context, new_uid
from tandem.domain.errors import Conflict, Unavailable
from tandem.domain.identity import Caller
from tandem.store import replays
from tandem.store.database import Connection
from tandem.store.replays import Replay

KEPT_FOR = timedelta(minutes=5)
# Longer than anything runs before it is answered: whoever has not answered by then has died.
CLAIM_LIFETIME = timedelta(minutes=2)
_ANSWER_LOST = (
    "The console that took this request ended before its answer was kept. What it had changed by then stays: look at "
    "that before you send the request again, under another X-Request-id."
)


class Claim(msgspec.Struct, frozen=True):
    """The right to run a request, held by one of those who asked for it."""

    request_key: str
    claim_uid: str


def key_of_request(context: Context, caller: Caller, request_uid: str, *, target: object, body: bytes) -> str:
    """Make the name under which the answer of a request is kept.

    It is keyed, since a body may hold a password that could be guessed from a plain hash.

    Args:
        context: the console's means.
        caller: who asks; another's request has another name, whatever else is alike, and so has that of one who acts
            as him.
        request_uid: the id that the client gave.
        target: method and URL, as anything that JSON can hold.
        body: the request's body.
    """
    secret = bytes.fromhex(context.seal.derive("replay"))
    head = msgspec.json.encode([caller.user_uid, caller.acted_by, caller.access, request_uid, target])
    return hmac.new(secret, head + b"\0" + body, hashlib.sha256).hexdigest()


def claim_request(context: Context, request_key: str) -> Claim | str | None:
    """Claim a request; gives its answer if there is one, and None while somebody else runs it.

    Raises:
        Conflict: if somebody ran it, changed something, and died before his answer was kept: it is not done twice.
    """
    now = context.clock()
    mine = Replay(
        request_key=request_key,
        claim_uid=new_uid(),
        claimed_at=now,
        expires_at=now + KEPT_FOR,
        claimed_by=context.database.process_name or None,
    )
    with context.database.writing() as connection:
        found = replays.find_replay(connection, request_key, is_locked=True)
        if found is not None and found.expires_at <= now:
            replays.delete_replay(connection, request_key, found.claim_uid)
            found = None
        elif found is not None and _is_abandoned(connection, context, found):
            if found.has_changed:
                raise Conflict(_ANSWER_LOST)
            replays.delete_replay(connection, request_key, found.claim_uid)
            found = None
        if found is None:
            return Claim(request_key, mine.claim_uid) if replays.insert_replay(connection, mine) else None
    return None if found.sealed_answer is None else context.seal.open(found.sealed_answer, request_key)


def keep_answer(context: Context, claim: Claim, answer: str) -> None:
    """Keep the answer of a request for some minutes, sealed: it may hold a secret that is shown once."""
    sealed = context.seal.close(answer, claim.request_key)
    with context.database.writing() as connection:
        expires_at = context.clock() + KEPT_FOR
        replays.keep_answer(connection, claim.request_key, claim.claim_uid, sealed_answer=sealed, expires_at=expires_at)


def give_up_claim(context: Context, claim: Claim) -> None:
    """Let the next one run the request."""
    with context.database.writing() as connection:
        replays.delete_replay(connection, claim.request_key, claim.claim_uid)


def note_change(connection: Connection, claim: Claim) -> None:
    """Note, with a change that a request makes, that it has made one.

    Raises:
        Unavailable: if another runs the request by now, since we were taken for dead; the change must not be kept.
    """
    if not replays.note_change(connection, claim.request_key, claim.claim_uid):
        raise Unavailable("Another console has taken over this request; ask for its answer again.")


def _is_abandoned(connection: Connection, context: Context, found: Replay) -> bool:
    if found.sealed_answer is not None:
        return False
    if found.claimed_at + CLAIM_LIFETIME <= context.clock():
        return True
    # A process that was killed is not connected any more. One that only seems dead cannot commit: see `note_change`.
    names = context.database.process_names(connection)
    return bool(names and found.claimed_by and found.claimed_by not in names)
