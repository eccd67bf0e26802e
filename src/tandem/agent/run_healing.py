"""A healing that someone asked for: all of a repository is read, and what is damaged is brought back from the copies.

A first repository gets back the data, not the points: a copy is marked for the time, so that restic takes it for
another point; what comes along as a point is forgotten at once, and the point that was there all the time is whole
again. It keeps its id, and so its place in every ledger.
"""

from __future__ import annotations

import msgspec

from tandem.agent import damage, proof_memory
from tandem.agent.ledger import Ledger
from tandem.agent.run import Run
from tandem.agent.run_verification import end_healing, prepare_healing, tell_stand
from tandem.protocol.messages import JobConfiguration, RepositoryConfiguration
from tandem.restic import check, copy, forget, snapshots, tag
from tandem.restic.errors import ResticError, Stopped
from tandem.restic.process import RepositoryAccess


class _Loan(msgspec.Struct, frozen=True):
    """A point to heal, and its whole copy."""

    job: JobConfiguration
    original: str
    copy_id: str


def repositories_of_healing(jobs: list[JobConfiguration], repository_uid: str) -> frozenset[str]:
    """Give the repositories that a healing works on: the one itself, and those with copies of its points."""
    sources = {job.uid for job in jobs if job.target_repository_uid == repository_uid}
    return frozenset({repository_uid} | {job.target_repository_uid for job in jobs if job.source_job_uid in sources})


def run_healing(run: Run, repository_uid: str) -> None:
    """Read all of a repository, and heal what can be healed; what is lost is named.

    Raises:
        ResticError: if the repository cannot be read or written; Stopped if the run was told to end. Nothing is lost.
    """
    repository = run.repository(repository_uid)
    access = run.means.repositories.open(repository, run.control)
    _return_loans(run, access)
    began = run.now
    report = check.run(run.means.engine, access, read_all=True, control=run.control)
    rotation = proof_memory.rotation(run.means.state, repository.uid, began)
    if report.is_clean:
        end_healing(run, repository, access)
        run.messages.append(f"All packs of {repository.name} were read back; nothing is missing.")
        tell_stand(run, repository, rotation, "")
        return
    found = prepare_healing(run, repository, access, report)
    touched = found.touched
    if touched and damage.backup_jobs_into(run, repository.uid):
        for target_uid, loans in _loans(run, repository, touched).items():
            _borrow(run, access, run.repository(target_uid), loans)
        touched = damage.touched_points(run, access)
        run.note(points_copied=len(found.touched - touched))
        if touched == found.touched and found.set_aside:
            damage.undo(run, access, found)
    lost = damage.mark_points(run, repository.uid, touched)
    healed = len(found.touched - touched)
    run.messages.append(f"{healed} restore points of {repository.name} are whole again; {lost} are not.")
    problem = f"{len(touched)} restore points miss data that no copy holds." if touched else ""
    tell_stand(run, repository, rotation, problem)


def _loans(run: Run, repository: RepositoryConfiguration, touched: set[str]) -> dict[str, list[_Loan]]:
    """Give whole copies of damaged points, one for each, by the repository that holds them."""
    loans: dict[str, list[_Loan]] = {}
    met: set[str] = set()
    for source in damage.backup_jobs_into(run, repository.uid):
        for job in (other for other in run.configuration.jobs if other.source_job_uid == source.uid):
            for entry in run.means.state.ledger(job.uid).values():
                original, copy_id = entry.source_snapshot_id, entry.target_snapshot_id
                if original in touched - met and entry.state.is_held and copy_id is not None:
                    met.add(original)
                    loans.setdefault(job.target_repository_uid, []).append(_Loan(job, original, copy_id))
                    run.decide("heal", original, f"Damaged in the first repository; {job.name} holds a copy of it.")
    return loans


def _borrow(run: Run, access: RepositoryAccess, lender: RepositoryConfiguration, loans: list[_Loan]) -> None:
    """Bring the data of copies to the repository with the damaged points."""
    engine, control = run.means.engine, run.control
    lender_access = run.means.repositories.open(lender, control)
    tag.add(engine, lender_access, tag.LENDING, [loan.copy_id for loan in loans], control=control)
    try:
        for snapshot in snapshots.read(engine, lender_access, control=control):
            if tag.LENDING in snapshot.tags:
                try:
                    copy.run(engine, lender_access, access, [snapshot.id], control=control)
                except Stopped:
                    raise
                except ResticError as error:
                    run.warn(f"The copy of {snapshot.time:%Y-%m-%d %H:%M:%S} in {lender.name} does not heal: {error}")
    finally:
        _return_loans(run, access)
        _return_loans(run, lender_access, is_lender=True)
        for job in {loan.job.uid: loan.job for loan in loans}.values():
            points = run.means.state.points(job.source_job_uid or "")
            Ledger(run, job).reconcile(lender, lender_access, points)


def _return_loans(run: Run, access: RepositoryAccess, *, is_lender: bool = False) -> None:
    """Forget the points that came with borrowed data, or take the mark off the copies that were lent."""
    engine = run.means.engine
    # Not under the run's control: a run that was told to end leaves nothing behind either.
    found = [one for one in snapshots.read(engine, access) if tag.LENDING in one.tags]
    marked = [one.id for one in found]
    if not marked:
        return
    if is_lender:
        tag.remove(engine, access, tag.LENDING, marked)
    else:
        forget.run(engine, access, marked)
