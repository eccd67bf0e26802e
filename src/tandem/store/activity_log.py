"""The activity log: who did what to which object, written in the transaction that does it, and never changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Text, case, insert, null, select, true
from sqlalchemy import cast as as_type

from tandem.domain.activity_log import Activity, ActivityKind, ActivityType
from tandem.domain.identity import Caller, Scope, ScopeKind
from tandem.domain.paging import Page, Window
from tandem.store.database import Connection
from tandem.store.query import fetch_page, visible
from tandem.store.schema.columns import Uid
from tandem.store.schema.tables import activity_log, organizations


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines are asked for: from `since` to `until`, both included; None is no condition."""

    since: datetime | None = None
    until: datetime | None = None
    organization_uid: str | None = None
    user_uid: str | None = None
    kind: ActivityKind | None = None
    is_oldest_first: bool = False


def record_activity(
    connection: Connection,
    caller: Caller,
    activity: str,
    *,
    object_uid: str,
    detail: str = "",
    now: datetime,
    type: ActivityType | None = None,  # noqa: A002  (the contract's word)
    object_organization_uid: str | None = None,
) -> None:
    """Write one line of the log.

    Args:
        connection: the transaction of the action itself.
        caller: who did it; an agent has no user's uid.
        activity: the API's operation id; `domain.activity_log` has the words for it.
        object_uid: what it was done to.
        detail: names and values worth knowing, the object's name first; never a secret.
        now: when; aware.
        type: the contract's type, where the operation alone does not say it.
        object_organization_uid: whose thing it was done to; they see the line, but not who of another organization
            did it.
    """
    # Whoever acts as another is named too.
    acted = f"{detail} (by {caller.acted_by})".strip() if caller.acted_by else detail
    connection.execute(
        insert(activity_log).values(
            at=now,
            organization_uid=caller.organization_uid,
            user_uid=caller.user_uid or None,
            user_name=caller.user_name,
            activity=activity,
            type=type,
            object_uid=object_uid,
            object_organization_uid=object_organization_uid,
            detail=acted,
        )
    )


def list_activities(connection: Connection, scope: Scope, window: Window, wanted: Wanted) -> Page[Activity]:
    """List what was done by users of organizations that the caller sees, or to their things; newest first by default.

    Who did it, and for whom he works, is told only of organizations that the caller sees, and found only there.
    """
    log = activity_log.c
    is_known = log.organization_uid.in_(select(organizations.c.instance_uid).where(visible(organizations, scope)))
    if scope.kind is ScopeKind.EVERYTHING:
        is_known = true()  # Also organizations that are no more.
    columns: dict[str, Any] = {
        "at": log.at,
        "activity": log.activity,
        "type": log.type,
        "user_uid": case((is_known, log.user_uid), else_=as_type(null(), Uid)),
        "user_name": case((is_known, log.user_name), else_=as_type(null(), Text)),
        "organization_uid": case((is_known, log.organization_uid), else_=as_type(null(), Uid)),
        "is_by_user": log.user_uid.is_not(None),
        "detail": log.detail,
    }
    statement = select(*(columns[name] for name in Activity.__struct_fields__)).where(visible(activity_log, scope))
    if wanted.since is not None:
        statement = statement.where(log.at >= wanted.since)
    if wanted.until is not None:
        statement = statement.where(log.at <= wanted.until)
    if wanted.organization_uid is not None:
        statement = statement.where(is_known, log.organization_uid == wanted.organization_uid)
    if wanted.user_uid is not None:
        statement = statement.where(is_known, log.user_uid == wanted.user_uid)
    if wanted.kind is not None:
        has_user = log.user_uid.is_not(None)
        statement = statement.where(has_user if wanted.kind is ActivityKind.EXTERNAL else ~has_user)
    order = (log.at, log.position) if wanted.is_oldest_first else (log.at.desc(), log.position.desc())
    return fetch_page(connection, statement.order_by(*order), window, Activity)
