"""Calling a console over its API: which certificate to trust, signing in, paging, errors in its own words."""

from __future__ import annotations

import fcntl
import os
import ssl
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self, TypeAlias
from uuid import uuid4

import httpx
import msgspec

from tandem.client.certificates import CONNECT_SECONDS_MAX, address_of, pinned_context
from tandem.client.errors import ANSWER_SECONDS_MAX, ApiError, NotSignedIn, unreachable
from tandem.decoding import decode
from tandem.domain.paging import LIMIT_MAX
from tandem.sealing import write_private

BASE = "/api/v3"
VERSION = "3.6.1"
LOOK_EVERY_SECONDS = 0.5
MESSAGE_LENGTH_MAX = 2_000
# What the other side has done by then is not known.
_BROKEN = (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError)

# What JSON holds is known to those who ask for it, not here.
Json: TypeAlias = Any


class StoredSession(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in as it is kept between commands; without a certificate, the system's authorities are trusted."""

    console: str
    certificate_pem: str | None
    user_name: str
    access_token: str
    refresh_token: str


class Client:
    """A connection to a console, signed in or not; not to be shared by threads."""

    def __init__(
        self,
        console: str,
        certificate_pem: str | None,
        *,
        access_token: str | None = None,
        refresh_token: str | None = None,
        on_tokens: Callable[[str, str], None] | None = None,
    ) -> None:
        """Prepare the connection; nothing is sent yet.

        Args:
            console: its https URL.
            certificate_pem: what to trust; None trusts the authorities that this system trusts.
            access_token: of an earlier sign-in.
            refresh_token: of the same; renews an access token that is refused.
            on_tokens: told the access and the refresh token whenever they are new.
        """
        address_of(console)
        self.console = console.rstrip("/")
        self.certificate_pem = certificate_pem
        self._access_token, self._refresh_token = access_token, refresh_token
        self._on_tokens = on_tokens
        context = ssl.create_default_context() if certificate_pem is None else pinned_context(certificate_pem)
        timeout = httpx.Timeout(ANSWER_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
        self._http = httpx.Client(base_url=self.console, verify=context, timeout=timeout, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the sign-in stays good."""
        self._http.close()

    def sign_in(self, user_name: str, password: str, ask_code: Callable[[], str] | None = None) -> None:
        """Sign in, asking for a code if one is needed; raises ApiError if either is wrong, NotSignedIn if none is."""
        answer = self._grant({"grant_type": "password", "username": user_name, "password": password})
        if ask_code is not None and (token := answer.get("mfa_token")):
            answer = self._grant({"grant_type": "mfa", "mfa_token": token, "mfa_code": ask_code()})
        if "refresh_token" not in answer:
            raise NotSignedIn(
                f"{user_name} signs in with a second factor at {self.console}; it has to be set up first."
            )

    def get(self, path: str, /, **query: Json) -> Json:
        """Get one resource."""
        return self._answer("GET", path, query=query)["data"]

    def pages(self, path: str, /, **query: Json) -> Iterator[Json]:
        """Give every row of a collection, fetching it in pages."""
        offset = 0
        while True:
            answer = self._answer("GET", path, query={**query, "limit": LIMIT_MAX, "offset": offset})
            rows = answer["data"]
            yield from rows
            offset += len(rows)
            if not rows or offset >= answer["meta"]["pagingInfo"]["total"]:
                return

    def post(self, path: str, json: Json = None) -> Json:
        """Create something, or have something done; gives the answer's data."""
        return self._answer("POST", path, json=json)["data"]

    def patch(self, path: str, json: Json = None, **query: Json) -> Json:
        """Change a resource; gives it as it is then."""
        return self._answer("PATCH", path, json=json, query=query)["data"]

    def put(self, path: str, json: Json = None) -> Json:
        """Set something of a resource; gives it as it is then."""
        return self._answer("PUT", path, json=json)["data"]

    def delete(self, path: str) -> Json:
        """Delete a resource."""
        return self._answer("DELETE", path)["data"]

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Json = None,
        query: Mapping[str, Json] | None = None,
        version: str | None = VERSION,
    ) -> httpx.Response:
        """Send a request below /api/v3; an access token that is refused is renewed once.

        A connection that breaks is tried once more: a write has an id, by which the console knows what it has done.
        Query parameters that are None are left out. The `version` of the contract says in which form to answer; None
        leaves that to the console. Raises ApiError with the console's own message, or with what to do.
        """
        token = self._access_token
        headers: dict[str, str] = {} if version is None else {"X-Client-Version": version}
        if method != "GET":
            headers["X-Request-id"] = str(uuid4())
        response = self._send(method, path, json=json, query=query, headers=headers)
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._renew(token):
            response = self._send(method, path, json=json, query=query, headers=headers)
        _raise_refused(response, self.console)
        return self._follow(response) if response.status_code == HTTPStatus.ACCEPTED else response

    @contextmanager
    def download(self, path: str, /, **query: Json) -> Generator[httpx.Response]:
        """Open a download, to be read by `iter_raw` within the `with`.

        Raises:
            ApiError: if it is refused or, from within the `with`, if it does not arrive whole.
        """
        token = self._access_token
        with self._stream(path, query) as response:
            if response.status_code != HTTPStatus.UNAUTHORIZED:
                yield response
                return
        self._renew(token)
        with self._stream(path, query) as response:
            yield response

    @contextmanager
    def _stream(self, path: str, query: Mapping[str, Json]) -> Generator[httpx.Response]:
        headers = {"Authorization": f"Bearer {self._access_token}", "X-Client-Version": VERSION}
        parameters = {name: value for name, value in query.items() if value is not None}
        try:
            with self._http.stream("GET", BASE + path, params=parameters, headers=headers) as response:
                if not response.is_success:
                    response.read()
                    if response.status_code != HTTPStatus.UNAUTHORIZED or self._refresh_token is None:
                        _raise_refused(response, self.console)
                yield response
        except httpx.RemoteProtocolError as error:
            raise ApiError("The download broke off; the log of the console says why. Try again.") from error
        except httpx.HTTPError as error:
            raise unreachable(self.console, error) from error

    def _follow(self, accepted: httpx.Response) -> httpx.Response:
        """Wait for what goes on by itself; gives its result. Only the id counts: who is asked stays decided here."""
        action = f"/asyncActions/{accepted.headers.get('Location', '').rpartition('/')[2]}"
        while self.get(action)["status"] == "running":
            time.sleep(LOOK_EVERY_SECONDS)
        return self.request("GET", f"{action}/result")

    def _answer(self, method: str, path: str, *, json: Json = None, query: Mapping[str, Json] | None = None) -> Json:
        return _read(self.request(method, path, json=json, query=query), self.console)

    def _send(
        self, method: str, path: str, *, json: Json, query: Mapping[str, Json] | None, headers: dict[str, str]
    ) -> httpx.Response:
        bearer = {} if self._access_token is None else {"Authorization": f"Bearer {self._access_token}"}
        parameters = {name: value for name, value in (query or {}).items() if value is not None}
        ask = partial(self._http.request, method, BASE + path, json=json, params=parameters, headers=headers | bearer)
        try:
            try:
                return ask()
            except _BROKEN:
                return ask()
        except httpx.HTTPError as error:
            raise unreachable(self.console, error) from error

    def _renew(self, refused: str | None) -> bool:
        """Exchange the refresh token, unless the refused access token is not the present one; False without one."""
        if refused != self._access_token:
            return True
        if self._refresh_token is None:
            return False
        try:
            self._grant({"grant_type": "refresh_token", "refresh_token": self._refresh_token})
        except ApiError as error:
            if error.status != HTTPStatus.BAD_REQUEST:
                raise
            raise NotSignedIn(f"The sign-in at {self.console} has ended. Sign in again: tandem login") from error
        return True

    def _grant(self, form: dict[str, str]) -> Json:
        try:
            response = self._http.post(f"{BASE}/token", data=form)
        except httpx.HTTPError as error:
            raise unreachable(self.console, error) from error
        _raise_refused(response, self.console)
        answer = _read(response, self.console)
        if "refresh_token" in answer:
            self._adopt(answer["access_token"], answer["refresh_token"])
            if self._on_tokens is not None:
                self._on_tokens(answer["access_token"], answer["refresh_token"])
        return answer

    def _adopt(self, access_token: str, refresh_token: str) -> None:
        self._access_token, self._refresh_token = access_token, refresh_token


class _StoredClient(Client):
    """A client whose tokens are kept in a file that other commands use at the same time.

    A refresh token is good once, and using it twice ends the sign-in: so whoever renews holds the lock, and looks
    first whether another command has done it meanwhile.
    """

    def __init__(self, data: Path, session: StoredSession) -> None:
        super().__init__(
            session.console,
            session.certificate_pem,
            access_token=session.access_token,
            refresh_token=session.refresh_token,
            on_tokens=self._store,
        )
        self._data_folder = data
        self._session = session

    def _renew(self, refused: str | None) -> bool:
        with _session_lock(self._data_folder):
            stored = load_session(self._data_folder)
            if (stored.console, stored.user_name) != (self._session.console, self._session.user_name):
                raise NotSignedIn(f"{stored.user_name} has signed in at {stored.console} meanwhile; try again.")
            self._adopt(stored.access_token, stored.refresh_token)
            return super()._renew(refused)

    def _store(self, access_token: str, refresh_token: str) -> None:
        renewed = msgspec.structs.replace(self._session, access_token=access_token, refresh_token=refresh_token)
        _write_session(self._data_folder, renewed)


def open_client(data: Path) -> Client:
    """Open a client with the sign-in that is kept below a data folder; raises NotSignedIn."""
    return _StoredClient(data, load_session(data))


def store_session(data: Path, session: StoredSession) -> None:
    """Keep a sign-in below a data folder, readable by its owner only."""
    with _session_lock(data):
        _write_session(data, session)


def load_session(data: Path) -> StoredSession:
    """Give the sign-in that is kept below a data folder; raises NotSignedIn."""
    path = _session_file(data)
    try:
        return decode(path.read_bytes(), StoredSession)
    except FileNotFoundError as error:
        raise NotSignedIn("Nobody is signed in here. Sign in first: tandem login --console URL --user NAME") from error
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        text = f"The sign-in kept in {path} cannot be read ({error}). Sign in again: tandem login"
        raise NotSignedIn(text) from error


def forget_session(data: Path) -> bool:
    """Delete the sign-in that is kept below a data folder; says whether there was one."""
    with _session_lock(data):
        is_there = _session_file(data).exists()
        _session_file(data).unlink(missing_ok=True)
    return is_there


def _write_session(data: Path, session: StoredSession) -> None:
    write_private(_session_file(data), msgspec.json.encode(session).decode() + "\n")


def _session_file(data: Path) -> Path:
    return data / "cli" / "session.json"


@contextmanager
def _session_lock(data: Path) -> Generator[None]:
    # The session's own file is replaced at each change, so it cannot carry the lock.
    path = _session_file(data).with_name("session.lock")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(response: httpx.Response, console: str) -> dict[str, Any]:
    try:
        return decode(response.content, dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = f"What answered at {console} with the status {response.status_code} is no console; is the address right?"
        raise ApiError(text, status=response.status_code) from error


def _raise_refused(response: httpx.Response, console: str) -> None:
    if response.is_success:
        return
    answer = _read(response, console)
    errors: list[dict[str, Any]] = answer.get("errors") or []
    told = [str(error["message"]) for error in errors if error.get("message")]
    if answer.get("error_description"):
        told.append(str(answer["error_description"]))
    message = "; ".join(told)[:MESSAGE_LENGTH_MAX] or f"{console} answered with the status {response.status_code}."
    raise ApiError(message, status=response.status_code, errors=errors)
