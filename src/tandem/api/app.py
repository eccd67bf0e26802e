"""The ASGI application: finds the operation, admits the caller, runs the handler, answers errors."""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable
from functools import partial
from threading import Event
from typing import Any, cast
from urllib.parse import parse_qsl

import anyio
import msgspec
from prometheus_client import Counter, Histogram
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from tandem.actions.tokens import UnknownKey
from tandem.api.http.addresses import client_address
from tandem.api.http.admission import admit, count_guess
from tandem.api.http.background import Background, Note, Request, Settled, asks_for_action
from tandem.api.http.bodies import read_body
from tandem.api.http.caching import SECRET_ANSWERS, UNKEPT_ANSWERS, forbid_storing
from tandem.api.http.call import Call, Services
from tandem.api.http.envelope import WrittenResponse, respond_with
from tandem.api.http.errors import TransportError, is_final, respond, respond_unexpected
from tandem.api.http.finish import finish
from tandem.api.http.operations import BASE, Operation, signature_of
from tandem.api.http.parameters import read_parameters
from tandem.api.http.request_body import RequestBody
from tandem.api.http.throttling import Passage, Throttle
from tandem.api.http.unchanged_answers import Unchanged, UnchangedAnswers
from tandem.api.routes import ROUTES
from tandem.domain.errors import ConsoleError, NotFound
from tandem.domain.identity import Caller, Permission
from tandem.protocol.messages import EXCHANGE_PATH
from tandem.protocol.transfers import MESSAGE_BYTES_MAX, TRANSFER_PATH
from tandem.sealing import Fingerprints
from tandem.store.database import Connection

BODY_BYTES_MAX = 1024 * 1024
BODY_BYTES_OF_AGENTS = {EXCHANGE_PATH: 16 * 1024 * 1024, TRANSFER_PATH: MESSAGE_BYTES_MAX}
QUERY_FIELDS_MAX = 200
# Clients that poll send the same few queries: those of at most so many bytes are read once.
QUERY_LENGTH_KNOWN_MAX = 200
QUERIES_KNOWN_MAX = 1000
# So long after a caller was admitted his rights may have ended: a body may come slowly, and the same request run first.
ADMISSION_SECONDS = 1.0

REQUESTS = Counter("tandem_requests_total", "Requests answered.", ["operation", "status"])
UNCHANGED = Counter("tandem_unchanged_answers_total", "Requests answered with the page that was made before.")
SECONDS = Histogram("tandem_request_seconds", "Seconds to answer a request.", ["operation"])


class _Asked(msgspec.Struct, frozen=True):
    operation: Operation
    method: str
    path: str
    passage: Passage | None

    @property
    def is_by_user(self) -> bool:
        """Whether the operation needs somebody who is signed in."""
        permission = self.operation.permission
        return permission is not Permission.PUBLIC and permission is not Permission.AGENT

    def name(self, user_uid: str) -> None:
        """Count the request as this user's; raises Throttled."""
        if self.passage is not None:
            self.passage.name(user_uid)


