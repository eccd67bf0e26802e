"""The ledger of a copy job while a run works on it: every change is stored and reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from itertools import accumulate
from typing import Any

import msgspec

from tandem.agent.open_repository import OpenRepository
from tandem.agent.remembered import HeldPoint
from tandem.agent.run import Run
from tandem.domain.damage import BEYOND_HEALING, is_remnant
from tandem.domain.restore_points import CopyState, LedgerEntry
from tandem.domain.sessions import Progress
from tandem.protocol.messages import JobConfiguration
from tandem.restic import snapshots, tag

REASON_LENGTH_MAX = 1_000
# A copy of these that nobody noted is one that a run of this job made before it was cut short.
TRIED = frozenset({CopyState.COPYING, CopyState.QUARANTINED})


class Ledger:
    """Where each source point's copy stands."""

    def __init__(self, run: Run, job: JobConfiguration) -> None:
        """Load the entries."""
        self.entries = run.means.state.ledger(job.uid)
        self.sizes: dict[str, tuple[int, int]] = {}
        # Of the points in the first repository, those that are known to lack files.
        self.lacking: set[str] = set()
        self._run = run
        self._job = job
        # What is left of damaged copies, marked so that they are copied again: its snapshot, by the source's.
        self._remnants: dict[str, str] = {}
        self._done = 0
        self._total = 0
        self._left: dict[str, int] = {}
        self._bytes_done = 0
        self._bytes_total = 0

    def reconcile(self, target: OpenRepository, points: Sequence[HeldPoint]) -> list[LedgerEntry]:
        """Bring the entries in line with what the target really holds.

        Copies are recognized by restic's `original` id. A copy that is gone will be made again; one that nobody noted,
        because the last run was cut short or this agent's memory is new, is noted.

        Args:
            target: the repository of the copies.
            points: of the source job.

        Returns:
            entries that have expired although the target still holds their copy: to be forgotten.
        """
        held = target.held
        jobs = self._run.configuration.jobs
        others = [each.uid for each in jobs if each.target_repository_uid == target.uid and each.uid != self._job.uid]
        own = {entry.target_snapshot_id for entry in self.entries.values()}
        unknown = held - own - self._run.means.state.known_snapshots(target.uid, others)
        self.sizes = {point.snapshot_id: (point.size, point.added) for point in points}
        self.lacking = {point.snapshot_id for point in points if not point.is_complete}
        self._follow_labels(points)
        if unknown:
            self._adopt(unknown, target, points)
        self._give_up_lost(held)
        return [
            entry
            for entry in self.entries.values()
            if entry.state is CopyState.EXPIRED and entry.target_snapshot_id in held
        ]

    def expire_lost(self, held: AbstractSet[str]) -> None:
        """Note the points that left the first repository before they could be copied.

        One that the target has lost stays missing until its time is over: it was there once, and may come back.
        """
        for entry in list(self.entries.values()):
            if entry.source_snapshot_id not in held and is_remnant(entry):
                self._change(entry, state=CopyState.QUARANTINED, reason=BEYOND_HEALING)
                continue
            if entry.state is CopyState.MISSING and entry.source_snapshot_id not in held:
                if entry.expires_at is not None and entry.expires_at <= self._run.now:
                    self._change(entry, state=CopyState.EXPIRED, reason="Its time was over while it was missing.")
                continue
            if entry.source_snapshot_id not in held and entry.state in {
                CopyState.PENDING,
                CopyState.COPYING,
                CopyState.QUARANTINED,
            }:
                reason = "Gone from the first repository before it could be copied."
                self._change(entry, state=CopyState.EXPIRED, reason=reason)

    def write(self, entries: Iterable[LedgerEntry]) -> None:
        """Store and report entries."""
        changed = list(entries)
        if not changed:
            return
        for entry in changed:
            self.entries[entry.source_snapshot_id] = entry
        with self._run.means.state.transaction():
            self._run.means.state.put_entries(self._job.uid, changed)
            self._run.means.state.report_entries(self._job.uid, changed)

    def set_apart(self, target: OpenRepository, entries: Iterable[LedgerEntry]) -> None:
        """Mark what is left of damaged copies, so that restic does not skip their points."""
        damaged = [entry for entry in entries if is_remnant(entry)]
        if not damaged:
            return
        for entry in damaged:
            self._run.decide("heal", entry.source_snapshot_id, entry.reason)
        engine, control = self._run.means.engine, self._run.control
        ids = [entry.target_snapshot_id for entry in damaged if entry.target_snapshot_id]
        # A mark gives a point another id; what it was first copied from stays.
        points = {entry.target_snapshot_id: entry.source_snapshot_id for entry in damaged}
        before = snapshots.read(engine, target.access, control=control)
        originals = {
            snapshot.original or snapshot.id: points[snapshot.id] for snapshot in before if snapshot.id in points
        }
        tag.add(engine, target.access, tag.DAMAGED, ids, control=control)
        for snapshot in snapshots.read(engine, target.access, control=control):
            if tag.DAMAGED in snapshot.tags and snapshot.original in originals:
                self._meet_remnant(originals[snapshot.original], snapshot.id)

    def replaced(self) -> list[str]:
        """Give what is left of damaged copies in whose place there is a whole one now: to be forgotten."""
        return [
            snapshot_id
            for original, snapshot_id in self._remnants.items()
            if self._entry(original).state.is_held and self._entry(original).target_snapshot_id != snapshot_id
        ]

    def expect(self, snapshot_ids: Sequence[str]) -> None:
        """Say which points are to be copied, in their order.

        What a point adds is what its backup added; the first one in an empty target brings all that it holds.
        """
        is_empty = not any(entry.state.is_held for entry in self.entries.values())
        self._left = {uid: self.sizes.get(uid, (0, 0))[1] for uid in snapshot_ids}
        if is_empty and snapshot_ids:
            self._left[snapshot_ids[0]] = max(self.sizes.get(snapshot_ids[0], (0, 0)))
        self._total = len(snapshot_ids)
        self._bytes_total = sum(self._left.values())

    def begin(self, entries: list[LedgerEntry]) -> None:
        """Note that points are being copied."""
        changes = {"state": CopyState.COPYING, "reason": "Being copied."}
        self.write([self._changed(entry, **changes) for entry in entries])

    def commit(self, snapshot_id: str, target_snapshot_id: str) -> None:
        """Note that a point is in the target; said once more with the whole id, it changes only that."""
        entry = self._entry(snapshot_id)
        if entry.state.is_held and entry.target_snapshot_id == target_snapshot_id:
            return
        if not entry.state.is_held:
            self._done += 1
            self._bytes_done += self._left.pop(snapshot_id, 0)
            self._run.note(points_copied=self._run.statistics.points_copied + 1)
        self._hold(entry, target_snapshot_id)
        self._run.show(self.progress(0, 0))

    def quarantine(self, snapshot_id: str, reason: str) -> None:
        """Note that a point cannot be copied."""
        entry = self._entry(snapshot_id)
        self._change(entry, state=CopyState.QUARANTINED, reason=reason[:REASON_LENGTH_MAX])

    def expire(self, snapshot_id: str, reason: str) -> None:
        """Note that a point's copy is over; it will never be made again."""
        self._change(self._entry(snapshot_id), state=CopyState.EXPIRED, reason=reason)

    def clear_targets(self, snapshot_ids: list[str]) -> None:
        """Note that the copies of expired points are gone from the target."""
        self.write([msgspec.structs.replace(self._entry(uid), target_snapshot_id=None) for uid in snapshot_ids])

    def keep_refused(self, entries: Iterable[LedgerEntry]) -> None:
        """Note that the target would not let copies go: it holds them as before."""
        again = "The target lets nobody delete it; that is tried again."
        self.write(
            msgspec.structs.replace(
                entry,
                state=CopyState.VERIFIED if entry.verified_at else CopyState.COPIED,
                reason=f"{entry.reason.removesuffix(again).rstrip()} {again}",
                since=entry.copied_at,
            )
            for entry in entries
        )

    def share_out(self, snapshot_ids: Iterable[str], transferred: int) -> None:
        """Note what copying points wrote to the target, shared out as the points had grown the first repository."""
        entries = [entry for uid in snapshot_ids if (entry := self._entry(uid)).state is CopyState.COPIED]
        weights = [self.sizes.get(entry.source_snapshot_id, (0, 0))[1] + 1 for entry in entries]
        past, changed = 0, list[LedgerEntry]()
        for entry, end in zip(entries, accumulate(weights), strict=True):
            share = transferred * end // sum(weights)
            changed.append(msgspec.structs.replace(entry, added=share - past))
            past = share
        self.write(changed)

    def is_wanted(self, snapshot_id: str) -> bool:
        """Say whether a point is still to be copied in this run."""
        return self._entry(snapshot_id).state is CopyState.COPYING

    def progress(self, packs_done: int, packs_total: int) -> Progress:
        """Give how far the run is: restic tells the packs of the point at hand, the ledger what each point adds."""
        part = packs_done / packs_total if packs_total else 0.0
        at_hand = next((self._left[uid] for uid in self._left if self.is_wanted(uid)), 0)
        done = self._bytes_done + round(part * at_hand)
        whole = done / self._bytes_total if self._bytes_total else (self._done + part) / max(1, self._total)
        return Progress(
            percent=100.0 if self._total == 0 else min(100.0, round(whole * 100, 1)),
            bytes_done=done,
            bytes_total=self._bytes_total,
            points_done=self._done,
            points_total=self._total,
        )

    def _follow_labels(self, points: Sequence[HeldPoint]) -> None:
        """Hand copies on to points that somebody has labelled: they have other ids, and the same content."""
        for point in points:
            known = [uid for uid in point.formerly if uid in self.entries]
            if not known or point.snapshot_id in self.entries:
                continue
            entry = self.entries[known[-1]]
            over = {"state": CopyState.EXPIRED, "reason": "Its point was labelled: that has another id now."}
            self.write(
                [
                    msgspec.structs.replace(entry, source_snapshot_id=point.snapshot_id),
                    msgspec.structs.replace(entry, target_snapshot_id=None, **over),
                ]
            )

    def _adopt(self, unknown: AbstractSet[str], target: OpenRepository, points: Sequence[HeldPoint]) -> None:
        # Of a point that is a copy itself, or was labelled, restic hands on the id of the very first one.
        sources = {point.original: point for point in points if point.original is not None}
        sources |= {point.snapshot_id: point for point in points}
        for snapshot in snapshots.read(self._run.means.engine, target.access, control=self._run.control):
            original = snapshot.original
            if snapshot.id not in unknown or original is None:
                continue
            source = sources.get(original)
            key = original if source is None else source.snapshot_id
            if tag.DAMAGED in snapshot.tags:
                self._meet_remnant(key, snapshot.id)
                continue
            if source is not None and key not in self.entries:
                made = LedgerEntry(
                    source_snapshot_id=key,
                    created_at=source.created_at,
                    state=CopyState.PENDING,
                    is_whole=source.for_rule.is_whole,
                )
                self.write([made])
            entry = self.entries.get(key)
            if entry is None:
                continue
            if entry.state.is_held and entry.target_snapshot_id in target.held:
                what = f"The copy of {entry.created_at:%Y-%m-%d %H:%M:%S} is in the target twice"
                self._run.warn(f"{what}: {snapshot.id[:8]} was made by someone else, who may forget it.")
                continue
            is_by_hand = target.configuration.is_existing and entry.state not in TRIED
            is_over = entry.state is CopyState.EXPIRED and not (is_by_hand and entry.target_snapshot_id is None)
            if entry.state.is_held or is_over:
                # Restic gives a copy that somebody labels another id: it is the same copy.
                self._change(entry, target_snapshot_id=snapshot.id)
                continue
            self._run.decide("adopt", key, "The target has it, although no session that ended says so.")
            self._hold(msgspec.structs.replace(entry, is_adopted=is_by_hand), snapshot.id)

    def _meet_remnant(self, original: str, snapshot_id: str) -> None:
        entry = self.entries.get(original)
        if entry is None:
            return
        self._remnants[original] = snapshot_id
        if not entry.state.is_held:
            self._change(entry, target_snapshot_id=snapshot_id)

    def _give_up_lost(self, held: AbstractSet[str]) -> None:
        for entry in list(self.entries.values()):
            if (entry.state.is_held or is_remnant(entry)) and entry.target_snapshot_id not in held:
                when = f"{entry.created_at:%Y-%m-%d %H:%M:%S}"
                self._run.warn(f"The copy of {when} is gone from the target; it is made again if that is possible.")
                nothing = dict.fromkeys(("target_snapshot_id", "copied_at", "verified_at", "damaged_at"))
                nothing |= {"is_adopted": False}
                self._change(entry, state=CopyState.MISSING, reason="Lost at the target.", **nothing)

    def _hold(self, entry: LedgerEntry, target_snapshot_id: str) -> None:
        size, added = self.sizes.get(entry.source_snapshot_id, (entry.size, entry.added))
        self._change(
            entry,
            state=CopyState.COPIED,
            reason="",
            target_snapshot_id=target_snapshot_id,
            copied_at=self._run.now if entry.damaged_at else entry.copied_at or self._run.now,
            damaged_at=None,
            expires_at=entry.expires_at or self._job.retention.expires_at(entry.created_at),
            size=size,
            added=added,
        )

    def _entry(self, snapshot_id: str) -> LedgerEntry:
        return self.entries[snapshot_id]

    def _change(self, entry: LedgerEntry, **changes: Any) -> None:
        self.write([self._changed(entry, **changes)])

    def _changed(self, entry: LedgerEntry, **changes: Any) -> LedgerEntry:
        is_moved = changes.get("state", entry.state) is not entry.state
        return msgspec.structs.replace(entry, **({"since": self._run.now} if is_moved else {}), **changes)
