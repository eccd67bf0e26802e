"""Adoption at the backup server: what a repository holds by origin, which of it is a job's own, and what must stay."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import UTC

from tandem.agent.run import Means, Run
from tandem.domain.adoption import GROUPS_MAX, Origin, SnapshotGroup
from tandem.protocol.messages import (
    CollectSnapshots,
    Configuration,
    JobConfiguration,
    SnapshotsReport,
)
from tandem.restic import snapshots
from tandem.restic.errors import ResticError
from tandem.restic.process import Control
from tandem.restic.snapshots import Snapshot

TAKEN_IN = "The job adopts the points of this host and path; whether it has all files is not known."


def is_adopted(snapshot: Snapshot, job: JobConfiguration) -> bool:
    """Say whether somebody has made the points of a snapshot's host and paths those of a job."""
    return Origin(snapshot.hostname, snapshot.paths) in job.adopts


def missing_origins(job: JobConfiguration, repository_name: str, found: Iterable[Snapshot]) -> list[str]:
    """Say of which hosts and paths a job adopts points although its repository holds none: a slip, most likely."""
    held = {Origin(snapshot.hostname, snapshot.paths) for snapshot in found}
    return [
        f"{repository_name} holds no point of the host {origin.host_name} and {', '.join(origin.paths)}. See of which "
        f'it does: tandem repositories snapshots "{repository_name}"'
        for origin in job.adopts
        if origin not in held
    ]


def keep_adopted(run: Run, job: JobConfiguration, snapshot_ids: Iterable[str]) -> set[str]:
    """Give those of the adopted points, which retention would forget, that stay: all, until somebody confirms it.

    Args:
        run: the session, which tells of it.
        job: whose retention it is.
        snapshot_ids: adopted points that the retention does not keep.
    """
    kept = set[str]() if job.may_forget_adopted else set(snapshot_ids)
    for snapshot_id in sorted(kept):
        run.decide("hold", snapshot_id, "Adopted, and older than the retention: it stays until that is confirmed.")
    if kept:
        text = f"{len(kept)} adopted points are older than the retention of the job; they stay until you confirm that"
        run.messages.append(f'{text} they may go: tandem jobs adopt "{job.name}" --confirm-deletion')
    return kept


def look_into(means: Means, order: CollectSnapshots, configuration: Configuration, control: Control) -> SnapshotsReport:
    """Report what a repository of the configuration holds, or why that cannot be told. Nothing is locked."""
    repository = next(each for each in configuration.repositories if each.uid == order.repository_uid)
    groups: list[SnapshotGroup] = []
    failure = ""
    try:
        opened = means.repositories.open_to_read(repository, control)
        found = snapshots.read(means.engine, opened.access, control=control)
        copies = [job.uid for job in configuration.jobs if job.target_repository_uid == repository.uid]
        groups = groups_of(found, means.state.known_snapshots(repository.uid, copies))
    except (ResticError, OSError) as error:
        failure = str(error) or type(error).__name__
    return SnapshotsReport(repository_uid=repository.uid, request_uid=order.request_uid, failure=failure, groups=groups)


def groups_of(found: Iterable[Snapshot], known: AbstractSet[str]) -> list[SnapshotGroup]:
    """Put the points of a repository together by their origin, those with the newest point first."""
    by_origin: dict[Origin, list[Snapshot]] = {}
    for snapshot in found:
        by_origin.setdefault(Origin(snapshot.hostname, snapshot.paths), []).append(snapshot)
    groups = [
        SnapshotGroup(
            origin=origin,
            count=len(points),
            known=sum(point.id in known for point in points),
            copied=sum(point.original is not None for point in points),
            first_at=min(point.time for point in points).astimezone(UTC),
            last_at=max(point.time for point in points).astimezone(UTC),
        )
        for origin, points in by_origin.items()
    ]
    return sorted(groups, key=lambda group: group.last_at, reverse=True)[:GROUPS_MAX]
