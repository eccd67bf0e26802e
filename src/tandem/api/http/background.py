"""Requests that outlive their answer: run once, repeated without running, or going on by themselves after 202."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from functools import partial
from threading import Lock, Thread
from typing import cast
from uuid import UUID

import anyio
import msgspec
import structlog
from starlette.responses import Response

from tandem.actions import async_actions as actions
from tandem.actions.async_actions import RequestData
from tandem.actions.context import Context
from tandem.actions.replay import Claim, claim_request, give_up_claim, keep_answer, key_of_request, note_change
from tandem.api.http.call import Call, Services
from tandem.api.http.envelope import accepted
from tandem.api.http.kept_answers import freeze, thaw
from tandem.decoding import decode
from tandem.domain.async_actions import PARALLEL_MAX, WAITING_MAX, AsyncActionStatus
from tandem.domain.errors import ConsoleError, Invalid, Throttled, Unavailable
from tandem.store.database import Connection

ACTIONS_PATH = "/api/v3/asyncActions"
REQUEST_ID = "x-request-id"
RESPOND_ASYNC = "respond-async"
LOOK_EVERY_SECONDS = 0.1
RETRY_SECONDS = 5
BAD_REQUEST = 400
ANSWER_BYTES_MAX = 1024 * 1024
# The operations that the contract never takes as actions, and those of ours that wait by themselves, do not end, or
# whose answers are kept nowhere.
NEVER_ASYNC = frozenset(
    {
        "AttachRequestDataToAsyncAction",
        "CancelAsyncAction",
        "ClearAsyncActionResult",
        "DownloadBackupRepositoryRecoveryKit",
        "DownloadRemovedRepositoryRecoveryKit",
        "GenerateNewRsaKeyPair",
        "GetAsyncActionInfo",
        "GetAsyncActionResult",
        "GetAsyncActionsConfig",
        "GetAsyncActionsInfo",
        "GetBackupServerJobEvents",
        "OAuth2IssueToken",
        "DownloadFileShareRestorePointFile",
        "GetFileShareRestorePointFiles",
        "SearchFileShareFiles",
        "SearchFileShareRestorePointFiles",
    }
)
# What is not remembered of a request, since it would be shown again.
_SECRETS = ("pass", "token", "secret", "code", "key")
_HOST = re.compile(r"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")

log = structlog.get_logger()


Note = Callable[[Connection], None]


class Settled(msgspec.Struct, frozen=True):
    """An answer, and whether the same request would get it again."""

    response: Response
    is_final: bool = True


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request of somebody who was admitted.

    `perform` runs it, with a note for each change if there is one, and never raises; `perform_later` does so too, after
    it has admitted the caller anew.
    """

    name: str
    call: Call
    perform: Callable[[Note | None], Settled]
    perform_later: Callable[[], Settled]

    @property
    def uid(self) -> str | None:
        """The id that the client gave; raises Invalid if it is none: the client counts on being understood."""
        text = self.call.headers.get(REQUEST_ID)
        if not text:
            return None
        try:
            return str(UUID(text))
        except ValueError as error:
            shown = text[:60]
            message = f'X-Request-id: "{shown}" is not a UUID; send one, or leave the header out.'
            raise Invalid(message, parameter="X-Request-id") from error


class _Run:
    """A request under way: answered by itself, or, once it has become an action, by 202."""

    def __init__(self, request: Request, claim: Claim | None) -> None:
        self.request = request
        self.claim = claim
        self.lock = Lock()
        self.answer: Settled | None = None
        self.action_uid: str | None = None

    @property
    def note(self) -> Note | None:
        """What is noted with each change, so that a request that is sent again is not done again."""
        return None if self.claim is None else self._note

    def _note(self, connection: Connection) -> None:
        # As an action it was answered, and whoever sends it again is given that answer.
        if self.claim is not None and self.action_uid is None:
            note_change(connection, self.claim)


