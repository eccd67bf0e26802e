"""Damage in a repository: which packs, which points, and what is done so that they can be made whole again.

Nothing is deleted here. A damaged pack of a local repository is moved aside and an index is made anew that does not
know it: from then on what was in it counts as missing, and copying brings it again. Each step can be repeated: after a
crash the next check finds a pack that is not there, or points that miss something, and goes on.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet

import msgspec

from tandem.agent.ledger import Ledger
from tandem.agent.open_repository import OpenRepository
from tandem.agent.run import Run
from tandem.agent.run_file_share_job import remember_point
from tandem.domain.damage import is_remnant, marked_damaged
from tandem.domain.restore_points import CopyState
from tandem.protocol.messages import JobConfiguration
from tandem.restic import listing, packs, repair_index, snapshots, stats
from tandem.restic.check import CheckReport

NAMED_MAX = 20


class Damage(msgspec.Struct, frozen=True):
    """What is wrong with a repository: ids of packs, and of the points that miss something.

    `unreadable` packs are still in their place: what else reads them fails.
    """

    unreadable: list[str]
    set_aside: list[str]
    touched: set[str]


def take_stock(run: Run, repository: OpenRepository, report: CheckReport) -> Damage:
    """Set damaged packs aside, have the index forget them, and find the points that miss something.

    Args:
        run: the session.
        repository: the one that was checked.
        report: what the check found.

    Raises:
        ResticError: it could not be told; nothing is lost.
    """
    found = packs.parse(report.errors)
    folder = listing.local_path(repository.access.location)
    unreadable: list[str] = []
    set_aside: list[str] = []
    for pack in sorted(found.damaged):
        if folder is None:
            unreadable.append(pack)
        elif packs.is_intact(folder, pack):
            text = f"The pack {pack[:10]} of {repository.name} did not read back, and now does"
            run.warn(f"{text}: look after the disk and the memory of this machine.")
        else:
            packs.set_aside(folder, pack)
            set_aside.append(pack)
    for pack in sorted(found.lost):
        run.warn(f"The pack {pack[:10]} of {repository.name} is lost.")
    for pack in set_aside:
        run.warn(f"The pack {pack[:10]} of {repository.name} is damaged; it was moved to {packs.ASIDE}.")
    if unreadable:
        names = ", ".join(pack[:10] for pack in unreadable[:NAMED_MAX])
        text = f"{len(unreadable)} packs of {repository.name} are damaged ({names}) and cannot be moved aside from here"
        run.warn(f"{text}: remove them from the repository's data folder; the next verification has them copied again.")
    if found.lost or set_aside:
        repair_index.run(run.means.engine, repository.access, control=run.control)
    return Damage(unreadable, set_aside, touched_points(run, repository))


def undo(run: Run, repository: OpenRepository, damage: Damage) -> None:
    """Put packs back of which nothing can be healed: what of them reads is better than nothing."""
    folder = listing.local_path(repository.access.location)
    if folder is None or not damage.set_aside:
        return
    for pack in damage.set_aside:
        packs.put_back(folder, pack)
    repair_index.run(run.means.engine, repository.access, control=run.control)


def touched_points(run: Run, repository: OpenRepository) -> set[str]:
    """Give the points of a repository that miss something."""
    engine, access = run.means.engine, repository.access
    held = snapshots.read_ids(engine, access, control=run.control)
    return stats.missing_something(engine, access, held, control=run.control) if held else set()


def mark_copies(run: Run, repository_uid: str, touched: AbstractSet[str]) -> list[JobConfiguration]:
    """Note which copies in a repository are damaged, and which are whole again.

    Returns:
        the copy jobs that have something to copy again.
    """
    to_heal: list[JobConfiguration] = []
    for job in copy_jobs_into(run, repository_uid):
        source_ids = {point.snapshot_id for point in run.means.state.points(job.source_job_uid or "", is_going=False)}
        ledger = Ledger(run, job)
        entries = list(ledger.entries.values())
        damaged = [
            marked_damaged(entry, source_ids, run.now)
            for entry in entries
            if entry.target_snapshot_id in touched and (entry.state.is_held or is_remnant(entry))
        ]
        whole = [
            msgspec.structs.replace(entry, state=CopyState.COPIED, reason="", copied_at=run.now, damaged_at=None)
            for entry in entries
            if is_remnant(entry) and entry.target_snapshot_id not in touched
        ]
        ledger.write([*damaged, *whole])
        for entry in damaged:
            run.decide("damaged", entry.source_snapshot_id, entry.reason)
            run.warn(f"The copy of {entry.created_at:%Y-%m-%d %H:%M:%S}: {entry.reason}")
        if any(entry.state is CopyState.PENDING for entry in damaged):
            to_heal.append(job)
    return to_heal


def mark_points(run: Run, repository_uid: str, touched: AbstractSet[str]) -> int:
    """Note which points of a first repository are damaged and which are whole again; gives how many are damaged."""
    count = 0
    for job in backup_jobs_into(run, repository_uid):
        for point in run.means.state.points(job.uid, is_going=False):
            is_damaged = point.snapshot_id in touched
            count += is_damaged
            if is_damaged != (point.damaged_at is not None):
                at = run.now if is_damaged else None
                remember_point(run, job, msgspec.structs.replace(point, damaged_at=at, verified_at=None))
            if is_damaged:
                run.decide(
                    "damaged", point.snapshot_id, "Data of this point is lost or damaged in the first repository."
                )
                run.warn(f"The restore point of {point.created_at:%Y-%m-%d %H:%M:%S} is damaged.")
    return count


def copy_jobs_into(run: Run, repository_uid: str) -> list[JobConfiguration]:
    """Give the copy jobs whose copies are in a repository."""
    return [job for job in run.configuration.jobs if job.is_copy and job.target_repository_uid == repository_uid]


def backup_jobs_into(run: Run, repository_uid: str) -> list[JobConfiguration]:
    """Give the file share jobs whose points are in a repository."""
    return [job for job in run.configuration.jobs if not job.is_copy and job.target_repository_uid == repository_uid]
