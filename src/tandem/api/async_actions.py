"""Async actions over HTTP: what goes on by itself, and what came of it. Everybody sees his own."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from tandem.actions import async_actions as actions
from tandem.actions.async_actions import RequestData
from tandem.api.http.answers import Done, Many, One
from tandem.api.http.caching import SECRET_ANSWERS, SIGN_IN_SECRETS
from tandem.api.http.call import Call
from tandem.api.http.kept_answers import thaw
from tandem.api.http.texts import Int32, Uid
from tandem.domain.async_actions import SUCCESS_KEPT, AsyncAction, AsyncActionStatus
from tandem.domain.errors import Conflict, Forbidden, NotFound, Unavailable
from tandem.domain.identity import Access
from tandem.domain.paging import LIMIT_MAX, OFFSET_MAX, Window
from tandem.store import async_actions


class AsyncActionView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's AsyncActionInfo."""

    id: Uid
    initiator_uid: Uid
    action_name: str
    status: AsyncActionStatus
    query_parameters: dict[str, list[str]]
    request_body: str | None


class ConfigView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's AsyncActionsConfig; in seconds."""

    result_retention_time: Int32


class RequestDataInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """The contract's AsyncActionRequestData."""

    query_parameters: dict[str, list[str]] | None = None
    request_body: str | None = None


def list_async_actions(call: Call) -> Many[AsyncActionView]:
    """List the caller's actions: all of them, since the contract has no pages here."""
    window = Window(
        limit=call.integer("limit", default=LIMIT_MAX, low=1, high=LIMIT_MAX),
        offset=call.integer("offset", default=0, low=0, high=OFFSET_MAX),
    )
    with call.reading() as connection:
        page = async_actions.list_async_actions(connection, call.who.user_uid, window, call.act.now)
    return Many(page, [_view(call, action) for action in page.rows])


def get_async_actions_config(call: Call) -> One[ConfigView]:
    """Tell how long results are kept."""
    del call
    return One(ConfigView(result_retention_time=round(SUCCESS_KEPT.total_seconds())))


def get_async_action(call: Call) -> One[AsyncActionView]:
    """Get an action of the caller's."""
    return One(_view(call, _find(call)))


def cancel_async_action(call: Call) -> Done:
    """Cancel an action of the caller's."""
    actions.cancel_async_action(call.act, call.uid("actionId"))
    return Done()


def attach_request_data(call: Call, body: RequestDataInput) -> One[AsyncActionView]:
    """Replace what an action remembers of its request."""
    data = RequestData(query_parameters=body.query_parameters or {}, request_body=body.request_body)
    return One(_view(call, actions.attach_request_data(call.act, call.uid("actionId"), data)))


def get_async_action_result(call: Call) -> Response:
    """Answer as the operation itself would have."""
    action = _find(call)
    _refuse_secret(call, action)
    uid = action.instance_uid
    match action.status:
        case AsyncActionStatus.RUNNING:
            raise Unavailable(f"The action {uid} has not ended; ask for its result again in a moment.")
        case AsyncActionStatus.CANCELED:
            raise Conflict(f"The action {uid} was canceled; it has no result.")
        case _:
            answer = actions.answer_of(call.context, action)
    if answer is not None:
        return thaw(answer)
    if action.status is AsyncActionStatus.FAILED:
        text = "ended unfinished with its console process, or its result was dropped; look at what it has done."
        raise Conflict(f"The action {uid} {text}")
    raise NotFound(f"No result of the async action {uid} was found.")


def clear_async_action_result(call: Call) -> Done:
    """Forget what came of an action."""
    actions.clear_answer(call.act, call.uid("actionId"))
    return Done()


def _find(call: Call) -> AsyncAction:
    with call.reading() as connection:
        return async_actions.get_async_action(connection, call.who.user_uid, call.uid("actionId"), call.act.now)


def _refuse_secret(call: Call, action: AsyncAction) -> None:
    """Keep from a caller the secrets that he could not have asked for himself, although they are his user's."""
    name = action.action_name
    if name in SECRET_ANSWERS and call.who.access is Access.READ_ONLY:
        raise Forbidden(f"You are signed in to read only, which does not permit to see what came of {name}.")
    if name in SIGN_IN_SECRETS and call.who.acted_by is not None:
        raise Forbidden(f"What came of {name} is not shown while acting as another user; do it as yourself.")


def _view(call: Call, action: AsyncAction) -> AsyncActionView:
    data = actions.request_of(call.context, action)
    return AsyncActionView(
        id=action.instance_uid,
        initiator_uid=action.initiator_uid,
        action_name=action.action_name,
        status=action.status,
        query_parameters=data.query_parameters,
        request_body=data.request_body,
    )
