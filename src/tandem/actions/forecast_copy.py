"""Foreseeing what a copy job takes, one that is there or one that is about to be made. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import msgspec

from tandem.actions.change_retention import foresee
from tandem.actions.context import Act
from tandem.domain import copy_forecasts
from tandem.domain.copy_forecasts import DAYS_LOOKED_AT, Change, Forecast, Made
from tandem.domain.fates import Fate, Foreseen
from tandem.domain.limits import UNBOUNDED, Bandwidth, bandwidth_of_run
from tandem.domain.listing import Query
from tandem.domain.paging import Window
from tandem.domain.repositories import BackupRepository
from tandem.domain.retention import Point, Rule
from tandem.store import adoption, file_share_jobs, holds, limits, retention, sessions
from tandem.store.database import Connection
from tandem.store.retention import PointOfJob

SESSIONS_MEASURED = 20
KIBI = 1024


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A copy to look ahead at.

    Attributes:
        source_job_unique_uid: the job whose points are copied.
        job_unique_uid: the copy job; None for one that is about to be made.
        target: where the copies go.
        rule: how long they are kept.
        days: how far to look ahead.
        upload_limit: KiB per second to look at in place of what is set; None is as it is set.
    """

    source_job_unique_uid: str
    job_unique_uid: str | None
    target: BackupRepository
    rule: Rule
    days: int
    upload_limit: int | None = None


class CopyForecast(msgspec.Struct, frozen=True, kw_only=True):
    """What a copy takes, and of what each number was made; sizes in bytes, rates in bytes per second.

    `bandwidth` is in KiB per second.
    """

    run_points: int
    run_bytes: int
    run_seconds: float | None
    bandwidth: Bandwidth
    measured_rate: float | None
    held_points: int
    held_bytes: int
    after: Forecast
    change: Change
    full_at: datetime | None
    basis: list[str]


def forecast_copy(connection: Connection, act: Act, plan: Plan) -> CopyForecast:
    """Say what the next run of a copy takes, and what the copy holds after some days."""
    scope, now = act.caller.scope, act.now
    points = retention.points_of_copy_job(connection, scope, plan.source_job_unique_uid, plan.job_unique_uid)
    made = retention.points_made(connection, scope, plan.source_job_unique_uid)
    may_forget = adoption.find_adoption(connection, scope, plan.job_unique_uid or "").may_forget
    fates = foresee(points, plan.rule, now, is_copy=True, may_forget_adopted=may_forget)
    wanted = {uid for uid, fate in fates.items() if fate.fate is Fate.COPY}
    held = [point for point in points if point.entry is not None and point.entry.state.is_held]
    written = _written_per_added(held, made)
    rate = _measured_rate(connection, act, plan.job_unique_uid)
    bandwidth = _bandwidth(connection, act, plan)
    run_bytes = round(
        copy_forecasts.bytes_to_copy(made, wanted, {point.point.snapshot_id for point in held}) * (written or 1)
    )
    held_bytes = sum(point.entry.added for point in held if point.entry)
    staying = [_as_copy(point, now) for point in points if point.point.snapshot_id in wanted or point in held]
    if may_forget:
        staying = [msgspec.structs.replace(point, is_adopted=False) for point in staying]
    change, after, full_at = _ahead(plan, staying, made, now, written=written or 1, held_bytes=held_bytes)
    return CopyForecast(
        run_points=len(wanted),
        run_bytes=run_bytes,
        run_seconds=_seconds(run_bytes, bandwidth, rate),
        bandwidth=bandwidth,
        measured_rate=rate,
        held_points=len(held),
        held_bytes=held_bytes,
        after=after,
        change=change,
        full_at=full_at,
        basis=[
            *_basis_of_bytes(change, written),
            _basis_of_time(plan, bandwidth, rate),
            _basis_of_full_disk(plan),
            *_basis_of_adoption(fates.values()),
            *_basis_of_hold(connection, act, plan),
        ],
    )


def _as_copy(point: PointOfJob, now: datetime) -> Point:
    """Give what the rule needs to know of the copy of a point, one that is there or that comes with the next run."""
    if point.entry is None or not point.entry.state.is_held:
        return msgspec.structs.replace(point.point, held_since=now, is_adopted=False)
    return msgspec.structs.replace(point.point, held_since=point.entry.copied_at, is_adopted=point.entry.is_adopted)


