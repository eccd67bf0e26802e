"""A healing that someone asked for: all of a repository is read, and what is damaged is brought back from the copies.

A first repository gets back the data, not the points: a copy is marked for the time, so that restic takes it for
another point; what comes along as a point is forgotten at once, and the point that was there all the time is whole
again. It keeps its id, and so its place in every ledger.
"""

from __future__ import annotations

import msgspec

from tandem.agent import damage, proof_memory
from tandem.agent.ledger import Ledger
from tandem.agent.open_repository import OpenRepository
from tandem.agent.run import Run
from tandem.agent.run_verification import end_healing, prepare_healing, tell_stand
from tandem.protocol.messages import JobConfiguration
from tandem.restic import check, copy, forget, snapshots, tag
from tandem.restic.errors import ResticError, Stopped


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
    with run.open(repository_uid) as repository:
        _recover(run, repository)
        rotation = proof_memory.rotation(run.means.state, repository.uid, run.now)
        report = check.run(run.means.engine, repository.access, read_all=True, control=run.control)
        problem = ""
        if report.is_clean:
            end_healing(run, repository)
            run.messages.append(f"All packs of {repository.name} were read back; nothing is missing.")
        else:
            problem = _heal(run, repository, report)
        tell_stand(run, repository, rotation, problem)


def _recover(run: Run, repository: OpenRepository) -> None:
    """Clear away what a healing that was cut short has left on either side."""
    _return_loans(run, repository)
    for source in damage.backup_jobs_into(run, repository.uid):
        for job in run.configuration.jobs:
            if job.source_job_uid == source.uid:
                with run.open(job.target_repository_uid) as lender:
                    _return_loans(run, lender, is_lender=True)
                _tell_ledger(run, job)


def _heal(run: Run, repository: OpenRepository, report: check.CheckReport) -> str:
    found = prepare_healing(run, repository, report)
    touched = found.touched
    if touched and damage.backup_jobs_into(run, repository.uid):
        for target_uid, loans in _loans(run, repository, touched).items():
            with run.open(target_uid) as lender:
                _borrow(run, repository, lender, loans)
        touched = damage.touched_points(run, repository)
        run.note(points_copied=len(found.touched - touched))
        if touched == found.touched:
            damage.undo(run, repository, found)
    lost = damage.mark_points(run, repository.uid, touched)
    healed = len(found.touched - touched)
    run.messages.append(f"{healed} restore points of {repository.name} are whole again; {lost} are not.")
    return f"{len(touched)} restore points miss data that no copy holds." if touched else ""


def _loans(run: Run, repository: OpenRepository, touched: set[str]) -> dict[str, list[_Loan]]:
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
                    run.decide("heal", original, "Damaged in the first repository; a whole copy of it is borrowed.")
    return loans


def _borrow(run: Run, repository: OpenRepository, lender: OpenRepository, loans: list[_Loan]) -> None:
    """Bring the data of copies to the repository with the damaged points."""
    engine, control = run.means.engine, run.control
    tag.add(engine, lender.access, tag.LENDING, [loan.copy_id for loan in loans], control=control)
    try:
        for snapshot in snapshots.read(engine, lender.access, control=control):
            if tag.LENDING in snapshot.tags:
                try:
                    copy.run(engine, lender.access, repository.access, [snapshot.id], control=control)
                except Stopped:
                    raise
                except ResticError as error:
                    run.warn(f"The copy of {snapshot.time:%Y-%m-%d %H:%M:%S} in {lender.name} does not heal: {error}")
    finally:
        _return_loans(run, repository)
        _return_loans(run, lender, is_lender=True)
    for job in {loan.job.uid: loan.job for loan in loans}.values():
        _tell_ledger(run, job)


def _tell_ledger(run: Run, job: JobConfiguration) -> None:
    """Have the ledger of a copy job know what its repository holds now: a mark changes the ids of copies."""
    with run.open(job.target_repository_uid) as target:
        Ledger(run, job).reconcile(target, run.means.state.points(job.source_job_uid or ""))


def _return_loans(run: Run, repository: OpenRepository, *, is_lender: bool = False) -> None:
    """Forget the points that came with borrowed data, or take the mark off the copies that were lent."""
    engine, access = run.means.engine, repository.access
    # Not under the run's control: a run that was told to end leaves nothing behind either.
    found = [one for one in snapshots.read(engine, access) if tag.LENDING in one.tags]
    marked = [one.id for one in found]
    if not marked:
        return
    if is_lender:
        tag.remove(engine, access, tag.LENDING, marked)
    else:
        forget.run(engine, access, marked)
