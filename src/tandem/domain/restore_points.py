"""Restore points, and the ledger that says of each of them and of each copy job where the copy stands and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from enum import StrEnum

import msgspec

from tandem.domain.drills import DrillResult
from tandem.domain.fates import Fate, Foreseen, fates_of
from tandem.domain.retention import Point, Rule, Verdict, judge


class CopyState(StrEnum):
    """Where the copy of one source point stands."""

    PENDING = "Pending"
    COPYING = "Copying"
    COPIED = "Copied"
    VERIFIED = "Verified"
    EXPIRED = "Expired"
    QUARANTINED = "Quarantined"
    MISSING = "Missing"

    @property
    def is_held(self) -> bool:
        """Whether the target repository has the point."""
        return self in {CopyState.COPIED, CopyState.VERIFIED}


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one copy job knows of one source restore point.

    Attributes:
        source_snapshot_id: the point in the first repository.
        created_at: when it was made; aware, as all instants.
        state: where its copy stands.
        reason: why.
        since: from when on it has stood there.
        target_snapshot_id: the copy in the target.
        copied_at: when the target got it.
        verified_at: when it was last read back.
        expires_at: when the rule lets it go.
        size: what a restore of it takes, in bytes.
        added: the bytes that copying it wrote to the target.
        is_whole: every file was read when it was made, and there was something to read.
        damaged_at: since when data of the copy is known to be lost or damaged; None if it is not.
        drilled_at: when the copy was last restored for a drill.
        drill_result: what that showed.
    """

    source_snapshot_id: str
    created_at: datetime
    state: CopyState
    reason: str = ""
    since: datetime | None = None
    target_snapshot_id: str | None = None
    copied_at: datetime | None = None
    verified_at: datetime | None = None
    expires_at: datetime | None = None
    size: int = 0
    added: int = 0
    is_whole: bool = True
    # Of a copy that somebody made by hand, in a repository that was there before the job.
    is_adopted: bool = False
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


def plan_copies(source: Iterable[Point], ledger: Mapping[str, LedgerEntry], rule: Rule, now: datetime) -> CopyPlan:
    """Decide which source points the copy is to get.

    A point is copied when the copy's own rule would keep it and it has not been there yet. One that has expired
    stays expired, one that the rule would drop at once is never copied, and one that failed before is tried after
    all others, so that it blocks none of them.

    Args:
        source: the points in the source repository.
        ledger: the copy job's entries by source snapshot id.
        rule: how long copies are kept.
        now: the present; aware.
    """
    points = sorted(source, key=lambda point: (point.created_at, point.snapshot_id))
    if all(_is_settled(ledger.get(point.snapshot_id)) for point in points):
        return CopyPlan(copy=[], expire=[], wait=[])
    verdicts = _judge_source(points, ledger, rule, now)
    copy: list[LedgerEntry] = []
    quarantined: list[LedgerEntry] = []
    expire: list[LedgerEntry] = []
    for point in points:
        entry = ledger.get(point.snapshot_id)
        if _is_settled(entry):
            continue
        verdict = verdicts[point.snapshot_id]
        entry = entry or LedgerEntry(
            source_snapshot_id=point.snapshot_id,
            created_at=point.created_at,
            state=CopyState.PENDING,
            reason="Waiting for the next run.",
            since=now,
            expires_at=verdict.expires_at,
            is_whole=point.is_whole,
        )
        if not verdict.is_kept:
            reason = "Never copied: older than the retention of the copy allows."
            expire.append(msgspec.structs.replace(entry, state=CopyState.EXPIRED, reason=reason, since=now))
        elif entry.state is CopyState.QUARANTINED:
            quarantined.append(entry)
        else:
            copy.append(entry)
    return CopyPlan(copy=copy, expire=expire, wait=quarantined)


def _is_settled(entry: LedgerEntry | None) -> bool:
    return entry is not None and (entry.state.is_held or entry.state is CopyState.EXPIRED)


def _judge_source(
    points: list[Point], ledger: Mapping[str, LedgerEntry], rule: Rule, now: datetime
) -> dict[str, Verdict]:
    """Judge the points of the source together with those that the copy already holds.

    A point whose copy is over stands for no period: another would be missed for it. One that is quarantined may, for
    when it can be copied; but until then another is kept in its place.
    """
    stopped = {uid: entry.state for uid, entry in ledger.items() if not entry.state.is_held}
    expired = {uid for uid, state in stopped.items() if state is CopyState.EXPIRED}
    quarantined = {uid for uid, state in stopped.items() if state is CopyState.QUARANTINED}
    held = {entry.source_snapshot_id: _held(entry) for entry in _held_of(ledger.values())}
    verdicts: dict[str, Verdict] = {}
    for passed_over in [expired, expired | quarantined] if quarantined else [expired]:
        candidates = {
            point.snapshot_id: msgspec.structs.replace(point, is_whole=False)
            if point.snapshot_id in passed_over
            else point
            for point in points
        }
        for uid, verdict in judge((candidates | held).values(), rule, now).items():
            if uid not in verdicts or verdict.is_kept:
                verdicts[uid] = verdict
    return verdicts


