"""Actions that go on by themselves: noting that there is one, what came of it, and what its initiator does to it."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from tandem.actions.context import Act, Context, new_uid
from tandem.decoding import decode
from tandem.domain.async_actions import WAITING_MAX_OF_USER, AsyncAction, AsyncActionStatus
from tandem.domain.errors import Conflict, NotFound, Throttled
from tandem.store import activity_log, async_actions
from tandem.store.database import Connection

RETRY_SECONDS = 10


class RequestData(msgspec.Struct, frozen=True, rename="camel"):
    """What an action remembers of its request."""

    query_parameters: dict[str, list[str]] = {}
    request_body: str | None = None


def register_async_action(
    act: Act, action_name: str, data: RequestData, *, wanted_uid: str | None, is_running: bool
) -> str:
    """Note a new action of the caller's; gives its id.

    Args:
        act: by whom.
        action_name: the operation's id.
        data: what is remembered of the request.
        wanted_uid: the id to give it, unless there is such an action.
        is_running: whether it runs already; else it waits for its turn.

    Raises:
        Throttled: if too many of the caller's actions have not ended.
    """
    with act.context.database.writing() as connection:
        if not is_running:
            _refuse_too_many(connection, act.caller.user_uid)
        for uid in (wanted_uid, new_uid()):
            if uid is None:
                continue
            action = AsyncAction(
                instance_uid=uid,
                initiator_uid=act.caller.user_uid,
                action_name=action_name,
                status=AsyncActionStatus.RUNNING,
                sealed_request=_seal_request(act.context, uid, data),
                created_at=act.now,
                started_at=act.now if is_running else None,
            )
            if async_actions.insert_async_action(connection, action):
                return uid
    raise Conflict("The id of the action is taken; ask again.")


def begin_async_action(context: Context, uid: str) -> bool:
    """Note that an action runs from now on; False if it may not, because it was canceled."""
    with context.database.writing() as connection:
        return async_actions.begin_async_action(connection, uid, context.clock())


def end_async_action(context: Context, uid: str, status: AsyncActionStatus, answer: str) -> None:
    """Note what came of an action; of one that was canceled, nothing is kept."""
    sealed = context.seal.close(answer, _owner_of_answer(uid))
    with context.database.writing() as connection:
        async_actions.end_async_action(connection, uid, status, context.clock(), sealed_answer=sealed)


def note_alive(context: Context, uids: Collection[str]) -> None:
    """Note that the process which runs these actions is there."""
    with context.database.writing() as connection:
        async_actions.note_alive(connection, list(uids), context.clock())


def fail_async_actions(context: Context, uids: Collection[str]) -> None:
    """Note that these actions ended with their process."""
    with context.database.writing() as connection:
        for uid in uids:
            async_actions.end_async_action(connection, uid, AsyncActionStatus.FAILED, context.clock())


def cancel_async_action(act: Act, uid: str) -> None:
    """Cancel an action: it does not begin if it has not, and what it did stays.

    Raises:
        NotFound: if it is none of the caller's.
        Conflict: if it has ended.
    """
    with act.context.database.writing() as connection:
        found = async_actions.get_async_action(connection, act.caller.user_uid, uid, act.now)
        canceled = AsyncActionStatus.CANCELED
        if not async_actions.end_async_action(connection, uid, canceled, act.now) and found.status is not canceled:
            raise Conflict(f"The action {uid} has ended; its status is {found.status}.")
        activity_log.record_activity(
            connection, act.caller, "CancelAsyncAction", object_uid=uid, detail=found.action_name, now=act.now
        )


def attach_request_data(act: Act, uid: str, data: RequestData) -> AsyncAction:
    """Replace what an action of the caller's remembers of its request; raises NotFound."""
    with act.context.database.writing() as connection:
        async_actions.get_async_action(connection, act.caller.user_uid, uid, act.now)
        sealed = _seal_request(act.context, uid, data)
        async_actions.set_async_action_request(connection, act.caller.user_uid, uid, sealed)
        return async_actions.get_async_action(connection, act.caller.user_uid, uid, act.now)


def clear_answer(act: Act, uid: str) -> None:
    """Forget what came of an action of the caller's.

    Raises:
        NotFound: if it is none of the caller's, or nothing is kept.
        Conflict: if it has not ended.
    """
    with act.context.database.writing() as connection:
        found = async_actions.get_async_action(connection, act.caller.user_uid, uid, act.now)
        if found.status is AsyncActionStatus.RUNNING:
            raise Conflict(f"The action {uid} has not ended; it has no result yet.")
        if found.sealed_answer is None:
            raise NotFound(f"No result of the async action {uid} was found.")
        async_actions.clear_async_action_answer(connection, act.caller.user_uid, uid)


def request_of(context: Context, action: AsyncAction) -> RequestData:
    """Give what an action remembers of its request."""
    text = context.seal.open(action.sealed_request, _owner_of_request(action.instance_uid))
    return decode(text, RequestData)


def answer_of(context: Context, action: AsyncAction) -> str | None:
    """Give what came of an action, if it is kept."""
    if action.sealed_answer is None:
        return None
    return context.seal.open(action.sealed_answer, _owner_of_answer(action.instance_uid))


def _refuse_too_many(connection: Connection, user_uid: str) -> None:
    if async_actions.count_unended(connection, user_uid) >= WAITING_MAX_OF_USER:
        text = f"{WAITING_MAX_OF_USER} of your actions have not ended; wait for some of them."
        raise Throttled(text, RETRY_SECONDS)


def _seal_request(context: Context, uid: str, data: RequestData) -> str:
    return context.seal.close(msgspec.json.encode(data).decode(), _owner_of_request(uid))


def _owner_of_request(uid: str) -> str:
    return f"{uid} request"


def _owner_of_answer(uid: str) -> str:
    return f"{uid} answer"
