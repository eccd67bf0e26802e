"""The ASGI application: finds the operation, admits the caller, runs the handler, answers errors."""

from __future__ import annotations

import inspect
import time
from typing import Any, cast
from urllib.parse import parse_qsl

import anyio
import msgspec
from prometheus_client import Counter, Histogram
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from tandem.actions.tokens import find_caller
from tandem.api.bodies import read_body
from tandem.api.call import Call, Services
from tandem.api.envelope import respond_with
from tandem.api.errors import TransportError, respond, respond_unexpected
from tandem.api.operations import Operation, signature_of
from tandem.api.parameters import read_parameters
from tandem.api.routes import ROUTES
from tandem.domain.errors import ConsoleError, Forbidden, NotFound, Unauthorized
from tandem.domain.identity import Caller, Permission, admitted_roles
from tandem.protocol.messages import EXCHANGE_PATH
from tandem.store.database import Connection

BODY_BYTES_MAX = 1024 * 1024
EXCHANGE_BYTES_MAX = 16 * 1024 * 1024
QUERY_FIELDS_MAX = 200

REQUESTS = Counter("tandem_requests_total", "Requests answered.", ["operation", "status"])
SECONDS = Histogram("tandem_request_seconds", "Seconds to answer a request.", ["operation"])


class Application:
    """The console's HTTP side; one per process."""

    def __init__(self, services: Services) -> None:
        """Lay out the routes for look-up by path segments."""
        self._services = services
        self._exact: dict[str, dict[str, Operation]] = {}
        self._patterns: dict[int, list[tuple[list[str], dict[str, Operation]]]] = {}
        for operation in ROUTES:
            self._lay_out(operation)
        # An embedded database answers in microseconds: a thread would cost more than it saves.
        self._reads_inline = services.context.database.is_embedded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await (await self._answer(scope, receive))(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Response:
        started = time.perf_counter()
        method, path = scope["method"], scope["path"]
        name = "unknown"
        try:
            operation, parameters = self._find(method, path)
            name = operation.operation_id
            call = self._call(parameters, scope)
            serve = self._read if operation.method == "GET" else self._change
            response = await serve(operation, call, receive)
        except ConsoleError as error:
            response = respond(error, method=method, path=path)
        except Exception as error:  # noqa: BLE001  (the last resort: logged with an id, answered without a trace)
            response = respond_unexpected(error, method=method, path=path)
        REQUESTS.labels(name, response.status_code).inc()
        SECONDS.labels(name).observe(time.perf_counter() - started)
        return response

    def _call(self, parameters: dict[str, str], scope: Scope) -> Call:
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        try:
            query = parse_qsl(
                scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=QUERY_FIELDS_MAX
            )
        except ValueError as error:
            raise TransportError(400, f"The query has more than {QUERY_FIELDS_MAX} parameters.") from error
        client = scope.get("client")
        return Call(
            services=self._services,
            path=parameters,
            query=query,
            headers=headers,
            address=client[0] if client else "",
            token=_bearer(headers),
        )

    async def _read(self, operation: Operation, call: Call, _receive: Receive) -> Response:
        if self._reads_inline:
            return self._read_now(operation, call)
        return await anyio.to_thread.run_sync(self._read_now, operation, call)

    def _read_now(self, operation: Operation, call: Call) -> Response:
        if operation.permission is Permission.PUBLIC:
            return _serve(operation, call)
        # One connection, and one state of the data, for the caller's rights and for what he is shown.
        with self._services.context.database.reading() as connection:
            caller = self._admit(connection, operation, call)
            return _serve(operation, msgspec.structs.replace(call, caller=caller, connection=connection))

    async def _change(self, operation: Operation, call: Call, receive: Receive) -> Response:
        caller = None
        if operation.permission not in {Permission.PUBLIC, Permission.AGENT}:
            caller = await anyio.to_thread.run_sync(self._admit_now, operation, call)
        limit = EXCHANGE_BYTES_MAX if operation.path == EXCHANGE_PATH else BODY_BYTES_MAX
        body = await _read_body(receive, call.headers, limit)
        call = msgspec.structs.replace(call, caller=caller, body=body)
        if inspect.iscoroutinefunction(operation.handler):
            return await cast("Any", operation.handler)(call)
        return await anyio.to_thread.run_sync(_serve, operation, call)

    def _admit_now(self, operation: Operation, call: Call) -> Caller:
        with self._services.context.database.reading() as connection:
            return self._admit(connection, operation, call)

    def _admit(self, connection: Connection, operation: Operation, call: Call) -> Caller:
        caller = find_caller(connection, self._services.checker, call.token)
        if caller.role not in admitted_roles(operation.permission, self._services.context.contract):
            raise Forbidden(f"Your role {caller.role} does not permit {operation.operation_id}.")
        return caller

    def _lay_out(self, operation: Operation) -> None:
        if "{" not in operation.path:
            self._exact.setdefault(operation.path, {})[operation.method] = operation
            return
        segments = operation.path.split("/")
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
            raise NotFound(f"There is nothing at {path[:200]}.")
        operation = methods.get(method)
        if operation is None:
            served = ", ".join(sorted(methods))
            raise TransportError(405, f"{method} is not served at {path[:200]}; use {served}.", {"Allow": served})
        return operation, parameters


def _serve(operation: Operation, call: Call) -> Response:
    signature = signature_of(operation.handler)
    given: dict[str, Any] = {}
    if signature.query is not None:
        given["query"] = read_parameters(call, signature.query)
    if signature.body is not None:
        given["body"] = read_body(call, signature.body)
    answer = cast("Any", operation.handler)(call, **given)
    return respond_with(call, answer, signature.views)


def _match(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    parameters: dict[str, str] = {}
    for expected, given in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            parameters[expected[1:-1]] = given
        elif expected != given:
            return None
    return parameters


def _bearer(headers: dict[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _read_body(receive: Receive, headers: dict[str, str], limit: int) -> bytes:
    too_large = TransportError(413, f"The body is larger than {limit} bytes.")
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    while True:
        message: Message = await receive()
        if message["type"] == "http.disconnect":
            raise Unauthorized("The client went away.")
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise too_large
        if not message.get("more_body"):
            return b"".join(chunks)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
