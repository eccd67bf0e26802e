"""Answers in the coding that their client asks for, none that holds a secret; and no packed bodies are taken."""

import gzip
import zlib
from typing import Any

import httpx
import pytest
import zstandard

from tandem.api.http.compression import SIZE_MIN, Choice, choose_coding
from tandem.api.routes import BASE
from tests.api.test_app import converse
from tests.consoles import COPY_JOBS, JOBS, Console, error_in
from tests.people import ACMES, ALICE, BOB, PASSWORD

pytestmark = pytest.mark.embedded_only

LARGE = "/infrastructure/backupServers/jobs"
SMALL = "/users/me"
TOKENS = "/infrastructure/backupServers/enrolmentTokens"


def get(console: Console, path: str, accept_encoding: str | None, method: str = "GET") -> httpx.Response:
    """Ask for something and take the answer as it comes."""
    headers = {"Authorization": f"Bearer {console.services.checker.sign(ALICE.uid)}"}
    headers["Accept-Encoding"] = accept_encoding or "identity"
    return console.request(method, BASE + path, headers=headers)


@pytest.mark.parametrize(
    ("accept_encoding", "choice"),
    [
        ("", Choice(None)),
        ("gzip", Choice("gzip")),
        ("x-gzip", Choice("gzip")),
        ("zstd", Choice("zstd")),
        ("gzip, deflate, br, zstd", Choice("zstd")),
        ("GZIP;Q=0.5, zstd;q=0.4", Choice("gzip")),
        ("gzip;q=1.0,zstd;q=0.999", Choice("gzip")),
        ("gzip;q=0", Choice(None)),
        ("gzip;q=0, *", Choice("zstd")),
        ("*", Choice("gzip")),
        ("*;q=0", Choice(None)),
        ("gzip, *;q=0", Choice("gzip", is_plain_refused=True)),
        ("gzip, identity;q=0", Choice("gzip", is_plain_refused=True)),
        ("identity;q=0", Choice(None)),
        ("identity;q=0, *", Choice("gzip", is_plain_refused=True)),
        ("gzip;q=0.5, identity", Choice(None)),
        ("gzip, identity", Choice("gzip")),
        ("br, deflate", Choice(None)),
        ("gzip;q=nan", Choice(None)),
        ("gzip;q=2", Choice(None)),
        ("gzip;q=-1, zstd", Choice("zstd")),
        (",,;q=1, ;;gzip ,", Choice(None)),
        ("gzip;x=1;q=0.1", Choice("gzip")),
    ],
)
def test_the_client_chooses_by_the_rules(accept_encoding: str, choice: Choice) -> None:
    assert choose_coding(accept_encoding) == choice


def test_an_answer_is_the_same_whatever_it_is_packed_in(quiet_console: Console) -> None:
    plain = get(quiet_console, LARGE, None)
    assert "Content-Encoding" not in plain.headers
    assert len(plain.content) >= SIZE_MIN
    for coding in ("gzip", "zstd"):
        packed = get(quiet_console, LARGE, coding)
        assert packed.headers["Content-Encoding"] == coding
        assert int(packed.headers["Content-Length"]) < len(plain.content) / 2
        assert packed.content == plain.content
        assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
        assert packed.headers["ETag"] == plain.headers["ETag"]


def test_what_is_sent_is_what_it_is_called(quiet_console: Console) -> None:
    for coding, unpack in (("gzip", gzip.decompress), ("zstd", zstandard.ZstdDecompressor().decompress)):
        token = quiet_console.services.checker.sign(ALICE.uid)
        raw = _raw(quiet_console, LARGE, {"authorization": f"Bearer {token}", "accept-encoding": coding})
        assert unpack(raw) == get(quiet_console, LARGE, None).content


def _raw(console: Console, path: str, headers: dict[str, str]) -> bytes:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": BASE + path,
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    return b"".join(message.get("body", b"") for message in converse(console, scope))


def test_a_small_answer_stays_as_it_is_unless_that_is_refused(quiet_console: Console) -> None:
    assert "Content-Encoding" not in get(quiet_console, SMALL, "gzip").headers
    assert get(quiet_console, SMALL, "gzip, identity;q=0").headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in get(quiet_console, SMALL, "br, identity;q=0").headers, "better than nothing"


@pytest.mark.parametrize("accept_encoding", [None, "gzip", "br"])
@pytest.mark.parametrize("path", [LARGE, SMALL, "/nothing/here", f"{JOBS}/{ACMES.share}"])
def test_caches_are_told_on_what_an_answer_depends(
    quiet_console: Console, path: str, accept_encoding: str | None
) -> None:
    response = get(quiet_console, path, accept_encoding)
    if path != "/nothing/here":
        assert response.headers["Vary"] == "Accept-Encoding"
    assert int(response.headers["Content-Length"]) > 0


def test_an_error_is_packed_like_anything_else(quiet_console: Console) -> None:
    response = get(quiet_console, f"{COPY_JOBS}?limit=x", "gzip, identity;q=0")
    assert (response.status_code, response.headers["Content-Encoding"]) == (400, "gzip")
    assert error_in(response)["parameterName"] == "limit"


def test_an_answer_that_holds_a_secret_is_never_packed_nor_kept(console: Console) -> None:
    headers = {"Accept-Encoding": "gzip, zstd, identity;q=0"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    content = f"grant_type=password&username=bob&password={PASSWORD.replace(' ', '+')}".encode()
    signed_in = console.request("POST", f"{BASE}/token", content=content, headers={**headers, **form})
    enrolment = console.call("POST", TOKENS, BOB, json={"name": "x" * 200}, headers=headers)
    for response in (signed_in, enrolment):
        assert response.status_code == 200
        assert "Content-Encoding" not in response.headers
        assert "ETag" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"


def bomb(coding: str) -> bytes:
    """Pack a body that is large enough to hurt if it were unpacked."""
    large = b'{"name": "' + b"x" * 50_000_000 + b'"}'
    return gzip.compress(large, 1) if coding == "gzip" else zlib.compress(large, 1)


@pytest.mark.parametrize("coding", ["gzip", "deflate", "zstd", "br", "GZIP", "identity, gzip", "x"])
def test_a_packed_body_is_not_taken(console: Console, coding: str) -> None:
    content = bomb("gzip" if "gzip" in coding.lower() else "deflate")
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    headers["Authorization"] = f"Bearer {console.services.checker.sign(BOB.uid)}"
    response = console.request("POST", BASE + TOKENS, content=content, headers=headers)
    assert (response.status_code, error_in(response)["type"]) == (415, "transport")
    assert response.headers["Accept-Encoding"] == "identity"


def test_a_body_that_says_it_is_not_packed_is_taken(console: Console) -> None:
    response = console.call("POST", TOKENS, BOB, json={"name": "new"}, headers={"Content-Encoding": "identity"})
    assert response.status_code == 200
