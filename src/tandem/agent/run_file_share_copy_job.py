"""A run of a file share copy job: what the copy is to have and has not got, oldest first; then its own retention.

The ledger says of each source point where its copy stands. Every step is noted before or together with its effect,
so that a run cut short at any moment is finished by the next.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec

from tandem.agent import holds
from tandem.agent.adoption import tell_unconfirmed
from tandem.agent.ledger import Ledger
from tandem.agent.open_repository import OpenRepository
from tandem.agent.proof_memory import warn_if_overdue
from tandem.agent.remembered import HeldPoint
from tandem.agent.run import Run
from tandem.agent.space import RepositoryFull, forget_points, is_about_writing, note_dead_data, prune_if_worth_it
from tandem.domain.damage import plan_remnants
from tandem.domain.restore_points import CopyPlan, HeldPlan, LedgerEntry, plan_copies, plan_held
from tandem.protocol.messages import JobConfiguration
from tandem.restic import copy, snapshots
from tandem.restic.errors import (
    RepositoryAway,
    RepositoryLocked,
    RepositoryMissing,
    ResticError,
    Stopped,
    WrongPassword,
)

# These say something of a repository, not of a point: no point is to blame.
NOT_THE_POINTS_FAULT = (RepositoryAway, RepositoryLocked, RepositoryMissing, Stopped, WrongPassword)
IDS_PER_CALL_MAX = 500


class Ends(msgspec.Struct, frozen=True):
    """The two repositories of a copy."""

    source: OpenRepository
    target: OpenRepository


def run_file_share_copy_job(run: Run, job: JobConfiguration) -> None:
    """Bring the copy up to what its retention says.

    Raises:
        ResticError: if a repository cannot be used; Stopped if the run was told to end. What was copied is kept.
    """
    source_job = _source_of(run, job)
    holds.take_releases(run.means.state, run.configuration)
    run.means.clock_watch.look(run.configuration)
    with (
        run.open(source_job.target_repository_uid, is_shared=True) as source,
        run.open(job.target_repository_uid) as target,
    ):
        _bring_up_to_date(run, job, source_job, Ends(source, target))


def adopt_copies(run: Run, job: JobConfiguration) -> None:
    """Take in the copies that somebody made by hand, and do nothing else.

    Raises:
        ResticError: if the target repository cannot be read.
    """
    with run.open(job.target_repository_uid) as target:
        Ledger(run, job).reconcile(target, run.means.state.points(_source_of(run, job).uid))


def _source_of(run: Run, job: JobConfiguration) -> JobConfiguration:
    source_job = next((found for found in run.configuration.jobs if found.uid == job.source_job_uid), None)
    if source_job is None:
        raise ResticError("The source job of this copy is not in the agent's configuration any more.")
    return source_job


def _bring_up_to_date(run: Run, job: JobConfiguration, source_job: JobConfiguration, ends: Ends) -> None:
    note_dead_data(run, ends.target)
    why_held = holds.why_held(run.means.state, source_job)
    if why_held:
        run.warn(why_held)
    ledger = Ledger(run, job)
    points = run.means.state.points(source_job.uid)
    leftovers = ledger.reconcile(ends.target, points)
    plan = _plan(run, job, points, ledger, ends.source)
    if not why_held:
        # What has expired is never copied: not to be said by a clock, or of points, that are in doubt.
        ledger.write(plan.expire)
    ledger.set_apart(ends.target, [*plan.copy, *plan.wait])
    try:
        _copy_all(run, ledger, ends, plan)
    except RepositoryFull:
        # What retention takes anyway makes room for the next run.
        if not why_held:
            with contextlib.suppress(ResticError):
                _free_space(run, job, ledger, ends, leftovers, is_urgent=True)
        raise
    finally:
        run.note(transferred=ends.target.grown_by())
    if why_held or _is_held_by_now(run, source_job):
        run.means.state.add_report(ends.target.report())
    else:
        _free_space(run, job, ledger, ends, leftovers)
    warn_if_overdue(run, ends.target.configuration)


def _is_held_by_now(run: Run, source_job: JobConfiguration) -> bool:
    """Look again before anything is deleted: while a long copy went on, the clock may have been set."""
    run.means.clock_watch.look(run.configuration)
    why_held = holds.why_held(run.means.state, source_job)
    if why_held:
        run.warn(why_held)
    return bool(why_held)


def _plan(
    run: Run, job: JobConfiguration, points: Sequence[HeldPoint], ledger: Ledger, source: OpenRepository
) -> CopyPlan:
    held = source.held
    going = {point.snapshot_id for point in run.means.state.points(job.source_job_uid or "", is_going=True)}
    ledger.expire_lost(held)
    here = held - going
    there = {point.snapshot_id: point.for_rule for point in points if point.snapshot_id in here}
    plan = plan_copies(there.values(), ledger.entries, run.rule(job), run.now)
    for entry in plan.expire:
        run.decide("skip", entry.source_snapshot_id, entry.reason)
    for entry in plan.copy:
        run.decide("copy", entry.source_snapshot_id, "Kept by the retention of the copy, and not there yet.")
    for entry in plan.wait:
        run.decide("retry", entry.source_snapshot_id, f"Quarantined before: {entry.reason}")
    run.note(source_size=max((size for size, _added in ledger.sizes.values()), default=0))
    return plan


def _copy_all(run: Run, ledger: Ledger, ends: Ends, plan: CopyPlan) -> None:
    ledger.expect([entry.source_snapshot_id for entry in (*plan.copy, *plan.wait)])
    ledger.begin(plan.copy)
    waiting = [entry.source_snapshot_id for entry in plan.copy]
    # One bad point must not hold up the others. A call that fails does not say which of its points is to blame, and
    # from restic 0.19 on may have saved none of them: so they are tried alone until the bad one is found.
    is_looking = False
    while waiting:
        if is_looking:
            is_looking = _copy_alone(run, ledger, ends, waiting[0])
        else:
            is_looking = not _copy_together(run, ledger, ends, waiting[:IDS_PER_CALL_MAX])
        waiting = [uid for uid in waiting if ledger.is_wanted(uid)]
    for entry in plan.wait:
        _copy_alone(run, ledger, ends, entry.source_snapshot_id)


def _copy_together(run: Run, ledger: Ledger, ends: Ends, snapshot_ids: list[str]) -> bool:
    """Copy points in one call; False if it failed because of one of them."""
    try:
        _copy(run, ledger, ends, snapshot_ids)
    except NOT_THE_POINTS_FAULT:
        raise
    except ResticError as error:
        _raise_if_no_points_fault(error, ends)
        return False
    return True


def _copy_alone(run: Run, ledger: Ledger, ends: Ends, snapshot_id: str) -> bool:
    """Copy one point, or quarantine it; False if it was the bad one."""
    try:
        _copy(run, ledger, ends, [snapshot_id])
    except NOT_THE_POINTS_FAULT:
        raise
    except ResticError as error:
        _raise_if_no_points_fault(error, ends)
        _quarantine(run, ledger, ends, snapshot_id, str(error))
        return False
    return True


def _copy(run: Run, ledger: Ledger, ends: Ends, snapshot_ids: list[str]) -> None:
    def saved(copied: copy.Copied) -> None:
        ledger.commit(copied.source_id, copied.target_id)

    def show(done: int, total: int) -> None:
        run.show(ledger.progress(done, total))

    before = ends.target.bytes_used()
    try:
        result = copy.run(
            run.means.engine,
            ends.source.access,
            ends.target.access,
            snapshot_ids,
            on_saved=saved,
            on_progress=show,
            ids_at_target=ends.target.point_ids,
            control=run.control,
        )
        for copied in result.copied:
            ledger.commit(copied.source_id, copied.target_id)
    finally:
        # Restic does not say what a copy wrote: measured for the call, it is exact where the call copied one point.
        if before is not None:
            ledger.share_out(snapshot_ids, max(0, (ends.target.bytes_used() or 0) - before))
    _explain_missing(run, ledger, ends, result.missing)


def _explain_missing(run: Run, ledger: Ledger, ends: Ends, snapshot_ids: Sequence[str]) -> None:
    """Note why restic has passed points over: they are gone, or it cannot read the file that describes them."""
    there = set(snapshots.read_ids(run.means.engine, ends.source.access, control=run.control)) if snapshot_ids else ()
    for snapshot_id in snapshot_ids:
        if snapshot_id in there:
            _quarantine(run, ledger, ends, snapshot_id, "Its own file in the first repository cannot be read.")
        else:
            ledger.expire(snapshot_id, "Gone from the first repository before it could be copied.")


def _quarantine(run: Run, ledger: Ledger, ends: Ends, snapshot_id: str, reason: str) -> None:
    ledger.quarantine(snapshot_id, reason)
    # What is cached of a damaged file would outlive the damage.
    ends.source.drop_cache()
    created_at = ledger.entries[snapshot_id].created_at
    run.warn(f"The restore point of {created_at:%Y-%m-%d %H:%M:%S} cannot be copied; it is quarantined: {reason}")


def _free_space(
    run: Run,
    job: JobConfiguration,
    ledger: Ledger,
    ends: Ends,
    leftovers: list[LedgerEntry],
    *,
    is_urgent: bool = False,
) -> None:
    _forget(run, job, ledger, ends, leftovers)
    prune_if_worth_it(run, ends.target, is_urgent=is_urgent)
    run.means.state.add_report(ends.target.report())


def _forget(run: Run, job: JobConfiguration, ledger: Ledger, ends: Ends, leftovers: list[LedgerEntry]) -> None:
    forget_points(run, ends.target, dict.fromkeys(ledger.replaced(), 0))
    held = _plan_held(run, job, ledger)
    remnants = plan_remnants(ledger.entries.values(), run.now)
    staying = [entry for entry in remnants if entry.is_adopted and not job.may_forget_adopted]
    tell_unconfirmed(run, job, {entry.source_snapshot_id: entry.reason for entry in (*held.unconfirmed, *staying)})
    going = [*held.forget, *(entry for entry in remnants if entry not in staying)]
    for entry in going:
        run.decide("forget", entry.source_snapshot_id, entry.reason)
        # First the intent, then the deed: a crash in between leaves an expired entry whose copy is still there.
        ledger.expire(entry.source_snapshot_id, entry.reason)
    all_going = [*leftovers, *going]
    added = {entry.target_snapshot_id: entry.added for entry in all_going if entry.target_snapshot_id}
    refused = forget_points(run, ends.target, added)
    ledger.keep_refused([entry for entry in all_going if entry.target_snapshot_id in refused])
    ledger.clear_targets([entry.source_snapshot_id for entry in all_going if entry.target_snapshot_id not in refused])
    # Where copies went, another may have taken their place.
    ledger.write((_plan_held(run, job, ledger) if all_going else held).corrected)


def _plan_held(run: Run, job: JobConfiguration, ledger: Ledger) -> HeldPlan:
    return plan_held(
        ledger.entries.values(),
        run.rule(job),
        run.now,
        lacking=ledger.lacking,
        may_forget_adopted=job.may_forget_adopted,
    )


def _raise_if_no_points_fault(error: ResticError, ends: Ends) -> None:
    if is_about_writing(error, ends.target):
        if ends.source.configuration.path in f"{error}":
            raise error
        raise RepositoryFull(f"The target repository cannot be written: {error}", exit_code=error.exit_code) from error
