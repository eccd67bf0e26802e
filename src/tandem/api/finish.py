"""The last that is done to an answer: what may be kept of it, whether it is news, and how small it is sent."""

from __future__ import annotations

from starlette.responses import Response

from tandem.api.caching import OK, SECRET_ANSWERS, forbid_storing, is_secret, label
from tandem.api.compression import compress
from tandem.sealing import Fingerprints


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
    if operation_id in SECRET_ANSWERS:
        forbid_storing(response)
    if is_secret(response):
        return response
    if method in {"GET", "HEAD"} and response.status_code == OK:
        response = label(fingerprints, response, headers.get("if-none-match"))
    compress(response, headers.get("accept-encoding"))
    return response
