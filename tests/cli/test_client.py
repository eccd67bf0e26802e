"""The client: which certificates it trusts, and sign-ins that many commands use at once."""

import socket
import ssl
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from threading import Barrier, Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from tandem import client as client_module
from tandem.client import Client, load_session, open_client, store_session
from tandem.client.certificates import fetch_certificate, has_fingerprint, pinned_context
from tandem.client.errors import ApiError, NotSignedIn
from tandem.domain.errors import Invalid
from tests.cli.certificates import Listener, listening, make
from tests.cli.command_line import PASSWORD, Cli

AT_ONCE = 6


def test_commands_that_renew_the_sign_in_at_once_keep_it(cli: Cli) -> None:
    cli.log_in()
    spoil_access_token(cli.data)
    together = Barrier(AT_ONCE)
    answers: list[Any] = []

    def ask() -> None:
        with open_client(cli.data) as client:
            together.wait()
            answers.append(client.get("/users/me")["userName"])

    threads = [Thread(target=ask) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["admin"] * AT_ONCE
    # Whoever used a refresh token twice has ended the sign-in: then this fails.
    spoil_access_token(cli.data)
    assert cli.json("users", "me")["userName"] == "admin"


def test_a_renewed_sign_in_is_kept(cli: Cli) -> None:
    cli.log_in()
    spoil_access_token(cli.data)
    before = load_session(cli.data)
    cli.succeeds("users", "me")
    after = load_session(cli.data)
    assert after.access_token != before.access_token
    assert after.refresh_token != before.refresh_token


def test_a_sign_in_that_has_ended_is_told(cli: Cli) -> None:
    cli.log_in()
    session = load_session(cli.data)
    spoiled = msgspec.structs.replace(session, access_token="gone", refresh_token="gone")
    store_session(cli.data, spoiled)
    assert "Sign in again: tandem login" in cli.fails("users", "me")


def test_tokens_of_one_sign_in_are_not_sent_where_another_was_made_meanwhile(cli: Cli) -> None:
    cli.log_in()
    spoil_access_token(cli.data)
    with open_client(cli.data) as client:
        other = msgspec.structs.replace(load_session(cli.data), user_name="somebody else")
        store_session(cli.data, other)
        with pytest.raises(NotSignedIn, match="somebody else"):
            client.get("/users/me")


def test_pages_give_every_row_once(admin: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "LIMIT_MAX", 2)
    for name in ("pages-a", "pages-b", "pages-c"):
        arguments = ("companies", "create", name, "--owner", f"owner of {name}")
        admin.succeeds(*arguments, text="a password of eight\n")
    with open_client(admin.data) as client:
        names = [row["name"] for row in client.pages("/organizations/companies")]
        assert len(names) == len(set(names))
        assert {"pages-a", "pages-b", "pages-c"} <= set(names)


def test_the_version_of_the_contract_is_asked_for_unless_left_out(admin: Cli) -> None:
    with open_client(admin.data) as client:
        sent = client.request("GET", "/users/me").request.headers
        assert sent["X-Client-Version"] == "3.6.1"
        assert "X-Client-Version" not in client.request("GET", "/users/me", version=None).request.headers


def test_a_refusal_carries_the_console_s_own_words(admin: Cli) -> None:
    with open_client(admin.data) as client, pytest.raises(ApiError, match="limit") as refused:
        client.get("/users", limit=501)
    assert refused.value.status == 400
    assert refused.value.errors[0]["parameterName"] == "limit"


@contextmanager
def breaking_once(port: int) -> Generator[int]:
    """Pass on what is said to a port; the first connection that is asked something breaks before the answer arrives."""
    broken: list[bool] = []

    def pass_on(taken: socket.socket) -> None:
        with taken, socket.create_connection(("localhost", port)) as onward:
            asked = 0
            while readable := select([taken, onward], [], [], 30)[0]:
                for each in readable:
                    data = each.recv(65536)
                    if not data:
                        return
                    # Of the handshake the first message alone is as long as a request.
                    asked += each is taken and len(data) > 300
                    if each is onward and asked > 1 and not broken:
                        broken.append(True)
                        return
                    (onward if each is taken else taken).sendall(data)

    def take(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                Thread(target=pass_on, args=(listener.accept()[0],), daemon=True).start()

    with socket.create_server(("localhost", 0)) as listener:
        Thread(target=take, args=(listener,), daemon=True).start()
        yield listener.getsockname()[1]
    assert broken


def test_a_write_whose_answer_was_lost_is_done_once_and_answered(admin: Cli) -> None:
    session = load_session(admin.data)
    console = urlsplit(session.console)
    assert console.port
    with (
        breaking_once(console.port) as port,
        Client(f"https://localhost:{port}", session.certificate_pem, access_token=fresh_token(admin)) as client,
    ):
        body = {"organizationInput": {"name": "Lost"}, "ownerCredentials": {"userName": "lost", "password": PASSWORD}}
        made = client.post("/organizations/companies", body)
        named = [row["instanceUid"] for row in client.pages("/organizations/companies") if row["name"] == "Lost"]
    assert named == [made["instanceUid"]]


def fresh_token(cli: Cli) -> str:
    """Give an access token that is good, whatever became of the one before."""
    cli.succeeds("users", "me")
    return load_session(cli.data).access_token


def test_what_is_no_console_is_told(tmp_path: Path) -> None:
    made = make("somebody", host="localhost")
    with (
        listening(made, tmp_path) as other,
        Client(other.url, made.certificate) as client,
        pytest.raises(ApiError) as told,
    ):
        client.sign_in("admin", PASSWORD)
    assert told.value.status == 0
    assert other.url in told.value.message


def test_the_fetched_certificate_is_the_shown_one(admin: Cli) -> None:
    assert fetch_certificate(admin.console.url).split() == admin.console.certificate.split()


def test_fingerprints_are_compared_however_they_are_written(admin: Cli) -> None:
    text = admin.console.fingerprint
    for written in (text, text.lower(), text.replace(":", ""), f" SHA256:{text}\n", text.replace(":", " ")):
        assert has_fingerprint(admin.console.certificate, written)
    assert not has_fingerprint(admin.console.certificate, text[:-1] + ("0" if text[-1] != "0" else "1"))
    assert not has_fingerprint(admin.console.certificate, "")


def test_the_pinned_certificate_is_trusted_under_any_name(tmp_path: Path) -> None:
    made = make("console", host="another.example")
    with listening(made, tmp_path) as server:
        assert is_trusted(server, made.certificate)
        assert not is_trusted(server, make("console", host="another.example").certificate)


def test_an_authority_vouches_for_the_names_that_it_signed_only(tmp_path: Path) -> None:
    authority = make("authority", is_authority=True)
    right = make("right", host="localhost", issuer=authority)
    with listening(right, tmp_path) as server:
        assert is_trusted(server, authority.certificate)
    wrong = make("wrong", host="another.example", issuer=authority)
    with listening(wrong, tmp_path) as server:
        assert not is_trusted(server, authority.certificate)


def test_of_a_file_with_a_chain_only_the_first_is_trusted(tmp_path: Path) -> None:
    authority = make("authority", is_authority=True)
    pinned = make("console", host="localhost", issuer=authority)
    other = make("other", host="localhost", issuer=authority)
    with listening(other, tmp_path) as server:
        assert not is_trusted(server, pinned.certificate + authority.certificate)


def test_old_tls_is_refused() -> None:
    made = make("console", host="localhost")
    assert pinned_context(made.certificate).minimum_version is ssl.TLSVersion.TLSv1_2


def test_what_is_no_certificate_is_told() -> None:
    with pytest.raises(Invalid, match="BEGIN CERTIFICATE"):
        pinned_context("nonsense")


def spoil_access_token(data: Path) -> None:
    """Make the kept access token one that the console refuses, as it does after an hour."""
    store_session(data, msgspec.structs.replace(load_session(data), access_token="expired"))


def is_trusted(server: Listener, certificate: str) -> bool:
    """Say whether a handshake succeeds, and anything is said at all."""
    before = len(server.heard)
    with httpx.Client(verify=pinned_context(certificate), trust_env=False) as client:
        try:
            client.get(server.url)
        except httpx.ConnectError:
            assert len(server.heard) == before
            return False
        except httpx.RemoteProtocolError:
            return True
    raise AssertionError("The listener never answers.")
