"""Adoption at the backup server: what a repository holds by origin, which of it is a job's own, and what must stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC

import msgspec

from tandem.agent.run import Means, Run
from tandem.agent.state import State
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


def tell_unconfirmed(run: Run, job: JobConfiguration, reasons: Mapping[str, str]) -> None:
    """Tell which adopted points stay only because nobody has confirmed that they may go.

    Args:
        run: the session, which tells of it.
        job: whose retention it is.
        reasons: why each stays, and why it would go, by its snapshot id.
    """
    for snapshot_id, reason in sorted(reasons.items()):
        run.decide("hold", snapshot_id, reason)
    if reasons:
        text = (
            f"{len(reasons)} adopted points are older than the retention of the job; they stay until you confirm that"
        )
        run.messages.append(f'{text} they may go: tandem jobs adopt "{job.name}" --confirm-deletion')


class AdoptionsTold(msgspec.Struct, frozen=True):
    """Noted once: this agent has told what was adopted while agents did not tell."""


def tell_once(state: State, configuration: Configuration | None) -> None:
    """Tell which points are adopted, and which are not, once after the update from an agent that did not."""
    with state.transaction():
        if state.note("", AdoptionsTold) is None:
            if configuration is not None:
                existing = {each.uid for each in configuration.repositories if each.is_existing}
                jobs = configuration.jobs
                _tell(state, (job for job in jobs if job.adopts and not job.is_copy))
                _tell(state, (job for job in jobs if job.is_copy and job.target_repository_uid in existing))
            state.put_note("", AdoptionsTold())


def tell_where_asked(state: State, configuration: Configuration) -> None:
    """Tell it of the jobs of which the console asks."""
    with state.transaction():
        _tell(state, [job for job in configuration.jobs if job.is_adoption_asked])


def _tell(state: State, jobs: Iterable[JobConfiguration]) -> None:
    for job in jobs:
        for point in state.points(job.uid):
            # Whether one that is adopted has all files is never known.
            if not point.is_complete:
                state.add_report(point.report(job.uid))
        held = [entry for entry in state.ledger(job.uid).values() if entry.target_snapshot_id is not None]
        state.report_entries(job.uid, held)


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
