"""Changing how long a job keeps its points: what takes more than half of them needs a word more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from tandem.actions.change_job import changeable, log_job
from tandem.actions.context import Act
from tandem.domain.errors import Conflict, NotFound
from tandem.domain.fates import Fate, Foreseen, foresee_backups
from tandem.domain.jobs import Job, JobType
from tandem.domain.restore_points import foresee_copies
from tandem.domain.retention import Rule, is_confirmation_needed
from tandem.store import adoption, backup_servers, holds, retention
from tandem.store.database import Connection
from tandem.store.retention import PointOfJob, RetentionOfJob

# Changes that follow each other within this time are looked at as one, so that small steps take no more than a big one.
SERIES = timedelta(days=7)
UNTOLD = "Whether it is adopted, its agent has not told yet: if so, it stays until that is confirmed; if not, it goes."


class Prospect(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule means for the points of a job.

    Attributes:
        rule: how long they are kept.
        points: those that the job holds or would copy, newest first, each with what the next run does with it: while
            retention is on hold, it deletes nothing.
        held: how many the job holds.
        staying: how many of those the rule keeps, once nothing holds it up.
        needs_confirmation: whether a change to this rule must be confirmed.
    """

    rule: Rule
    points: list[tuple[PointOfJob, Foreseen]]
    held: int
    staying: int
    needs_confirmation: bool


def change_retention(
    act: Act,
    uid: str,
    kind: JobType,
    decide: Callable[[Connection, Job, Rule], Rule],
    *,
    is_confirmed: bool,
) -> Job:
    """Change how long a job keeps its points.

    Args:
        act: by whom.
        uid: either of the job's ids.
        kind: the family that the job is to be of.
        decide: gives the new rule from the job and its present one; what it raises ends the action.
        is_confirmed: whether it may take more than half of the points.

    Raises:
        NotFound: if there is no such job of this kind for the caller.
        Forbidden: if it is assigned to a company, and the caller does not see its backup server and repository too.
        Conflict: if it takes more than half of the points that are held and nobody has confirmed that.
    """
    with act.context.database.writing() as connection:
        job = changeable(connection, act, uid)
        if job.type is not kind:
            raise NotFound.of("job", uid)
        backup_servers.bump_revision(connection, job.backup_server_uid)
        present = retention.retention_of(connection, act.caller.scope, job)
        rule = decide(connection, job, present.rule)
        if rule == present.rule:
            return job
        prospect = prospect_of(connection, act, job, present, rule)
        if prospect.needs_confirmation and not is_confirmed:
            raise Conflict(_refusal(prospect, present, act.now), field="retention")
        begun = None if is_confirmed else series_begun(present, act.now)
        retention.set_retention(
            connection,
            act.caller.scope,
            job,
            rule,
            changed_at=begun or act.now,
            points_at_change=present.points_at_change if begun else prospect.held,
        )
        going = prospect.held - prospect.staying
        more = f"from {present.rule} to {rule}, {going} of {prospect.held} restore points go"
        log_job(connection, act, job, _ACTIVITIES[kind], more=f"({more})")
    return job


_ACTIVITIES = {
    JobType.BACKUP_FILE: "PatchBackupServerFileShareJob",
    JobType.BACKUP_FILE_COPY: "PatchBackupServerFileShareCopyJob",
}


