"""A run of a file share job: one restore point of the share, then retention in the first repository."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

import msgspec

from tandem.agent import adoption, holds
from tandem.agent.mount_programs import MountError
from tandem.agent.mounts import ShareLost
from tandem.agent.open_repository import OpenRepository
from tandem.agent.remembered import HeldPoint
from tandem.agent.run import Run
from tandem.agent.space import RepositoryFull, forget_points, is_about_writing, prune_if_worth_it
from tandem.domain.fates import Fate, fates_of
from tandem.domain.holds import judge_adopted_points, judge_new_point
from tandem.domain.sessions import Progress
from tandem.protocol.messages import FileShareConfiguration, JobConfiguration
from tandem.restic import backup, forget, masks, snapshots
from tandem.restic.errors import ResticError

ERRORS_SHOWN_MAX = 20


class _Origin(NamedTuple):
    """What restic writes into each point of a job."""

    path: str
    host_name: str

    def is_of(self, snapshot: snapshots.Snapshot) -> bool:
        """Say whether a point was made by the job, neither copied nor labelled since."""
        is_here = snapshot.paths == (self.path,) and snapshot.hostname == self.host_name
        return is_here and snapshot.original is None


def run_file_share_job(run: Run, job: JobConfiguration, host_name: str) -> None:
    """Back the share up and keep what the retention says.

    Args:
        run: the session.
        job: what to run.
        host_name: the name that points carry; the same for the life of this agent.

    Raises:
        ResticError: if no point was made; Stopped if the run was told to end.
    """
    share = next(found for found in run.configuration.file_shares if found.uid == job.file_share_uid)
    holds.take_releases(run.means.state, run.configuration)
    run.means.clock_watch.look(run.configuration)
    with run.open(job.target_repository_uid) as repository:
        _make_point(run, job, repository, share, host_name)


def adopt_points(run: Run, job: JobConfiguration, host_name: str) -> None:
    """Take in the points that the job adopts, and do nothing else.

    Raises:
        ResticError: if the repository cannot be read.
    """
    share = next(found for found in run.configuration.file_shares if found.uid == job.file_share_uid)
    with run.open(job.target_repository_uid) as repository:
        _reconcile(run, job, repository, _Origin(run.means.mounts.path_of(share), host_name))
        found = snapshots.read(run.means.engine, repository.access, control=run.control)
        run.messages.extend(adoption.missing_origins(job, repository.name, found))


def _make_point(
    run: Run, job: JobConfiguration, repository: OpenRepository, share: FileShareConfiguration, host_name: str
) -> None:
    origin = _Origin(run.means.mounts.path_of(share), host_name)
    _reconcile(run, job, repository, origin)
    try:
        _back_up(run, job, repository, share, host_name)
    except MountError:
        # What restic saved in its last moment and could not tell; the next run would take it in, as incomplete.
        with contextlib.suppress(ResticError):
            _discard_untold(run, job, repository, origin)
        raise
    except ResticError as error:
        if not is_about_writing(error, repository):
            raise
        # What retention takes anyway makes room for the next run.
        with contextlib.suppress(ResticError):
            _free_space(run, job, repository, is_urgent=True)
        raise RepositoryFull(f"The repository cannot be written: {error}", exit_code=error.exit_code) from error
    finally:
        run.note(transferred=repository.grown_by())
    _free_space(run, job, repository)


def _back_up(
    run: Run, job: JobConfiguration, repository: OpenRepository, share: FileShareConfiguration, host_name: str
) -> None:
    def show(progress: backup.Progress) -> None:
        run.show(
            Progress(
                percent=round(progress.percent_done * 100, 1),
                files_done=progress.files_done,
                files_total=progress.total_files,
                bytes_done=progress.bytes_done,
                bytes_total=progress.total_bytes,
            )
        )

    started_at = run.now
    with run.means.mounts.open(share) as source:
        with run.means.mounts.watch(source, run.control) as control:
            summary = backup.run(
                run.means.engine,
                repository.access,
                source.path,
                host=host_name,
                is_remote=source.is_remote,
                excludes=masks.patterns(source.path, share.inclusion_masks, share.exclusion_masks),
                on_progress=show,
                control=control,
            )
        point = HeldPoint(
            uid=str(uuid.uuid4()),
            snapshot_id=summary.snapshot_id,
            created_at=started_at,
            size=summary.total_bytes_processed,
            added=summary.data_added,
            files=summary.total_files_processed,
            is_complete=summary.is_complete,
        )
        if lost := source.last_look():
            _discard(run, job, repository, point)
            raise ShareLost(f"The share went away while it was read: {lost} No restore point was made of it.")
    _remember_new(run, job, point)
    run.decide("backup", point.snapshot_id, "The share as it was during this session.")
    run.note(
        files_total=summary.total_files_processed,
        files_changed=summary.files_new + summary.files_changed,
        files_skipped=len(summary.errors),
        source_size=summary.total_bytes_processed,
    )
    if not summary.is_complete:
        run.warn("Some files could not be read; this restore point is incomplete.")
        run.messages.extend(summary.errors[:ERRORS_SHOWN_MAX])


def _remember_new(run: Run, job: JobConfiguration, point: HeldPoint) -> None:
    state = run.means.state
    before = holds.seen_points(state, job.uid)
    with state.transaction():
        # Together: no crash lets a point be trusted that should not be.
        remember_point(run, job, point)
        holds.add_causes(state, job.uid, judge_new_point(holds.seen(point), before, run.now))


def _discard(run: Run, job: JobConfiguration, repository: OpenRepository, point: HeldPoint) -> None:
    """Forget a point that was made of a share that was going away: what it lacks was not deleted."""
    state = run.means.state
    with state.transaction():
        state.put_point(repository.uid, job.uid, msgspec.structs.replace(point, is_complete=False))
        state.mark_points_going(repository.uid, [point.snapshot_id])
    # If this fails, the next run forgets it with the others that are going.
    forget.run(run.means.engine, repository.access, [point.snapshot_id], control=run.control)
    state.drop_point(repository.uid, point.snapshot_id)


def _discard_untold(run: Run, job: JobConfiguration, repository: OpenRepository, origin: _Origin) -> None:
    known = repository.held | run.means.state.known_snapshots(repository.uid, [])
    for snapshot in snapshots.read(run.means.engine, repository.access, control=run.control):
        if origin.is_of(snapshot) and snapshot.id not in known:
            _discard(run, job, repository, _unknown_point(snapshot.id, snapshot.time))


def _unknown_point(snapshot_id: str, created_at: datetime) -> HeldPoint:
    return HeldPoint(
        uid=str(uuid.uuid4()),
        snapshot_id=snapshot_id,
        created_at=created_at,
        size=0,
        added=0,
        files=0,
        is_complete=False,
    )


def _free_space(run: Run, job: JobConfiguration, repository: OpenRepository, *, is_urgent: bool = False) -> None:
    # Once more: while a long backup went on, the clock may have been set.
    run.means.clock_watch.look(run.configuration)
    if why := holds.why_held(run.means.state, job):
        run.warn(why)
    else:
        _keep_retention(run, job, repository)
        prune_if_worth_it(run, repository, is_urgent=is_urgent)
    run.means.state.add_report(repository.report())


def _keep_retention(run: Run, job: JobConfiguration, repository: OpenRepository) -> None:
    state = run.means.state
    known = [point.for_rule for point in state.points(job.uid, is_going=False)]
    fates = fates_of(known, run.rule(job), run.now, may_forget_adopted=job.may_forget_adopted)
    adoption.tell_unconfirmed(run, job, {uid: fate.reason for uid, fate in fates.items() if fate.is_unconfirmed})
    old = sorted(uid for uid, fate in fates.items() if fate.fate is Fate.DELETE)
    for snapshot_id in old:
        run.decide("forget", snapshot_id, fates[snapshot_id].reason)
    # First the intent, then the deed: after a crash in between, the next run forgets them again.
    state.mark_points_going(repository.uid, old)
    going = state.points(job.uid, is_going=True)
    refused = forget_points(run, repository, {point.snapshot_id: point.added for point in going})
    state.mark_points_going(repository.uid, refused, is_going=False)
    for point in going:
        if point.snapshot_id not in refused:
            _report_gone(run, job, point)
    for point in state.points(job.uid, is_going=False):
        fate = fates.get(point.snapshot_id)
        if fate is not None and point.expires_at != fate.expires_at:
            remember_point(run, job, msgspec.structs.replace(point, expires_at=fate.expires_at))


def _reconcile(run: Run, job: JobConfiguration, repository: OpenRepository, origin: _Origin) -> None:
    """Bring what we remember in line with what the repository holds.

    A run that was cut short between restic's saving of a point and our noting of it left one that nobody knows; a
    point that somebody removed by hand is gone, and is said to be. Points that cannot be this job's are left alone:
    once known, retention would forget them.
    """
    state = run.means.state
    held = repository.held
    points = state.points(job.uid, is_going=False)
    gone = {point.original or point.snapshot_id: point for point in points if point.snapshot_id not in held}
    copies = [other.uid for other in run.configuration.jobs if other.target_repository_uid == repository.uid]
    known = state.known_snapshots(repository.uid, copies)
    if held - known:
        _take_in(run, job, repository, origin, gone=gone, known=known)
    for point in gone.values():
        run.warn(f"The restore point of {point.created_at:%Y-%m-%d %H:%M} was removed by someone else.")
        _report_gone(run, job, point)


def _take_in(
    run: Run,
    job: JobConfiguration,
    repository: OpenRepository,
    origin: _Origin,
    *,
    gone: dict[str, HeldPoint],
    known: AbstractSet[str],
) -> None:
    """Take in what the repository holds of the job and nobody knows; leaves in `gone` what is really gone."""
    state = run.means.state
    adopted: list[HeldPoint] = []
    for snapshot in snapshots.read(run.means.engine, repository.access, control=run.control):
        is_ours = origin.is_of(snapshot) and snapshot.time >= job.created_at
        labelled = gone.pop(snapshot.original or "", None) if snapshot.id not in known else None
        if labelled is not None:
            # Restic gives a point that somebody labels another id: it is the same point.
            same = msgspec.structs.replace(labelled, uid=str(uuid.uuid4()), snapshot_id=snapshot.id)
            formerly = [*labelled.formerly, labelled.snapshot_id]
            with state.transaction():
                # Together: once the old id is forgotten, nothing would tell whose point the new one is.
                _report_gone(run, job, labelled)
                remember_point(run, job, msgspec.structs.replace(same, original=snapshot.original, formerly=formerly))
            continue
        if snapshot.id in known or not (is_ours or adoption.is_adopted(snapshot, job)):
            continue
        point = _unknown_point(snapshot.id, snapshot.time)
        taken = msgspec.structs.replace(point, original=snapshot.original, is_adopted=not is_ours)
        adopted.append(taken)
        text = "A session that was cut short had made this point; whether it read all files is not known."
        run.decide("adopt", snapshot.id, text if is_ours else adoption.TAKEN_IN)
    before = holds.seen_points(state, job.uid)
    with state.transaction():
        for point in adopted:
            remember_point(run, job, point)
        causes = judge_adopted_points([holds.seen(point) for point in adopted if not point.is_adopted], before, run.now)
        holds.add_causes(state, job.uid, causes)


def remember_point(run: Run, job: JobConfiguration, point: HeldPoint) -> None:
    """Remember a point as it is now, and tell."""
    if point.expires_at is None:
        point = msgspec.structs.replace(point, expires_at=job.retention.expires_at(point.created_at))
    with run.means.state.transaction():
        run.means.state.put_point(job.target_repository_uid, job.uid, point)
        run.means.state.add_report(point.report(job.uid))


def _report_gone(run: Run, job: JobConfiguration, point: HeldPoint) -> None:
    with run.means.state.transaction():
        run.means.state.drop_point(job.target_repository_uid, point.snapshot_id)
        run.means.state.add_report(point.report(job.uid, forgotten_at=run.now))
