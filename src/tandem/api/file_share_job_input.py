"""What the two kinds of file share job are made from, over HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from tandem.actions.create_job import NewJob
from tandem.api.http.texts import GfsCount, Name, RetentionCount, Text
from tandem.api.repositories import RepositoryInput
from tandem.api.schedules import ScheduleInput, read_schedule
from tandem.domain.errors import Invalid
from tandem.domain.retention import Gfs, Retention, RetentionUnit
from tandem.domain.retries import (
    RETRY_INTERVAL_DEFAULT,
    RETRY_INTERVAL_MAX,
    RETRY_TIMES_DEFAULT,
    RETRY_TIMES_MAX,
)
from tandem.domain.schedule import ScheduleType

RETENTION_DEFAULT = 28

RetryTimes = Annotated[int, msgspec.Meta(ge=0, le=RETRY_TIMES_MAX)]
RetryInterval = Annotated[int, msgspec.Meta(ge=1, le=RETRY_INTERVAL_MAX)]


class JobInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The members that both kinds have."""

    name: Name
    description: Text = ""
    target_repository_uid: UUID
    retention: RetentionCount = RETENTION_DEFAULT
    retention_unit: Annotated[str, msgspec.Meta(extra_json_schema={"enum": sorted(RetentionUnit)})] = "Days"
    gfs_daily: GfsCount = 0
    gfs_weekly: GfsCount = 0
    gfs_monthly: GfsCount = 0
    gfs_yearly: GfsCount = 0
    schedule_type: ScheduleType = ScheduleType.NOT_SCHEDULED
    schedule: ScheduleInput | None = None
    is_enabled: bool = True
    retry_times: RetryTimes = RETRY_TIMES_DEFAULT
    retry_interval: RetryInterval = RETRY_INTERVAL_DEFAULT


class FileShareJobInput(JobInput, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What a file share job is made from."""

    file_share_uid: UUID


class TargetRepositoryInput(RepositoryInput, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """A repository to be made for a copy job.

    With `isEncryptionInherited` it gets the password of the source job's repository; otherwise one of its own.
    """

    is_encryption_inherited: bool = False


class FileShareCopyJobInput(JobInput, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What a file share copy job is made from: its target is one that is there, or is made along with it."""

    target_repository_uid: UUID | None = None  # pyright: ignore[reportIncompatibleVariableOverride]  (the other member instead)
    target_repository: TargetRepositoryInput | None = None
    source_file_share_job_uid: UUID
    schedule_type: ScheduleType = ScheduleType.CHAINED


def read_job(body: JobInput) -> NewJob:
    """Turn the body into what the action needs; raises Invalid, naming the member."""
    return NewJob(
        name=body.name,
        description=body.description,
        target_repository_uid=str(body.target_repository_uid) if body.target_repository_uid else "",
        retention=Retention(count=body.retention, unit=read_unit(body.retention_unit)),
        gfs=Gfs(daily=body.gfs_daily, weekly=body.gfs_weekly, monthly=body.gfs_monthly, yearly=body.gfs_yearly),
        schedule=read_schedule(body.schedule_type, body.schedule),
        is_enabled=body.is_enabled,
        retry_times=body.retry_times,
        retry_interval=body.retry_interval,
    )


def read_unit(text: str) -> RetentionUnit:
    """Read the unit of a retention; raises Invalid."""
    # Both spellings of the contract's releases are taken: "days" and "Days".
    units = {unit.value.lower(): unit for unit in RetentionUnit}
    if text.lower() not in units:
        allowed = ", ".join(unit.value for unit in RetentionUnit)
        raise Invalid(f'retentionUnit: "{text[:40]}" is not a unit; use one of {allowed}.', field="retentionUnit")
    return units[text.lower()]
