"""The last that is done to an answer: what may be kept of it, whether it is news, and how small it is sent."""

from __future__ import annotations

from starlette.responses import Response

from tandem.api.http.caching import OK, SECRET_ANSWERS, forbid_storing, is_secret, label
from tandem.api.http.compression import compress
from tandem.api.http.envelope import JsonResponse, WrittenResponse
from tandem.sealing import Fingerprints

# Of one answer that is kept: for the clients that poll, which are few.
FORMS_MAX = 4
HEADER_LENGTH_KEPT_MAX = 200


def finish(
    fingerprints: Fingerprints, response: Response, operation_id: str, method: str, headers: dict[str, str]
) -> Response:
    """Make of an operation's answer what its client gets; a successful read that the client has becomes 304.

    Args:
        fingerprints: of answers, by which a client says what it has.
        response: the operation's answer, or the error in its place.
        operation_id: of the contract's operations.
        method: as the client sent it.
        headers: the client's, by names in lower case.
    """
    if not isinstance(response, WrittenResponse):
        return _finish(fingerprints, response, operation_id, method, headers)
    asked = headers.get("if-none-match"), headers.get("accept-encoding")
    finished = response.finished.get(asked)
    if finished is None:
        finished = _finish(fingerprints, JsonResponse(response.body), operation_id, "GET", headers)
        if len(response.finished) < FORMS_MAX and all(len(each or "") <= HEADER_LENGTH_KEPT_MAX for each in asked):
            response.finished[asked] = finished
    return finished


def _finish(
    fingerprints: Fingerprints, response: Response, operation_id: str, method: str, headers: dict[str, str]
) -> Response:
    if operation_id in SECRET_ANSWERS:
        forbid_storing(response)
    if is_secret(response):
        return response
    if method in {"GET", "HEAD"} and response.status_code == OK:
        response = label(fingerprints, response, headers.get("if-none-match"))
    compress(response, headers.get("accept-encoding"))
    return response