class Application:
    """The console's HTTP side; one per process."""

    def __init__(self, services: Services) -> None:
        """Lay out the routes for look-up by path segments."""
        self._services = services
        self._throttle = Throttle(services.limits, services.ticks)
        self._fingerprints = Fingerprints(services.context.seal.derive("fingerprints of answers"))
        self._unchanged = UnchangedAnswers(services.checker)
        self.background = Background(services)
        self._exact: dict[str, dict[str, Operation]] = {}
        self._patterns: dict[int, list[tuple[list[str], dict[str, Operation]]]] = {}
        for operation in ROUTES:
            self._lay_out(operation)
        # An embedded database answers in microseconds: a thread would cost more than it saves.
        self._reads_inline = services.context.database.is_embedded

    @property
    def stopping(self) -> Event:
        """Set when the process is to end."""
        return self._services.stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await (await self._answer(scope, receive))(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        started = time.perf_counter()
        method, path = scope["method"], scope["path"]
        # Names come in lower case, as ASGI has it.
        headers = {key.decode("latin-1"): value.decode("latin-1") for key, value in scope["headers"]}
        operation = passage = None
        body = RequestBody(receive, headers)
        try:
            operation, parameters = self._find(method, path)
            call = self._call(parameters, headers, scope)
            if _is_of_contract(operation):
                passage = self._throttle.enter(call.address)
            serve = self._read if operation.method == "GET" else self._change
            response = await serve(_Asked(operation, method, path, passage), call, body)
        except UnknownKey as error:
            told = await anyio.to_thread.run_sync(
                count_guess, self._services.context, self._address(scope, headers), error
            )
            response = respond(told, method=method, path=path)
        except ConsoleError as error:
            response = respond(error, method=method, path=path)
        except Exception as error:  # noqa: BLE001  (the last resort: logged with an id, answered without a trace)
            response = respond_unexpected(error, method=method, path=path)
        finally:
            if passage is not None:
                passage.leave()
        if method not in {"GET", "HEAD"}:
            await body.drain()
        if operation is not None and _is_of_contract(operation):
            response = finish(self._fingerprints, response, operation.operation_id, method, headers)
        if method == "HEAD":
            response = _without_body(response)
        name = operation.operation_id if operation else "unknown"
        _requests_of(name, response.status_code).inc()
        _seconds_of(name).observe(time.perf_counter() - started)
        return response

    def _call(self, parameters: dict[str, str], headers: dict[str, str], scope: Scope) -> Call:
        raw = scope["query_string"]
        return Call(
            services=self._services,
            path=parameters,
            query=_known_query(raw) if len(raw) <= QUERY_LENGTH_KNOWN_MAX else _read_query(raw),
            headers=headers,
            address=self._address(scope, headers),
            token=_bearer(headers),
        )

    def _address(self, scope: Scope, headers: dict[str, str]) -> str:
        client = scope.get("client")
        peer = client[0] if client else ""
        return client_address(peer, headers.get("x-forwarded-for", ""), self._services.balancers)

    async def _read(self, asked: _Asked, call: Call, _body: RequestBody) -> Response:
        if _is_awaited(asked.operation.handler):
            return await self._await_agent(asked, call)
        if asks_for_action(asked.operation.operation_id, call) and asked.is_by_user and asked.method == "GET":
            caller = await anyio.to_thread.run_sync(self._admit_now, asked, call)
            call = msgspec.structs.replace(call, caller=caller)
            return await self.background.accept(self._request(asked, call, self._services.ticks()))
        if self._reads_inline:
            return self._read_now(asked, call)
        return await anyio.to_thread.run_sync(self._read_now, asked, call)

    async def _await_agent(self, asked: _Asked, call: Call) -> Response:
        """Serve a read that waits for an agent, and holds neither a thread nor a connection meanwhile."""
        operation = asked.operation
        if asked.method == "HEAD":
            raise TransportError(405, "HEAD is not served here, as an agent would have to be asked.", {"Allow": "GET"})
        call = msgspec.structs.replace(call, caller=await anyio.to_thread.run_sync(self._admit_now, asked, call))
        answer = await cast("Any", operation.handler)(call, **_arguments(operation, call))
        return respond_with(call, answer, signature_of(operation.handler).views)

    def _read_now(self, asked: _Asked, call: Call) -> Response:
        if asked.operation.permission is Permission.PUBLIC:
            return _serve(asked.operation, call)
        known = self._unchanged.find(asked.path, call)
        if known is not None:
            asked.name(known.user_uid)
            UNCHANGED.inc()
            return known.response
        # One connection, and one state of the data, for the caller's rights and for what he is shown.
        database = self._services.context.database
        with database.reading() as connection:
            caller = self._admit(connection, asked, call)
            response = _serve(asked.operation, msgspec.structs.replace(call, caller=caller, connection=connection))
            if isinstance(response, WrittenResponse):
                answer = Unchanged(response, caller.user_uid, database.state(connection))
                self._unchanged.keep(asked.path, call, answer)
            return response

    async def _change(self, asked: _Asked, call: Call, body: RequestBody) -> Response:
        operation = asked.operation
        admitted_at = self._services.ticks()
        caller = await anyio.to_thread.run_sync(self._admit_now, asked, call) if asked.is_by_user else None
        limit = BODY_BYTES_OF_AGENTS.get(operation.path, BODY_BYTES_MAX)
        call = msgspec.structs.replace(call, caller=caller, body=await body.read(limit))
        if asked.is_by_user:
            return await self.background.change(self._request(asked, call, admitted_at))
        if _is_awaited(operation.handler):
            return await cast("Any", operation.handler)(call)
        return await anyio.to_thread.run_sync(_serve, operation, call)

    def _request(self, asked: _Asked, call: Call, admitted_at: float) -> Request:
        # An action that has waited is run with the rights that its caller has by then.
        later = msgspec.structs.replace(asked, passage=None)

        def serve_later(call: Call = call) -> Response:
            if asked.operation.method == "GET":
                return self._read_now(later, call)
            return _serve(later.operation, msgspec.structs.replace(call, caller=self._admit_now(later, call)))

        def serve(note: Note | None) -> Response:
            noting = call if note is None else call.noting(note)
            is_fresh = self._services.ticks() - admitted_at < ADMISSION_SECONDS
            return _serve(asked.operation, noting) if is_fresh else serve_later(noting)

        return Request(
            name=asked.operation.operation_id,
            call=call,
            perform=lambda note: _settle(asked, partial(serve, note)),
            perform_later=lambda: _settle(later, serve_later),
        )

    def _admit_now(self, asked: _Asked, call: Call) -> Caller:
        with self._services.context.database.reading() as connection:
            return self._admit(connection, asked, call)

    def _admit(self, connection: Connection, asked: _Asked, call: Call) -> Caller:
        caller = admit(connection, asked.operation, call)
        asked.name(caller.user_uid)
        return caller

    def _lay_out(self, operation: Operation) -> None:
        path = operation.path.rstrip("/")
        if "{" not in path:
            self._exact.setdefault(path, {})[operation.method] = operation
            return
        segments = path.split("/")
        for known, methods in self._patterns.setdefault(len(segments), []):
            if known == segments:
                methods[operation.method] = operation
                return
        self._patterns[len(segments)].append((segments, {operation.method: operation}))

    def _find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        if len(path) > 1 and path.endswith("/"):
            path = path[:-1]
        methods, parameters = self._exact.get(path), dict[str, str]()
        if methods is None:
            segments = path.split("/")
            for pattern, candidates in self._patterns.get(len(segments), ()):
                found = _match(pattern, segments)
                if found is not None:
                    methods, parameters = candidates, found
                    break
        if methods is None:
            raise NotFound(f"There is nothing at {path[:200]}; /docs shows what there is.")
        operation = methods.get("GET" if method == "HEAD" else method)
        if operation is None:
            served = ", ".join(sorted({*methods, "HEAD"} if "GET" in methods else methods))
            raise TransportError(405, f"{method} is not served at {path[:200]}; use {served}.", {"Allow": served})
        return operation, parameters


def _is_of_contract(operation: Operation) -> bool:
    return operation.path.startswith(BASE)


def _serve(operation: Operation, call: Call) -> Response:
    answer = cast("Any", operation.handler)(call, **_arguments(operation, call))
    return respond_with(call, answer, signature_of(operation.handler).views)


def _arguments(operation: Operation, call: Call) -> dict[str, Any]:
    signature = signature_of(operation.handler)
    given: dict[str, Any] = {}
    if signature.query is not None:
        given["query"] = read_parameters(call, signature.query)
    if signature.body is not None:
        given["body"] = read_body(call, signature.body)
    return given


def _without_body(response: Response) -> Response:
    if isinstance(response, StreamingResponse):
        return Response(status_code=response.status_code, headers=dict(response.headers))
    bare = Response(status_code=response.status_code)
    # Not changed in place: it may be kept for others.
    bare.raw_headers = response.raw_headers
    return bare


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for expected, given in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            parameters[expected[1:-1]] = given
        elif expected != given:
            return None
    return parameters


def _read_query(raw: bytes) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_qsl(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX))
    except ValueError as error:
        raise TransportError(400, f"The query has more than {QUERY_FIELDS_MAX} parameters.") from error


_known_query = functools.lru_cache(QUERIES_KNOWN_MAX)(_read_query)
# A child of a metric is looked up by several frames of Python under a lock, and there are few.
_requests_of = functools.cache(REQUESTS.labels)
_seconds_of = functools.cache(SECONDS.labels)
_is_awaited = functools.cache(inspect.iscoroutinefunction)


def _bearer(headers: dict[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _settle(asked: _Asked, serve: Callable[[], Response]) -> Settled:
    try:
        response = serve()
    except ConsoleError as error:
        return Settled(respond(error, method=asked.method, path=asked.path), is_final=is_final(error))
    except Exception as error:  # noqa: BLE001  (the last resort: logged with an id, answered without a trace)
        return Settled(respond_unexpected(error, method=asked.method, path=asked.path), is_final=False)
    if asked.operation.operation_id in SECRET_ANSWERS:
        forbid_storing(response)  # Also by whoever is given it later.
    return Settled(response, is_final=asked.operation.operation_id not in UNKEPT_ANSWERS)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