def asks_for_action(name: str, call: Call) -> bool:
    """Say whether a client prefers not to wait (RFC 7240 §4.1), for an operation that may be an action."""
    prefer = call.headers.get("prefer")
    if prefer is None or name in NEVER_ASYNC:
        return False
    preferences = [each.partition(";")[0].strip().lower() for each in prefer.split(",")]
    return RESPOND_ASYNC in preferences


class Background:
    """The requests of one process that go on by themselves."""

    def __init__(self, services: Services) -> None:
        """Begin with none."""
        self._services = services
        self._context = services.context
        self._lock = Lock()
        self._alive: set[str] = set()
        self._waiting: deque[Callable[[], None]] = deque()
        self._running = 0
        self._tasks: set[asyncio.Future[None]] = set()

    async def change(self, request: Request) -> Response:
        """Run a write, or give the answer of the same one a moment ago; one that takes long is answered with 202.

        Raises:
            Invalid: if the id of the request is none.
            Unavailable: if the same request still runs.
            Throttled: if too many actions wait.
        """
        claim = await self._claim(request)
        if isinstance(claim, Response):
            return claim
        if asks_for_action(request.name, request.call):
            return await anyio.to_thread.run_sync(self._accept, request, claim)
        run = _Run(request, claim)
        # A task of its own: whoever goes away does not stop what he has begun.
        task = asyncio.ensure_future(anyio.to_thread.run_sync(self._work, run, abandon_on_cancel=True))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        patience = self._services.async_after_seconds
        if patience and request.name not in NEVER_ASYNC:
            await asyncio.wait({task}, timeout=patience)
            if not task.done() and await anyio.to_thread.run_sync(self._take_over, run):
                return _accepted(request.call, cast("str", run.action_uid))
        await asyncio.shield(task)
        return cast("Settled", run.answer).response

    async def accept(self, request: Request) -> Response:
        """Take a read as an action; raises Throttled if too many wait."""
        return await anyio.to_thread.run_sync(self._accept, request, None)

    def note_alive(self) -> None:
        """Say that this process still has its actions; to be called every half minute."""
        if alive := self._unended():
            actions.note_alive(self._context, alive)

    def close(self) -> None:
        """Give up the actions that have not ended: the process ends."""
        with self._lock:
            self._waiting.clear()
        if unended := self._unended():
            actions.fail_async_actions(self._context, unended)
        with self._lock:
            self._alive.clear()

    @property
    def is_at_work(self) -> bool:
        """Whether any action has not ended."""
        with self._lock:
            return bool(self._alive or self._running)

    def _unended(self) -> list[str]:
        with self._lock:
            return list(self._alive)

    async def _claim(self, request: Request) -> Claim | Response | None:
        call, uid = request.call, request.uid
        if uid is None:
            return None
        target = [request.name, call.path, call.query]
        key = key_of_request(self._context, call.who, uid, target=target, body=call.body)
        until = anyio.current_time() + self._services.replay_wait_seconds
        while True:
            found = await anyio.to_thread.run_sync(claim_request, self._context, key)
            if isinstance(found, str):
                return thaw(found)
            if found is not None:
                return found
            if anyio.current_time() >= until:
                raise Unavailable(f"The request {uid} still runs; ask for its answer again in a moment.")
            await anyio.sleep(LOOK_EVERY_SECONDS)

    def _work(self, run: _Run) -> None:
        answer = run.request.perform(run.note)
        with run.lock:
            run.answer = answer
        if run.action_uid is None:
            _keep(self._context, run.claim, answer)
        else:
            self._end(run.action_uid, answer.response)
            self._leave()

    def _take_over(self, run: _Run) -> bool:
        # Whichever comes first: the answer itself, or the action that it will be found in.
        with run.lock:
            if run.answer is not None:
                return False
            try:
                uid = _register(run.request, is_running=True)
            except ConsoleError as error:
                log.warning("request stays where it is", operation=run.request.name, reason=error.message)
                return False
            with self._lock:
                self._alive.add(uid)
                self._running += 1
            run.action_uid = uid
        _keep(self._context, run.claim, Settled(_accepted(run.request.call, uid)))
        return True

    def _accept(self, request: Request, claim: Claim | None) -> Response:
        try:
            if len(self._waiting) >= WAITING_MAX:
                raise Throttled(f"{WAITING_MAX} actions wait already; try again later.", RETRY_SECONDS)
            uid = _register(request, is_running=False)
        except ConsoleError:
            if claim is not None:
                give_up_claim(self._context, claim)
            raise
        response = _accepted(request.call, uid)
        _keep(self._context, claim, Settled(response))
        with self._lock:
            self._alive.add(uid)
            self._waiting.append(partial(self._run_action, request, uid))
        self._start_next()
        return response

    def _run_action(self, request: Request, uid: str) -> None:
        try:
            if actions.begin_async_action(self._context, uid):
                self._end(uid, request.perform_later().response)
        except ConsoleError:
            # Without a sign of life, it is given up before long.
            log.exception("action could not be run", action=uid, operation=request.name)
        finally:
            with self._lock:
                self._alive.discard(uid)

    def _end(self, uid: str, response: Response) -> None:
        is_failed = response.status_code >= BAD_REQUEST
        status = AsyncActionStatus.FAILED if is_failed else AsyncActionStatus.SUCCEED
        try:
            actions.end_async_action(self._context, uid, status, freeze(response))
        except ConsoleError:
            log.exception("result of an action was lost", action=uid)
        finally:
            with self._lock:
                self._alive.discard(uid)

    def _start_next(self) -> None:
        with self._lock:
            if not self._waiting or self._running >= PARALLEL_MAX:
                return
            self._running += 1
            work = self._waiting.popleft()
        # A daemon: the process does not wait for it when it ends.
        Thread(target=self._run_all, args=(work,), name="action", daemon=True).start()

    def _run_all(self, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._running -= 1
        self._start_next()


def _keep(context: Context, claim: Claim | None, answer: Settled) -> None:
    if claim is None:
        return
    try:
        if answer.is_final and len(answer.response.body) <= ANSWER_BYTES_MAX:
            keep_answer(context, claim, freeze(answer.response))
        else:
            give_up_claim(context, claim)
    except ConsoleError as error:
        log.warning("answer was not kept", reason=error.message)


def _register(request: Request, *, is_running: bool) -> str:
    call = request.call
    parameters: dict[str, list[str]] = {}
    for name, value in call.query:
        if not _is_secret(name):
            parameters.setdefault(name, []).append(value)
    data = RequestData(query_parameters=parameters, request_body=_shown_body(call.body))
    return actions.register_async_action(
        call.act, request.name, data, wanted_uid=_wanted_uid(request), is_running=is_running
    )


def _wanted_uid(request: Request) -> str | None:
    try:
        return request.uid
    except Invalid:
        return None  # Of a read, where the header means nothing else.


def _shown_body(body: bytes) -> str | None:
    if not body:
        return None
    try:
        is_shown = not _holds_secret(decode(body))
        return body.decode() if is_shown else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _holds_secret(value: object) -> bool:
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        # A patch names what it changes in the value of `path`.
        names = [*members, str(members.get("path", ""))]
        return any(map(_is_secret, names)) or any(map(_holds_secret, members.values()))
    return isinstance(value, list) and any(map(_holds_secret, cast("list[object]", value)))


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRETS)


def _accepted(call: Call, uid: str) -> Response:
    host = call.headers.get("host", "")
    where = host if _HOST.fullmatch(host) else "localhost"
    is_preferred = RESPOND_ASYNC in call.headers.get("prefer", "").lower()
    return accepted(f"https://{where}{ACTIONS_PATH}/{uid}", RESPOND_ASYNC if is_preferred else None)
