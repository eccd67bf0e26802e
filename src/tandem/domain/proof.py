"""What is known of copies being whole: the reading back of repositories, restore drills, and the report of both."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from tandem.domain.drills import DrillResult
from tandem.domain.restore_points import CopyState


class RepositoryVerification(msgspec.Struct, frozen=True, kw_only=True):
    """The reading back of one repository: since `verified_at` every pack has been read."""

    instance_uid: str
    created_at: datetime
    verify_every_days: int
    verified_at: datetime | None
    verification_problem: str | None

    def is_overdue(self, now: datetime) -> bool:
        """Say whether not every pack was read within the period."""
        return is_overdue(self.verified_at or self.created_at, self.verify_every_days, now)


class CopyProof(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the copies of one copy job; the verification is that of their repository."""

    unique_uid: str
    created_at: datetime
    verify_every_days: int
    verified_at: datetime | None
    verification_problem: str | None
    drill_every_days: int
    last_drill_at: datetime | None
    last_drill_result: DrillResult | None

    def is_verification_overdue(self, now: datetime) -> bool:
        """Say whether not every pack was read within the period."""
        return is_overdue(self.verified_at or self.created_at, self.verify_every_days, now)


class CopyStand(msgspec.Struct, frozen=True, kw_only=True):
    """How many copies a job has in a state, how many of them are damaged, and the newest of their points."""

    job_unique_uid: str
    state: CopyState
    count: int
    damaged: int
    newest: datetime | None


class ProtectedJob(msgspec.Struct, frozen=True, kw_only=True):
    """A share, the job that backs it up, and a job that copies it, if there is one."""

    file_share_uid: str
    file_share_name: str
    job_uid: str
    job_name: str
    points: int
    newest_point: datetime | None
    damaged_points: int
    copy_job_unique_uid: str | None
    copy_job_name: str | None


def is_overdue(since: datetime, every_days: int, now: datetime) -> bool:
    """Say whether something that is to be done every so many days has not been for longer."""
    return now - since > timedelta(days=every_days)
