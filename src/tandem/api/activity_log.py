"""The activity log over HTTP: it is read here, and nowhere changed."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

import msgspec

from tandem.api.http.answers import Many
from tandem.api.http.call import Call
from tandem.api.http.instants import read_instant_or_none
from tandem.api.http.listing import window_of
from tandem.api.http.texts import Instant, Uid, instant
from tandem.domain.activity_log import Activity, ActivityKind, ActivityType, type_of
from tandem.domain.errors import Invalid
from tandem.store import activity_log
from tandem.store.activity_log import Wanted


class SortingDirection(StrEnum):
    """The contract's GetActivityLogsDateSortingDirection."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


class ActivityLogParameters(msgspec.Struct, rename="camel", kw_only=True):
    """Which lines are asked for; `from` and `to` are both included."""

    from_: Instant | None = msgspec.field(name="from", default=None)
    to: Instant | None = None
    organization_uid: UUID | None = None
    user_uid: UUID | None = None
    activity_log_kind: ActivityKind | None = None
    date_sorting_direction: SortingDirection = SortingDirection.DESCENDING


class ActivityLogView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's ActivityLog; who did it is null where the reader does not see his organization."""

    message: str
    activity_log_type: ActivityType
    activity_kind: ActivityKind
    date: Instant
    user_uid: Uid | None
    organization_uid: Uid | None


def list_activity_log(call: Call, query: ActivityLogParameters) -> Many[ActivityLogView]:
    """List what was done, newest first unless asked otherwise."""
    wanted = Wanted(
        since=read_instant_or_none(query.from_, "from"),
        until=read_instant_or_none(query.to, "to"),
        organization_uid=str(query.organization_uid) if query.organization_uid else None,
        user_uid=str(query.user_uid) if query.user_uid else None,
        kind=query.activity_log_kind,
        is_oldest_first=query.date_sorting_direction is SortingDirection.ASCENDING,
    )
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        raise Invalid("to: this instant is before `from`.", parameter="to")
    with call.reading() as connection:
        page = activity_log.list_activities(connection, call.scope, window_of(call), wanted)
    return Many(page, [_view(row) for row in page.rows])


def _view(activity: Activity) -> ActivityLogView:
    return ActivityLogView(
        message=activity.message,
        activity_log_type=type_of(activity),
        activity_kind=activity.kind,
        date=instant(activity.at),
        user_uid=activity.user_uid,
        organization_uid=activity.organization_uid,
    )
