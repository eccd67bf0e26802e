"""The answer's envelope: data with paging, data alone, or nothing but success."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from tandem.domain.paging import Page

_encoder = msgspec.json.Encoder()
EMPTY = b'{"errors":[],"data":{},"meta":null}'


class JsonResponse(Response):
    """Answers are JSON whatever the client accepts."""

    media_type = "application/json; charset=utf-8"


def collection(page: Page[Any], rows: list[Any]) -> Response:
    """Answer one page of a collection; `rows` are the page's rows as the API shows them."""
    meta = f'{{"meta":{{"pagingInfo":{{"total":{page.total},"count":{len(rows)},"offset":{page.offset}}}}},"data":'
    return JsonResponse(meta.encode() + _encoder.encode(rows) + b"}")


def single(data: Any) -> Response:
    """Answer one resource."""
    return JsonResponse(b'{"data":' + _encoder.encode(data) + b"}")


def empty() -> Response:
    """Answer that it is done, as the contract's EmptyResponse: `errors` is always an array."""
    return JsonResponse(EMPTY)


def plain(data: Any, status: int = 200) -> Response:
    """Answer without an envelope, as /token and the agents' endpoints do."""
    return JsonResponse(_encoder.encode(data), status_code=status)
