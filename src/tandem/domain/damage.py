"""Damage: what becomes of points whose data was lost or no longer reads back."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

import msgspec

from tandem.domain.restore_points import CopyState, LedgerEntry

HEALING = "Damaged at the target; it is copied again from the first repository."
BEYOND_HEALING = "Damaged at the target, and the first repository does not hold the point any more."


def marked_damaged(entry: LedgerEntry, source_ids: AbstractSet[str], now: datetime) -> LedgerEntry:
    """Note that the copy of a point is not whole; what is left of it stays until there is a whole one.

    Args:
        entry: of the point.
        source_ids: the snapshots that the first repository holds.
        now: the present; aware.
    """
    is_healable = entry.source_snapshot_id in source_ids
    return msgspec.structs.replace(
        entry,
        state=CopyState.PENDING if is_healable else CopyState.QUARANTINED,
        reason=HEALING if is_healable else BEYOND_HEALING,
        since=entry.since if entry.damaged_at else now,
        damaged_at=entry.damaged_at or now,
        verified_at=None,
    )


def is_remnant(entry: LedgerEntry) -> bool:
    """Say whether the target holds a copy of the point that is not whole."""
    return entry.damaged_at is not None and entry.target_snapshot_id is not None and not entry.state.is_held


def plan_remnants(entries: Iterable[LedgerEntry], now: datetime) -> list[LedgerEntry]:
    """Decide which remnants may go: those whose time is over, if a whole copy is there that is newer."""
    entries = list(entries)
    whole = max((entry.created_at for entry in entries if entry.state.is_held), default=None)
    return [
        msgspec.structs.replace(entry, reason="Its time was over, and it could not be healed.")
        for entry in entries
        if is_remnant(entry)
        and entry.expires_at is not None
        and entry.expires_at <= now
        and whole is not None
        and whole > entry.created_at
    ]


def newly_verified(
    entries: Iterable[LedgerEntry], proven_since: datetime | None, every: timedelta
) -> list[LedgerEntry]:
    """Give the copies that have been read back whole since they were made, as verified.

    One that is verified already is told anew after half a period, not with each part that is read.

    Args:
        entries: of a copy job.
        proven_since: the instant since which every pack of the target has been read; None if that is not so yet.
        every: the period in which every pack is to be read.
    """
    if proven_since is None:
        return []
    return [
        msgspec.structs.replace(entry, state=CopyState.VERIFIED, verified_at=proven_since)
        for entry in entries
        if entry.state.is_held
        and entry.copied_at is not None
        and entry.copied_at <= proven_since
        and (entry.verified_at is None or proven_since - entry.verified_at >= every / 2)
    ]
