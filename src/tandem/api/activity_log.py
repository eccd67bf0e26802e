"""The activity log over HTTP: it is read here, and nowhere changed."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from starlette.responses import Response

from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection
from tandem.api.query_values import read_choice, read_instant, read_uid
from tandem.api.texts import instant
from tandem.domain.activity_log import Activity, ActivityKind, ActivityType, type_of
from tandem.domain.errors import Invalid
from tandem.store import activity_log
from tandem.store.activity_log import Wanted


class SortingDirection(StrEnum):
    """The contract's GetActivityLogsDateSortingDirection."""

    ASCENDING = "ascending"
    DESCENDING = "descending"


class ActivityLogView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's ActivityLog; who did it is null where the reader does not see his organization."""

    message: str
    activity_log_type: ActivityType
    activity_kind: ActivityKind
    date: str
    user_uid: str | None
    organization_uid: str | None


def list_activity_log(call: Call) -> Response:
    """List what was done, newest first unless asked otherwise."""
    refuse_unserved_parameters(call)
    direction = read_choice(call, "dateSortingDirection", SortingDirection)
    wanted = Wanted(
        since=read_instant(call, "from"),
        until=read_instant(call, "to"),
        organization_uid=read_uid(call, "organizationUid"),
        user_uid=read_uid(call, "userUid"),
        kind=read_choice(call, "activityLogKind", ActivityKind),
        is_oldest_first=direction is SortingDirection.ASCENDING,
    )
    if wanted.since is not None and wanted.until is not None and wanted.since > wanted.until:
        raise Invalid("to: this instant is before `from`.", parameter="to")
    with call.reading() as connection:
        page = activity_log.list_activities(connection, call.scope, call.window(), wanted)
    return collection(page, [_view(row) for row in page.rows])


def _view(activity: Activity) -> ActivityLogView:
    return ActivityLogView(
        message=activity.message,
        activity_log_type=type_of(activity),
        activity_kind=activity.kind,
        date=instant(activity.at),
        user_uid=activity.user_uid,
        organization_uid=activity.organization_uid,
    )
