"""Errors as the contract shows them: one table from the product's words to status codes."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import structlog
from starlette.responses import Response

from tandem.actions.tokens import GrantRefused
from tandem.api.http.envelope import plain
from tandem.domain.errors import (
    Busy,
    Conflict,
    ConsoleError,
    Forbidden,
    Invalid,
    NotFound,
    Throttled,
    Unauthorized,
    Unavailable,
)

SERVER_ERROR = 520
ERROR_ID = "X-Error-Id"
LOGICAL, RETRYABLE, SECURITY, TRANSPORT, UNSPECIFIED = (
    "logical",
    "retryableLogical",
    "security",
    "transport",
    "unspecified",
)

# Product error -> (HTTP status, the contract's error type).
_TABLE: dict[type[ConsoleError], tuple[int, str]] = {
    Invalid: (400, LOGICAL),
    Unauthorized: (401, SECURITY),
    Forbidden: (403, SECURITY),
    NotFound: (404, LOGICAL),
    Conflict: (409, LOGICAL),
    Unavailable: (409, RETRYABLE),
    Throttled: (429, TRANSPORT),
    Busy: (SERVER_ERROR, RETRYABLE),
}
PATCH_REFUSED = 1001

log = structlog.get_logger()


class TransportError(ConsoleError):
    """The request cannot be read."""

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        """Refuse a request with an HTTP status, and with the headers that belong to it."""
        super().__init__(message)
        self.status = status
        self.headers = headers or {}


def respond(error: ConsoleError, *, method: str, path: str) -> Response:
    """Answer an error of ours; one that is the server's own is logged."""
    if isinstance(error, GrantRefused):
        return plain({"error": error.error, "error_description": error.message}, 400)
    if isinstance(error, TransportError):
        response = _answer(error.status, _describe(error, error.status, TRANSPORT))
        response.headers.update(error.headers)
        return response
    kinds = [kind for kind in type(error).__mro__ if kind in _TABLE]
    status, kind = _TABLE[kinds[0]] if kinds else (SERVER_ERROR, UNSPECIFIED)
    is_refused_patch = isinstance(error, Invalid) and error.failed_patch is not None
    response = _answer(status, _describe(error, PATCH_REFUSED if is_refused_patch else status, kind))
    if status == SERVER_ERROR:
        response.headers[ERROR_ID] = _log(error, method=method, path=path)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, Throttled):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def respond_unexpected(error: Exception, *, method: str, path: str) -> Response:
    """Answer a fault of ours: an id that the log has too, and nothing else."""
    error_id = _log(error, method=method, path=path)
    message = f"The server failed; its log has more under the id {error_id}."
    response = _answer(SERVER_ERROR, {"message": message, "type": UNSPECIFIED, "code": SERVER_ERROR})
    response.headers[ERROR_ID] = error_id
    return response


def is_final(error: ConsoleError) -> bool:
    """Say whether the same request would be refused again however often it is repeated."""
    return not isinstance(error, Unauthorized | Forbidden | Unavailable | Busy | Throttled)


def _log(error: Exception, *, method: str, path: str) -> str:
    error_id = str(uuid4())
    log.error("request failed", error_id=error_id, method=method, path=path, exc_info=error)
    return error_id


def _describe(error: ConsoleError, code: int, kind: str) -> dict[str, Any]:
    described: dict[str, Any] = {"message": error.message, "type": kind, "code": code}
    if error.parameter is not None:
        described["parameterName"] = error.parameter
    if error.field is not None:
        described["propertyName"] = error.field
    if error.failed_patch is not None:
        described["failedJsonPatch"] = error.failed_patch
    if isinstance(error, Throttled):
        described["retryAfter"] = error.retry_after_seconds
    return described


def _answer(status: int, error: dict[str, Any]) -> Response:
    return plain({"errors": [error]}, status)