def _bandwidth(connection: Connection, act: Act, plan: Plan) -> Bandwidth:
    """Give how fast the run may be, as its agent will decide it, or as it is asked about."""
    source = file_share_jobs.get_file_share_job(connection, act.caller.scope, plan.source_job_unique_uid)
    of_repositories = limits.limits_of_repositories(connection, plan.target.backup_server_uid)
    touched = {source.target_repository_uid, plan.target.instance_uid}
    known = [of_repositories[uid] for uid in touched if uid in of_repositories]
    set_ones = bandwidth_of_run([limits.limits_of_server(connection, plan.target.backup_server_uid), *known])
    return Bandwidth(plan.upload_limit or set_ones.upload, set_ones.download)


def _ahead(
    plan: Plan, staying: list[Point], made: list[Made], now: datetime, *, written: float, held_bytes: int
) -> tuple[Change, Forecast, datetime | None]:
    change = copy_forecasts.change_of(made, now)
    change = msgspec.structs.replace(change, bytes_per_day=change.bytes_per_day * written)
    whole_size = round(min(made[-1].size, sum(point.added for point in made)) * written) if made else 0

    def forecast(days: int) -> Forecast:
        return copy_forecasts.after(staying, plan.rule, change, whole_size=whole_size, now=now, days=days)

    free = plan.target.free_space
    sizes = {days: forecast(days).size for days in DAYS_LOOKED_AT} if free is not None else {}
    full_at = copy_forecasts.full_at(sizes, free=free or 0, held=held_bytes, now=now)
    return change, forecast(plan.days), full_at


def _written_per_added(held: list[PointOfJob], made: list[Made]) -> float | None:
    """Give how many bytes a copy wrote for each that its points had added; None if nothing was copied yet."""
    held_uids = {point.point.snapshot_id for point in held}
    read = copy_forecasts.bytes_to_copy(made, held_uids, set())
    wrote = sum(point.entry.added for point in held if point.entry)
    return wrote / read if read and wrote else None


def _measured_rate(connection: Connection, act: Act, job_unique_uid: str | None) -> float | None:
    if job_unique_uid is None:
        return None
    window = Query(window=Window(limit=SESSIONS_MEASURED))
    page = sessions.list_sessions(connection, act.caller.scope, window, job_unique_uid=job_unique_uid)
    runs = [
        (run.statistics.transferred, (run.ended_at - run.started_at).total_seconds())
        for run in page.rows
        if run.ended_at is not None and run.statistics.transferred > 0
    ]
    seconds = sum(taken for _bytes, taken in runs)
    return sum(transferred for transferred, _seconds in runs) / seconds if seconds > 0 else None


def _seconds(size: int, bandwidth: Bandwidth, rate: float | None) -> float | None:
    limited = [each * KIBI for each in (bandwidth.upload, bandwidth.download) if each]
    rates = [*limited, rate] if rate else limited
    return size / min(rates) if rates else None


def _basis_of_bytes(change: Change, written: float | None) -> list[str]:
    return [
        "Points: the rule of retention itself, over the points that the console knows of.",
        "Bytes of a run: what the source had added up to each point, at most the point's size; known when backed up.",
        f"Of each byte added, {written:.2f} are written: measured at the copies that are there."
        if written
        else "Every byte added counts as written: nothing was copied yet that could be measured.",
        f"Rate of change: the last {change.seen_days:.0f} days of the source job; it is taken to stay the same."
        if change.points_per_day
        else "Rate of change: none is known, as the source job has made one point at most lately.",
    ]


def _basis_of_time(plan: Plan, bandwidth: Bandwidth, rate: float | None) -> str:
    whose = "asked about" if plan.upload_limit else "set at the backup server and its repositories, for one run"
    limit = f"the limit {whose}" if bandwidth != UNBOUNDED else ""
    if rate:
        told = f"Speed: measured over this job's last runs, at most {SESSIONS_MEASURED}"
        return f"{told}, and {limit}." if limit else f"{told}."
    if limit:
        return f"Speed: {limit}, alone; no run was measured yet."
    return "Time is not foreseen: no run was measured yet, and there is no limit."


def _basis_of_full_disk(plan: Plan) -> str:
    if plan.target.free_space is None:
        return "Full disk: not foreseen, as the free space of the target is not known."
    return "Full disk: the target's free space as last measured; nothing else is taken to write there."


def _basis_of_adoption(fates: Iterable[Foreseen]) -> list[str]:
    count = sum(fate.is_unconfirmed for fate in fates)
    told = f"Adopted copies: {count} are older than the retention; they are held on, as nobody has confirmed"
    return [f"{told} that they may go."] if count else []


def _basis_of_hold(connection: Connection, act: Act, plan: Plan) -> list[str]:
    hold = holds.standing_hold(connection, act.caller.scope, plan.source_job_unique_uid)
    return [] if hold is None else [f"{hold.told}: until it is released, more is held."]
