"""The activity log: who did what to which object, written in the transaction that does it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert

from tandem.domain.identity import Caller
from tandem.store.database import Connection
from tandem.store.tables import activity_log


def record_activity(
    connection: Connection, caller: Caller, activity: str, *, object_uid: str, detail: str = "", now: datetime
) -> None:
    """Write one line of the log.

    Args:
        connection: the transaction of the action itself.
        caller: who did it.
        activity: the API's operation id.
        object_uid: what it was done to.
        detail: names and values worth knowing; never a secret.
        now: when; aware.
    """
    connection.execute(
        insert(activity_log).values(
            at=now,
            organization_uid=caller.organization_uid,
            user_uid=caller.user_uid,
            user_name=caller.user_name,
            activity=activity,
            object_uid=object_uid,
            detail=detail,
        )
    )
