"""The answer's envelope: data with paging, data alone, or nothing but success."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response

from tandem.api.http.answers import Done, Many, One
from tandem.api.http.call import Call
from tandem.api.http.operations import Answer
from tandem.api.http.selection import chosen_of, read_selection
from tandem.api.http.versions import NEWEST, as_of
from tandem.domain.paging import Page, WrittenPage

ACCEPTED = 202

_CONTENT_TYPE = (b"content-type", b"application/json; charset=utf-8")
_encoder = msgspec.json.Encoder()
EMPTY = b'{"errors":[],"data":{},"meta":null}'
# Clients of older releases break on a member that is null.
EMPTY_FOR_OLDER = b'{"errors":[],"data":{}}'


class JsonResponse(Response):
    """Answers are JSON whatever the client accepts."""

    media_type = "application/json; charset=utf-8"

    def init_headers(self, headers: Mapping[str, str] | None = None) -> None:
        """Begin with these headers; without any, in the one way that all plain answers have."""
        if headers:
            super().init_headers(headers)
        else:
            self.raw_headers = [(b"content-length", b"%d" % len(self.body)), _CONTENT_TYPE]


class WrittenResponse(JsonResponse):
    """A page of ready documents: it depends on the request and the state of the data, and on nothing else.

    `finished` holds what was made of it for clients that ask for other codings, or have it already.
    """

    def __init__(self, content: bytes) -> None:
        """Take the whole body."""
        super().__init__(content)
        self.finished: dict[tuple[str | None, str | None], Response] = {}


def respond_with(call: Call, answer: Answer, views: tuple[Any, ...]) -> Response:
    """Put an answer into its envelope.

    Args:
        call: the request: says which properties are wanted, and which release the client was written for.
        answer: a handler's.
        views: the structs that it may consist of.

    Raises:
        Invalid: for a `select` that names what is not there.
    """
    match answer:
        case Many(page=WrittenPage() as page):
            return WrittenResponse(f"{_start(page, page.count)}[{page.text}]}}".encode())
        case Many(page=page, rows=rows):
            return JsonResponse(_start(page, len(rows)).encode() + _encode(call, rows, views) + b"}")
        case One(data=data, is_secret=is_secret):
            headers = {"Cache-Control": "no-store"} if is_secret else None
            return JsonResponse(b'{"data":' + _encode(call, data, views) + b"}", headers=headers)
        case Done():
            return JsonResponse(EMPTY_FOR_OLDER if _is_older(call) else EMPTY)
        case response:
            return response


def is_shown_whole(call: Call) -> bool:
    """Say whether a resource is answered with all of its members, null ones too."""
    return not _is_older(call) and not call.parameter("select")


def plain(data: Any, status: int = 200) -> Response:
    """Answer without an envelope, as /token and the agents' endpoints do."""
    return JsonResponse(_encoder.encode(data), status_code=status)


def accepted(location: str, preference: str | None) -> Response:
    """Answer that an action goes on by itself, where it is found, and which preference of the client's that follows."""
    response = JsonResponse(EMPTY, status_code=ACCEPTED, headers={"Location": location})
    if preference is not None:
        response.headers["Preference-Applied"] = preference
    return response


def _start(page: Page[Any] | WrittenPage, count: int) -> str:
    paging = f'{{"total":{page.total},"count":{count},"offset":{page.offset}}}'
    return f'{{"meta":{{"pagingInfo":{paging}}},"data":'


def _encode(call: Call, data: Any, views: tuple[Any, ...]) -> bytes:
    if _is_older(call):
        data = as_of(data, call.client_version or NEWEST)
    selection = read_selection(call, views)
    if selection is not None:
        data = chosen_of(data, selection)
    return _encoder.encode(data)


def _is_older(call: Call) -> bool:
    version = call.client_version
    return version is not None and version < NEWEST
