"""Answers made smaller, for clients that ask for it (RFC 9110 §12.5.3): zstd or gzip."""

from __future__ import annotations

import gzip
import re
from functools import lru_cache

import msgspec
import zstandard
from starlette.responses import Response

SIZE_MIN = 1024
GZIP_LEVEL = 4
ZSTD_LEVEL = 1
HEADER_LENGTH_MAX = 1000
_QUALITY = re.compile(r"(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)")
_VARY = (b"vary", b"Accept-Encoding")


class Choice(msgspec.Struct, frozen=True):
    """The coding that a client likes best of ours, if any, and whether it takes an answer as it is."""

    coding: str | None
    is_plain_refused: bool = False


PLAIN = Choice(None)


def compress(response: Response, accept_encoding: str | None) -> None:
    """Encode an answer in place as its client likes best, and say on what that depends.

    One that is small stays as it is, unless the client refuses that. A client that takes nothing we have gets it plain.
    """
    response.raw_headers.append(_VARY)
    choice = PLAIN if accept_encoding is None else choose_coding(accept_encoding[:HEADER_LENGTH_MAX])
    body = bytes(response.body)
    if choice.coding is None or not body or (len(body) < SIZE_MIN and not choice.is_plain_refused):
        return
    if choice.coding == "zstd":
        encoded = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(body)
    else:
        encoded = gzip.compress(body, GZIP_LEVEL, mtime=0)
    response.body = encoded
    response.headers["Content-Encoding"] = choice.coding
    response.headers["Content-Length"] = str(len(encoded))


@lru_cache(maxsize=256)
def choose_coding(accept_encoding: str) -> Choice:
    """Choose the coding that an Accept-Encoding header likes best; of two that it likes the same, zstd if it is named.

    Whoever writes only `*` gets gzip, which everybody reads.
    """
    qualities: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name:
            qualities["gzip" if name == "x-gzip" else name] = _quality(parameters)
    others = qualities.get("*", 0.0)
    zstd, gzipped = qualities.get("zstd", others), qualities.get("gzip", others)
    plain = qualities.get("identity", 0.0 if qualities.get("*") == 0 else None)
    best = max(zstd, gzipped)
    if best == 0 or (plain is not None and plain > best):
        return PLAIN
    is_zstd = zstd > gzipped or (zstd == gzipped and "zstd" in qualities)
    return Choice("zstd" if is_zstd else "gzip", is_plain_refused=plain == 0)


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
    return 1.0
