"""A verification: the structure of a repository is checked and a part of its packs read back; damage is acted on.

A part of a clean repository that was read counts towards its rotation. When all parts have been read since a copy was
made, the copy is verified. A repository that holds copies only is made ready for healing at once: the copy jobs
concerned are due. One that holds first backups is changed only by a healing that someone asked for.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from tandem.agent import damage, proof_memory
from tandem.agent.ledger import Ledger
from tandem.agent.open_repository import OpenRepository
from tandem.agent.run import Run
from tandem.agent.run_file_share_job import remember_point
from tandem.domain.damage import newly_verified
from tandem.domain.schedule import ScheduleType
from tandem.domain.verification import EVERYTHING, Rotation, next_part
from tandem.protocol.messages import JobConfiguration, VerificationStand
from tandem.restic import check, listing, packs

FINDINGS_SHOWN_MAX = 20


def run_verification(run: Run, repository_uid: str, *, is_everything: bool = False) -> None:
    """Read back the next part of a repository, or all of it.

    Raises:
        ResticError: if the repository cannot be checked; Stopped if the run was told to end.
    """
    with run.open(repository_uid) as repository:
        began = run.now
        rotation = proof_memory.rotation(run.means.state, repository.uid, began)
        every = proof_memory.period(repository.configuration)
        part = EVERYTHING if is_everything else next_part(rotation, every, began)
        run.decide("verify", "", f"Part {part.number} of {part.count} of the packs of {repository.name}.")
        report = check.run(run.means.engine, repository.access, part=(part.number, part.count), control=run.control)
        problem = ""
        if report.is_clean:
            end_healing(run, repository)
            rotation = _note_read(run, repository, rotation.after(part, began))
            share = "All" if part.count == 1 else f"Part {part.number} of {part.count} of the"
            run.messages.append(f"{share} packs of {repository.name} were read back; nothing is missing.")
        else:
            problem = _act_on_damage(run, repository, report)
            if _is_read(report):
                rotation = _note_read(run, repository, rotation.after(part, began))
        proof_memory.warn_if_overdue(run, repository.configuration)
        tell_stand(run, repository, rotation, problem)


def _note_read(run: Run, repository: OpenRepository, rotation: Rotation) -> Rotation:
    proof_memory.put_rotation(run.means.state, repository.uid, rotation)
    every, since = proof_memory.period(repository.configuration), rotation.proven_since
    for job in damage.copy_jobs_into(run, repository.uid):
        ledger = Ledger(run, job)
        ledger.write(newly_verified(ledger.entries.values(), since, every))
    if since is not None:
        for job in damage.backup_jobs_into(run, repository.uid):
            _verify_points(run, job, since, every)
    return rotation


def _verify_points(run: Run, job: JobConfiguration, since: datetime, every: timedelta) -> None:
    for point in run.means.state.points(job.uid, is_going=False):
        is_new = point.verified_at is None or since - point.verified_at >= every / 2
        if point.created_at <= since and is_new and point.damaged_at is None:
            remember_point(run, job, msgspec.structs.replace(point, verified_at=since))


def end_healing(run: Run, repository: OpenRepository) -> None:
    """Note that all in a repository that a check found clean is whole; packs that were set aside go."""
    damage.mark_copies(run, repository.uid, frozenset())
    damage.mark_points(run, repository.uid, frozenset())
    folder = listing.local_path(repository.access.location)
    count = packs.drop_set_aside(folder) if folder is not None else 0
    if count:
        run.messages.append(f"{count} damaged packs that had been moved aside were deleted: their data is there again.")


def _act_on_damage(run: Run, repository: OpenRepository, report: check.CheckReport) -> str:
    first = next(iter(report.errors), "restic did not say what")
    problem = f"{len(report.errors)} findings in the last verification, the first of them: {first}"
    run.warn(f"{repository.name} is damaged.")
    run.messages.extend(report.errors[:FINDINGS_SHOWN_MAX])
    if damage.backup_jobs_into(run, repository.uid):
        run.messages.append(
            f"{repository.name} holds first backups, so nothing was changed. Have it healed from its copies with "
            f"`tandem repositories heal`."
        )
        if _is_read(report):
            damage.mark_points(run, repository.uid, damage.touched_points(run, repository))
        return problem
    prepare_healing(run, repository, report)
    return problem


def _is_read(report: check.CheckReport) -> bool:
    """Say whether all packs of the part read well, and only what is known to be missing is missing.

    Damage that no copy can heal must not keep the others from being verified: its points are marked, and they are not.
    """
    found = packs.parse(report.errors)
    return not found.lost and not found.damaged and len(report.errors) < check.ERRORS_MAX


def prepare_healing(run: Run, repository: OpenRepository, report: check.CheckReport) -> damage.Damage:
    """Have lost and damaged packs forgotten, note what that touches, and have the copy jobs concerned copy again."""
    found = damage.take_stock(run, repository, report)
    to_heal = damage.mark_copies(run, repository.uid, found.touched)
    if found.touched and not to_heal and not damage.backup_jobs_into(run, repository.uid):
        damage.undo(run, repository, found)
    due = [job for job in to_heal if job.is_enabled]
    for job in due:
        make_due(run, job)
    if due:
        run.messages.append(f"{len(due)} copy jobs are due now and copy again what is damaged.")
    if len(due) < len(to_heal):
        run.messages.append("A copy job that is switched off has to copy damaged points again; start it.")
    return found


def make_due(run: Run, job: JobConfiguration) -> None:
    """Have a job run as soon as it can."""
    is_chained = job.schedule.type is ScheduleType.CHAINED
    form = ScheduleType.CHAINED if is_chained else msgspec.json.encode(job.schedule).decode()
    run.means.state.set_next_run(job.uid, run.now, form)


def tell_stand(run: Run, repository: OpenRepository, rotation: Rotation, problem: str) -> None:
    """Tell the console how far the reading back of a repository is."""
    report = repository.report()
    stand = VerificationStand(proven_since=rotation.proven_since, problem=problem)
    run.means.state.add_report(msgspec.structs.replace(report, verification=stand))
