"""The operations on async actions: rows of the table in `routes`."""

from __future__ import annotations

from tandem.api import async_actions
from tandem.api.http.background import ACTIONS_PATH
from tandem.api.http.operations import Operation
from tandem.domain.identity import Permission

SIGNED_IN = Permission.SIGNED_IN
ACTION = ACTIONS_PATH + "/{actionId}"
RESULT = f"{ACTION}/result"

ASYNC_ACTION_ROUTES: list[Operation] = [
    Operation("GET", ACTIONS_PATH, "GetAsyncActionsInfo", SIGNED_IN, async_actions.list_async_actions),
    Operation(
        "GET",
        f"{ACTIONS_PATH}/config",
        "GetAsyncActionsConfig",
        SIGNED_IN,
        async_actions.get_async_actions_config,
    ),
    Operation("GET", ACTION, "GetAsyncActionInfo", SIGNED_IN, async_actions.get_async_action),
    Operation("DELETE", ACTION, "CancelAsyncAction", SIGNED_IN, async_actions.cancel_async_action),
    Operation(
        "PUT",
        f"{ACTION}/requestData",
        "AttachRequestDataToAsyncAction",
        SIGNED_IN,
        async_actions.attach_request_data,
    ),
    Operation("GET", RESULT, "GetAsyncActionResult", SIGNED_IN, async_actions.get_async_action_result, gives=object),
    Operation("DELETE", RESULT, "ClearAsyncActionResult", SIGNED_IN, async_actions.clear_async_action_result),
]
