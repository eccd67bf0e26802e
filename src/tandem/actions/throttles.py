"""Slowing down those who guess: failures in a row are counted in the database, for each subject that they concern.

An attempt is paid for before it is looked at, so that many at once get no further than one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network

import msgspec

from tandem.actions.context import hash_secret
from tandem.domain.errors import Throttled
from tandem.store import tokens
from tandem.store.database import Connection

# Failures in a row that are free: for a user from an address, and for an address whatever the user.
FREE_FAILURES_OF_USER = 5
FREE_FAILURES_OF_ADDRESS = 50
# Codes of six digits can be guessed: they are counted for the user wherever the guesses come from.
FREE_CODES_OF_USER = 5
FREE_RESETS_OF_USER = 3
FREE_RESETS_OF_ADDRESS = 20
PREFIX_BITS = 64
WAIT_SECONDS_MAX = 300
FAILURES_FORGOTTEN_AFTER = timedelta(minutes=15)
# Failures in a row of one user that the activity log tells one by one; then it tells only each doubling.
FAILURES_TOLD = 10


class Subject(msgspec.Struct, frozen=True):
    """Whom failures are counted for, and how many are free; None is any number."""

    key: str
    free: int | None


def subject(kind: str, *parts: str, free: int | None) -> Subject:
    """Name a subject: its kind, which no two kinds share, and what tells it from others; neither is stored."""
    return Subject(hash_secret("\0".join([kind, *parts])), free)


@lru_cache(maxsize=1024)  # asked at every request, mostly of the same few
def origin(address: str) -> str:
    """Give what counts as one address: of IPv6 a /64, since whoever has one address there has all of them."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, PREFIX_BITS), strict=False))


def refuse_if_throttled(connection: Connection, subjects: Sequence[Subject], now: datetime) -> None:
    """Raise Throttled if one of the subjects has to wait; a cheap look before anything is written."""
    for each in subjects:
        found = tokens.sign_in_failures_of(connection, each.key)
        if found is not None and now - found[1] < FAILURES_FORGOTTEN_AFTER:
            _refuse_if_early(each, *found, now)


def pay_attempt(connection: Connection, subjects: Sequence[Subject], now: datetime) -> dict[str, int]:
    """Count an attempt as failed before it is made; gives how many each subject now has, by its key.

    Raises:
        Throttled: if it comes too early; the transaction must not be kept then.
    """
    counts: dict[str, int] = {}
    for each in subjects:
        tokens.add_sign_in_failure(connection, each.key, now)
        failures, last_failed_at = tokens.sign_in_failures_of(connection, each.key) or (1, now)
        if now - last_failed_at >= FAILURES_FORGOTTEN_AFTER:
            failures = 1
        elif failures > 1:
            _refuse_if_early(each, failures - 1, last_failed_at, now)
        tokens.set_sign_in_failures(connection, each.key, failures, now)
        counts[each.key] = failures
    return counts


def forgive(connection: Connection, subjects: Sequence[Subject]) -> None:
    """Forget the failures of subjects, one of whom has succeeded."""
    for each in subjects:
        tokens.delete_sign_in_failures(connection, subject=each.key)


def give_back(connection: Connection, each: Subject) -> None:
    """Take back what a successful attempt had paid, leaving earlier failures as they were."""
    found = tokens.sign_in_failures_of(connection, each.key)
    if found is not None and found[0] > 1:
        tokens.set_sign_in_failures(connection, each.key, found[0] - 1, found[1])
    else:
        tokens.delete_sign_in_failures(connection, subject=each.key)


def is_told(failures: int) -> bool:
    """Say whether the activity log tells a failure: the first ones, then each doubling, so that it stays bounded."""
    return failures <= FAILURES_TOLD or failures & (failures - 1) == 0


def _refuse_if_early(each: Subject, failures: int, last_failed_at: datetime, now: datetime) -> None:
    if each.free is None or failures < each.free:
        return
    wait = min(2 ** (failures - each.free), WAIT_SECONDS_MAX)
    left = (last_failed_at + timedelta(seconds=wait) - now).total_seconds()
    if left > 0:
        seconds = max(1, round(left))
        raise Throttled(f"Too many failed attempts; try again in {seconds} s.", seconds)