def prospect_of(connection: Connection, act: Act, job: Job, present: RetentionOfJob, rule: Rule) -> Prospect:
    """Say what a rule would mean for the points of a job, by all that the console knows of them.

    Args:
        connection: an open connection.
        act: for whom, and when.
        job: whose points.
        present: its retention as it is.
        rule: the one to look at.
    """
    now, scope = act.now, act.caller.scope
    if present.source_job_unique_uid is None:
        points = retention.points_of_job(connection, scope, job.unique_uid)
    else:
        points = retention.points_of_copy_job(connection, scope, present.source_job_unique_uid, job.unique_uid)
    is_copy = present.source_job_unique_uid is not None
    adopted = adoption.find_adoption(connection, scope, job.unique_uid)
    after, before = (
        foresee(points, each, now, is_copy=is_copy, may_forget_adopted=adopted.may_forget)
        for each in (rule, present.rule)
    )
    if not adopted.may_forget and (is_copy or adopted.origins):
        after |= _while_untold(points, after)
    fates = [(point, after[point.point.snapshot_id]) for point in points if point.point.snapshot_id in after]
    held = [(point, fate) for point, fate in fates if fate.fate in {Fate.KEEP, Fate.DELETE}]
    staying = [point for point, fate in held if fate.fate is Fate.KEEP]
    # What the present rule takes anyhow is no matter of the change.
    takes_more = any(
        fate.fate is Fate.DELETE and before[point.point.snapshot_id].fate is Fate.KEEP for point, fate in held
    )
    begun = series_begun(present, now)
    of_series = [point for point in staying if begun is None or point.point.created_at <= begun]
    is_much = is_confirmation_needed(held=len(held), kept_after=len(staying)) or (
        begun is not None and is_confirmation_needed(held=present.points_at_change, kept_after=len(of_series))
    )
    return Prospect(
        rule=rule,
        points=_while_held(connection, act, present.source_job_unique_uid or job.unique_uid, fates),
        held=len(held),
        staying=len(staying),
        needs_confirmation=takes_more and is_much,
    )


def _while_held(
    connection: Connection, act: Act, unique_uid: str, fates: list[tuple[PointOfJob, Foreseen]]
) -> list[tuple[PointOfJob, Foreseen]]:
    """Give what becomes of points while the retention of the job that made them is on hold, if it is."""
    hold = holds.standing_hold(connection, act.caller.scope, unique_uid)
    if hold is None:
        return fates
    return [(point, _on_hold(fate, f"{hold.told}.")) for point, fate in fates]


def _on_hold(fate: Foreseen, told: str) -> Foreseen:
    if fate.is_unconfirmed:
        return Foreseen(Fate.KEEP, f"{told} {fate.reason}", fate.expires_at, Fate.KEEP)
    if fate.fate is Fate.DELETE:
        return Foreseen(Fate.KEEP, f"{told} Without that it would go: {fate.reason}", fate.expires_at)
    return fate


def _while_untold(points: list[PointOfJob], fates: dict[str, Foreseen]) -> dict[str, Foreseen]:
    """Give what is said of points that go unless they are adopted, which their agent has not told yet."""
    untold = [each.point.snapshot_id for each in points if not each.is_adoption_known]
    return {
        uid: msgspec.structs.replace(fates[uid], reason=f"{UNTOLD} {fates[uid].reason}")
        for uid in untold
        if uid in fates and fates[uid].fate is Fate.DELETE
    }


def foresee(
    points: list[PointOfJob], rule: Rule, now: datetime, *, is_copy: bool, may_forget_adopted: bool
) -> dict[str, Foreseen]:
    """Say what the next run does with the points of a job, as its agent will decide it."""
    if not is_copy:
        return foresee_backups([point.point for point in points], rule, now, may_forget_adopted=may_forget_adopted)
    return foresee_copies(
        [point.point for point in points if point.is_in_first_repository],
        {point.point.snapshot_id: point.entry for point in points if point.entry is not None},
        rule,
        now,
        may_forget_adopted=may_forget_adopted,
    )


def series_begun(present: RetentionOfJob, now: datetime) -> datetime | None:
    """Give when the changes began that a further one is looked at together with; None if it stands alone."""
    begun = present.changed_at
    return begun if begun is not None and begun + SERIES > now else None


def _refusal(prospect: Prospect, present: RetentionOfJob, now: datetime) -> str:
    going = prospect.held - prospect.staying
    told = f"retention: this change deletes {going} of the {prospect.held} restore points that are held"
    if not is_confirmation_needed(held=prospect.held, kept_after=prospect.staying):
        begun = series_begun(present, now)
        told = f"{told}; together with the changes since {begun:%Y-%m-%d %H:%M} UTC, of {present.points_at_change}"
    return (
        f"{told}, more than half. Nothing was changed. See which ones with retentionPreview; to change it all the "
        "same, repeat the request with ?confirmDeletion=true."
    )
