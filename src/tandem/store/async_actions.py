"""Async actions, stored. Each statement names the initiator: nobody else sees an action, whatever his role."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select, update

from tandem.domain.async_actions import AsyncAction, AsyncActionStatus, kept_for
from tandem.domain.errors import Conflict
from tandem.domain.paging import Page, Window
from tandem.store.database import Connection, alone
from tandem.store.query import columns_of, fetch_one, fetch_page
from tandem.store.schema.request_tables import async_actions

RUNNING = async_actions.c.status == AsyncActionStatus.RUNNING


def insert_async_action(connection: Connection, action: AsyncAction) -> bool:
    """Store an action that begins or waits; False if its id is taken, by whomever."""
    values = {name: getattr(action, name) for name in AsyncAction.__struct_fields__}
    try:
        with alone(connection):
            connection.execute(insert(async_actions).values(**values, seen_at=action.created_at))
    except Conflict:
        return False
    return True


def get_async_action(connection: Connection, initiator_uid: str, uid: str, now: datetime) -> AsyncAction:
    """Get an action of the initiator's that is still remembered; raises NotFound, for another's as for none."""
    statement = select(*columns_of(async_actions.c, AsyncAction)).where(_is_his(initiator_uid, now))
    statement = statement.where(async_actions.c.instance_uid == uid)
    return fetch_one(connection, statement, AsyncAction, noun="async action", uid=uid)


def list_async_actions(connection: Connection, initiator_uid: str, window: Window, now: datetime) -> Page[AsyncAction]:
    """List the initiator's actions, oldest first."""
    statement = select(*columns_of(async_actions.c, AsyncAction)).where(_is_his(initiator_uid, now))
    return fetch_page(connection, statement.order_by(async_actions.c.position), window, AsyncAction)


def count_unended(connection: Connection, initiator_uid: str) -> int:
    """Count the initiator's actions that have not ended."""
    statement = select(func.count()).where(async_actions.c.initiator_uid == initiator_uid, RUNNING)
    return connection.scalar(statement) or 0


def begin_async_action(connection: Connection, uid: str, now: datetime) -> bool:
    """Note that an action runs from now on; False if it was canceled, or given up, while it waited."""
    waiting = and_(async_actions.c.instance_uid == uid, RUNNING, async_actions.c.started_at.is_(None))
    return connection.execute(update(async_actions).where(waiting).values(started_at=now, seen_at=now)).rowcount == 1


def end_async_action(
    connection: Connection,
    uid: str,
    status: AsyncActionStatus,
    now: datetime,
    *,
    sealed_answer: str | None = None,
) -> bool:
    """Note how an action ended and what came of it; False if it has ended otherwise before."""
    values = {"status": status, "ended_at": now, "expires_at": now + kept_for(status), "sealed_answer": sealed_answer}
    statement = update(async_actions).where(async_actions.c.instance_uid == uid, RUNNING)
    return connection.execute(statement.values(**values)).rowcount == 1


def set_async_action_request(connection: Connection, initiator_uid: str, uid: str, sealed_request: str) -> None:
    """Replace what an action remembers of its request."""
    his = and_(async_actions.c.instance_uid == uid, async_actions.c.initiator_uid == initiator_uid)
    connection.execute(update(async_actions).where(his).values(sealed_request=sealed_request))


def clear_async_action_answer(connection: Connection, initiator_uid: str, uid: str) -> None:
    """Forget what came of an action."""
    his = and_(async_actions.c.instance_uid == uid, async_actions.c.initiator_uid == initiator_uid)
    connection.execute(update(async_actions).where(his).values(sealed_answer=None))


def note_alive(connection: Connection, uids: Sequence[str], now: datetime) -> None:
    """Note that the process which runs these actions, or lets them wait, is there."""
    connection.execute(update(async_actions).where(async_actions.c.instance_uid.in_(uids), RUNNING).values(seen_at=now))


def fail_abandoned_actions(connection: Connection, silent_since: datetime, now: datetime) -> None:
    """End the actions whose process has not been heard of since an instant."""
    failed = AsyncActionStatus.FAILED
    statement = update(async_actions).where(RUNNING, async_actions.c.seen_at < silent_since)
    connection.execute(statement.values(status=failed, ended_at=now, expires_at=now + kept_for(failed)))


def delete_expired_actions(connection: Connection, now: datetime) -> None:
    """Forget the actions whose time to be remembered is over."""
    connection.execute(delete(async_actions).where(async_actions.c.expires_at <= now))


def _is_his(initiator_uid: str, now: datetime) -> ColumnElement[bool]:
    remembered = or_(async_actions.c.expires_at.is_(None), async_actions.c.expires_at > now)
    return and_(async_actions.c.initiator_uid == initiator_uid, remembered)
