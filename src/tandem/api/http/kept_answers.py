"""Answers as texts, to be kept and given again byte for byte."""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from tandem.decoding import decode

OWN_HEADERS = {b"content-length"}


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def freeze(response: Response) -> str:
    """Turn an answer into a text."""
    headers = [
        (name.decode("latin-1"), value.decode("latin-1"))
        for name, value in response.raw_headers
        if name not in OWN_HEADERS
    ]
    return msgspec.json.encode(_Kept(response.status_code, headers, bytes(response.body))).decode()


def thaw(text: str) -> Response:
    """Make the answer again that `freeze` turned into a text."""
    kept = decode(text, _Kept)
    response = Response(kept.body, status_code=kept.status)
    for name, value in kept.headers:
        response.raw_headers.append((name.encode("latin-1"), value.encode("latin-1")))
    return response
