"""Restore points, and the ledger that says of each of them and of each copy job where the copy stands and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from tandem.domain.drills import DrillResult
from tandem.domain.retention import Point, Retention, kept


class CopyState(StrEnum):
    """Where the copy of one source point stands."""

    PENDING = "Pending"
    COPYING = "Copying"
    COPIED = "Copied"
    VERIFIED = "Verified"
    EXPIRED = "Expired"
    QUARANTINED = "Quarantined"

    @property
    def is_held(self) -> bool:
        """Whether the target repository has the point."""
        return self in {CopyState.COPIED, CopyState.VERIFIED}


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one copy job knows of one source restore point; instants aware, sizes in bytes."""

    source_snapshot_id: str
    created_at: datetime
    state: CopyState
    reason: str = ""
    target_snapshot_id: str | None = None
    copied_at: datetime | None = None
    verified_at: datetime | None = None
    expires_at: datetime | None = None
    size: int = 0
    added: int = 0
    damaged_at: datetime | None = None
    drilled_at: datetime | None = None
    drill_result: DrillResult | None = None


class RestorePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point in time to which a share can be restored, from the first repository; sizes in bytes."""

    instance_uid: str
    file_share_uid: str
    backup_server_uid: str
    job_uid: str
    job_unique_uid: str
    repository_uid: str
    snapshot_id: str
    created_at: datetime
    size: int
    added: int
    files: int
    is_complete: bool
    expires_at: datetime | None
    forgotten_at: datetime | None
    verified_at: datetime | None = None
    damaged_at: datetime | None = None


class RestorePointCopy(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one restore point in one copy, as the console shows it."""

    restore_point_uid: str
    job_uid: str
    job_unique_uid: str
    repository_uid: str
    entry: LedgerEntry


class CopyPlan(msgspec.Struct, frozen=True):
    """What a copy run is to do, oldest first, and what it decided without doing anything."""

    copy: list[LedgerEntry]
    expire: list[LedgerEntry]
    wait: list[LedgerEntry]


def plan_copies(
    source: Iterable[Point], ledger: Mapping[str, LedgerEntry], retention: Retention, now: datetime
) -> CopyPlan:
    """Decide which source points the copy is to get.

    A point is copied when the copy's own retention would keep it and it has not been there yet. One that has expired
    stays expired, one that retention would drop at once is never copied, and one that failed before is tried after
    all others, so that it blocks none of them.

    Args:
        source: the points in the source repository.
        ledger: the copy job's entries by source snapshot id.
        retention: the copy's rule.
        now: the present; aware.
    """
    points = sorted(source, key=lambda point: (point.created_at, point.snapshot_id))
    keep = kept(points, retention, now)
    copy: list[LedgerEntry] = []
    quarantined: list[LedgerEntry] = []
    expire: list[LedgerEntry] = []
    for point in points:
        entry = ledger.get(point.snapshot_id)
        if entry is not None and (entry.state.is_held or entry.state is CopyState.EXPIRED):
            continue
        entry = entry or LedgerEntry(
            source_snapshot_id=point.snapshot_id,
            created_at=point.created_at,
            state=CopyState.PENDING,
            reason="Waiting for the next run.",
            expires_at=retention.expires_at(point.created_at),
        )
        if point.snapshot_id not in keep:
            reason = "Never copied: older than the retention of the copy allows."
            expire.append(msgspec.structs.replace(entry, state=CopyState.EXPIRED, reason=reason))
        elif entry.state is CopyState.QUARANTINED:
            quarantined.append(entry)
        else:
            copy.append(entry)
    return CopyPlan(copy=copy, expire=expire, wait=quarantined)


def plan_forgets(held: Iterable[LedgerEntry], retention: Retention, now: datetime) -> list[LedgerEntry]:
    """Decide which copies may go: those that the rule does not keep, judged by what the copy really holds.

    Judging by what is held, not by what the source has, keeps the newest copy even while newer points fail to arrive.
    """
    entries = {entry.source_snapshot_id: entry for entry in held if entry.state.is_held}
    points = [Point(snapshot_id=key, created_at=entry.created_at) for key, entry in entries.items()]
    keep = kept(points, retention, now)
    gone = [entry for key, entry in entries.items() if key not in keep]
    return sorted(gone, key=lambda entry: (entry.created_at, entry.source_snapshot_id))