class HeldPlan(msgspec.Struct, frozen=True):
    """What is decided of the copies that are held, oldest first, each with the reason.

    Attributes:
        forget: which may go.
        unconfirmed: adopted ones that would go, if somebody had confirmed that.
        corrected: which have another `expires_at` by the rule.
    """

    forget: list[LedgerEntry]
    unconfirmed: list[LedgerEntry]
    corrected: list[LedgerEntry]


def plan_held(
    held: Iterable[LedgerEntry],
    rule: Rule,
    now: datetime,
    *,
    lacking: Collection[str] = (),
    may_forget_adopted: bool = False,
) -> HeldPlan:
    """Decide which copies may go, and correct until when copies are kept.

    Judged by what the copy really holds, not by what the source has: that keeps the newest copy even while newer
    points fail to arrive.

    Args:
        held: the copy job's entries; those whose copy is not held are left out.
        rule: how long copies are kept.
        now: the present; aware.
        lacking: the source snapshot ids of points that are known to lack files.
        may_forget_adopted: whether somebody has confirmed that those may go which were adopted.
    """
    entries = {entry.source_snapshot_id: entry for entry in sorted(_held_of(held), key=_age)}
    points = (_held(entry, lacking) for entry in entries.values())
    fates = fates_of(points, rule, now, may_forget_adopted=may_forget_adopted)
    told = {
        key: msgspec.structs.replace(entries[key], reason=fate.reason, expires_at=fate.expires_at)
        for key, fate in fates.items()
        if fate.fate is Fate.DELETE or fate.is_unconfirmed
    }
    # After a change of the retention they are others.
    corrected = [
        msgspec.structs.replace(entries[key], expires_at=fate.expires_at)
        for key, fate in fates.items()
        if entries[key].expires_at != fate.expires_at
    ]
    return HeldPlan(
        forget=[entry for key, entry in told.items() if fates[key].fate is Fate.DELETE],
        unconfirmed=[entry for key, entry in told.items() if fates[key].is_unconfirmed],
        corrected=corrected,
    )


def foresee_copies(
    source: Iterable[Point],
    ledger: Mapping[str, LedgerEntry],
    rule: Rule,
    now: datetime,
    *,
    may_forget_adopted: bool,
) -> dict[str, Foreseen]:
    """Say what a run of a copy job does with the points that either repository holds, by their source snapshot ids.

    Args:
        source: the points in the source repository.
        ledger: the copy job's entries by source snapshot id.
        rule: how long copies are kept.
        now: when it runs; aware.
        may_forget_adopted: whether somebody has confirmed that those copies may go which were adopted.
    """
    source = list(source)
    plan = plan_copies(source, ledger, rule, now)
    lacking = {point.snapshot_id for point in source if not point.is_complete}
    there = _held_of(ledger.values())
    made = [msgspec.structs.replace(entry, copied_at=now) for entry in plan.copy]
    held = (_held(entry, lacking) for entry in (*there, *made))
    fates = fates_of(held, rule, now, may_forget_adopted=may_forget_adopted)
    found = {
        entry.source_snapshot_id: Foreseen(Fate.SKIP, entry.reason, entry.expires_at or now) for entry in plan.expire
    }
    for entry in (*plan.copy, *plan.wait):
        fate = fates.get(entry.source_snapshot_id)
        reason = f"Quarantined before: {entry.reason}" if entry in plan.wait else "Not there yet."
        kept_because = f" {fate.reason}" if fate else ""
        until = fate.expires_at if fate else entry.expires_at or now
        found[entry.source_snapshot_id] = Foreseen(Fate.COPY, f"{reason}{kept_because}", until)
    return found | {entry.source_snapshot_id: fates[entry.source_snapshot_id] for entry in there}


def _held_of(entries: Iterable[LedgerEntry]) -> list[LedgerEntry]:
    return [entry for entry in entries if entry.state.is_held]


def _held(entry: LedgerEntry, lacking: Collection[str] = ()) -> Point:
    """Give what the rule needs to know of a copy."""
    uid = entry.source_snapshot_id
    return Point(uid, entry.created_at, entry.is_whole, entry.copied_at, uid not in lacking, entry.is_adopted)


def _age(entry: LedgerEntry) -> tuple[datetime, str]:
    return entry.created_at, entry.source_snapshot_id
