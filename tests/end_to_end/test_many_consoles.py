"""Two consoles over one PostgreSQL behind nginx: kill -9 of either loses nothing, and its clients hardly notice."""

import shutil
import ssl
import threading
import time
import uuid
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tandem.client import Client
from tandem.client.certificates import pinned_context
from tandem.client.errors import ApiError
from tandem.sealing import open_seal
from tandem.server.certificates import prepare_certificate
from tests import postgres
from tests.balancer import running_balancer
from tests.running import PASSWORD, SERVERS, Console, Site, free_port, until

BASE = "/api/v3"
WRITERS, READERS = 3, 2
# Its next poll would be twenty seconds later. On a machine with nothing else to do, it takes less than one.
TOLD_SECONDS_MAX = 4.0


class Pair:
    """Two consoles with their balancer, and a site whose agent and administrator know only that."""

    def __init__(self, folder: Path, database: str, url: str, ports: tuple[int, int]) -> None:
        settings = {"TANDEM_LOAD_BALANCERS": "127.0.0.1"}
        self.url = url
        self.site = Site(folder / "site", database=database, settings=settings)
        self.consoles: list[Console] = []
        # An access token and its refresh token, the newest last.
        self.tokens: list[str] = []
        for name, port in zip(("one", "two"), ports, strict=True):
            (folder / name).mkdir()
            self.consoles.append(Console(folder / name, port=port, database=database, settings=settings))
        self.certificate = (folder / "keys" / "certificate.pem").read_text()

    def headers(self) -> dict[str, str]:
        """Give what the administrator's requests bear."""
        return {"Authorization": f"Bearer {self.tokens[-2]}", "X-Client-Version": "3.6.1"}

    def client(self, url: str) -> Client:
        """Connect the administrator with a console or the balancer; what he is given is noted."""
        return Client(url, self.certificate, on_tokens=self._note)

    def _note(self, access_token: str, refresh_token: str) -> None:
        self.tokens += [access_token, refresh_token]

    def http(self, url: str | None = None) -> httpx.Client:
        """Connect somebody, with the balancer unless told."""
        context: ssl.SSLContext = pinned_context(self.certificate)
        return httpx.Client(base_url=url or self.url, verify=context, timeout=60, headers=self.headers())

    def end(self) -> None:
        """Leave nothing behind."""
        self.site.agent.end()
        for console in (*self.consoles, self.site.console):
            console.end()


@pytest.fixture(scope="module")
def pair(postgres_url: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Pair]:
    folder = tmp_path_factory.mktemp("pair")
    keys = folder / "keys"
    keys.mkdir()
    prepare_certificate(keys, None, None)
    open_seal(keys / "seal.key")
    ports = (free_port(), free_port())
    with (
        postgres.empty_database(postgres_url) as database,
        running_balancer(folder / "nginx", ports, keys) as url,
    ):
        made = Pair(folder, database, url, ports)
        try:
            _start(made, keys)
            yield made
        finally:
            made.end()


def _start(pair: Pair, keys: Path) -> None:
    for console in pair.consoles:
        shutil.copytree(keys, console.data / "console")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Console.start, pair.consoles))
    site = pair.site
    site.folder.mkdir()
    site.share.mkdir()
    (site.share / "file").write_bytes(b"x" * 100_000)
    site.console.url = pair.url
    site.console.client = pair.client(pair.url)
    site.client.sign_in("admin", PASSWORD)
    site.agent.enrol()
    site.agent.start()
    until(lambda: [row for row in site.client.pages(SERVERS) if row["status"] == "Healthy"])
    (server,) = site.client.pages(SERVERS)
    site.server = f"{SERVERS}/{server['instanceUid']}"


class Load:
    """People who write and read through the balancer, and remember what they were told."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.stopping = threading.Event()
        self.acknowledged: dict[str, str] = {}
        self.sent: set[str] = set()
        self.repeated: list[str] = []
        self.read = 0

    def write(self, number: int) -> None:
        """Add encryption passwords, each under an id of its own, until it is said to be there."""
        with self.pair.http() as http:
            for turn in range(1_000_000):
                if self.stopping.is_set():
                    return
                hint = f"{number} {turn}"
                self.sent.add(hint)
                self.acknowledged[hint] = self._add(http, hint)

    def _add(self, http: httpx.Client, hint: str) -> str:
        path = f"{BASE}{self.pair.site.server}/encryptionPasswords"
        request = str(uuid.uuid4())
        while True:
            response = http.post(path, json={"hint": hint, "password": "x" * 12}, headers={"X-Request-id": request})
            if response.status_code == 200:
                return response.json()["data"]["instanceUid"]
            self.repeated.append(f"{response.status_code} {response.text[:200]}")
            if "ended before its answer was kept" in response.text:
                return next(uid for uid, known in passwords(self.pair).items() if known == hint)
            assert response.status_code in {409, 502}, response.text
            time.sleep(0.1)

    def read_on(self) -> None:
        """List what is there; nothing of it may fail, nor be older than what was seen before."""
        path = f"{BASE}{self.pair.site.server}/encryptionPasswords?limit=1"
        total = 0
        with self.pair.http() as http:
            while not self.stopping.is_set():
                response = http.get(path)
                assert response.status_code == 200, response.text
                assert response.json()["meta"]["pagingInfo"]["total"] >= total
                total = response.json()["meta"]["pagingInfo"]["total"]
                self.read += 1


def passwords(pair: Pair) -> dict[str, str]:
    """Give the hints of the encryption passwords that are there, by uid."""
    rows = pair.site.client.pages(f"{pair.site.server}/encryptionPasswords")
    return {row["instanceUid"]: row["hint"] for row in rows}


def test_killing_either_console_loses_and_doubles_nothing_that_anybody_was_told_of(pair: Pair) -> None:
    load = Load(pair)
    with ThreadPoolExecutor(WRITERS + READERS) as pool:
        tasks = [pool.submit(load.write, number) for number in range(WRITERS)]
        tasks += [pool.submit(load.read_on) for _ in range(READERS)]
        try:
            for console in pair.consoles:
                before = len(load.acknowledged)
                until(lambda before=before: len(load.acknowledged) > before + 20 or _failed(tasks))
                console.kill()
                lost = len(load.acknowledged)
                until(lambda lost=lost: len(load.acknowledged) > lost + 20 or _failed(tasks))
                console.start()
                until(lambda console=console: _is_used(pair, console) or _failed(tasks))
        finally:
            load.stopping.set()
        for task in tasks:
            task.result()
    there = passwords(pair)
    assert {uid: hint for hint, uid in load.acknowledged.items()} == there
    assert len(set(there.values())) == len(there) == len(load.sent)
    assert load.read > 20
    # What nginx could not repeat by itself the clients had to: none, as all of it had an id.
    assert [each for each in load.repeated if not each.startswith("409")] == []


def _is_used(pair: Pair, console: Console) -> bool:
    """Say whether the balancer has found a console that was started again."""
    with pair.http(console.url) as http:
        return 'operation="CreateBackupServerEncryptionPassword"' in http.get("/metrics").text


def _failed(tasks: list[Any]) -> bool:
    return any(task.done() and task.exception() for task in tasks)


@pytest.fixture(scope="module")
def job(pair: Pair) -> str:
    """A file share job of the site."""
    site = pair.site
    made = site.client.post(f"{site.server}/fileShares", {"name": "share", "path": str(site.share)})
    site.file_share = made["fileShareUid"]
    repository = {"name": "first", "path": str(site.first)}
    site.repositories["first"] = site.client.post(f"{site.server}/repositories", repository)["instanceUid"]
    return site.make_job("backup")


def test_an_agent_goes_on_with_the_other_console_and_no_run_is_lost(pair: Pair, job: str) -> None:
    site, (first, second) = pair.site, pair.consoles
    known = len(site.points())
    for killed in (first, second):
        before = {session["instanceUid"] for session in site.sessions(job)}
        site.start_job(job)
        killed.kill()
        (session,) = until(lambda before=before: _retried(lambda: site.ended_since(job, before)))
        assert session["status"] == "Success"
        killed.start()
    assert len(site.points()) == known + 2


def _retried(look: Any) -> Any:
    try:
        return look()
    except ApiError:
        return None


def test_a_command_given_at_either_console_reaches_an_agent_that_waits_at_the_other_at_once(
    pair: Pair, job: str
) -> None:
    took: list[float] = []
    for console in pair.consoles * 2:
        with pair.http(console.url) as http:
            until(lambda http=http: _job(http, job) not in {"Running", "Starting", "Stopping"})
            time.sleep(0.3)  # its agent waits again, at whichever console it is
            started = time.monotonic()
            assert http.post(f"{BASE}{SERVERS}/jobs/{job}/start").status_code == 200
            until(lambda http=http: _job(http, job) != "Starting")
            took.append(time.monotonic() - started)
    assert sorted(took)[len(took) // 2] < TOLD_SECONDS_MAX


def _job(http: httpx.Client, job: str) -> str:
    return http.get(f"{BASE}{SERVERS}/jobs/{job}").json()["data"]["status"]


def test_a_token_of_one_console_is_good_at_the_other_and_ends_at_both_at_once(pair: Pair) -> None:
    first, second = pair.consoles
    with pair.client(first.url) as client:
        client.sign_in("admin", PASSWORD)
        refresh = pair.tokens.pop()
        headers = {"Authorization": f"Bearer {pair.tokens.pop()}"}
    with pair.http(second.url) as http:
        assert http.get(f"{BASE}/users/me", headers=headers).status_code == 200
        renewed = http.post(f"{BASE}/token", data={"grant_type": "refresh_token", "refresh_token": refresh})
        assert renewed.status_code == 200
        # Used a second time, at the first console, it ends the sign-in; the other knows at once.
        with pair.http(first.url) as other:
            again = other.post(f"{BASE}/token", data={"grant_type": "refresh_token", "refresh_token": refresh})
        assert again.status_code == 400
        assert http.get(f"{BASE}/users/me", headers=headers).status_code == 401


def test_an_event_stream_comes_through_at_once(pair: Pair, job: str) -> None:
    with pair.http() as http:
        started = time.monotonic()
        with http.stream("GET", f"{BASE}{SERVERS}/jobs/{job}/events?seconds=30") as response:
            lines = response.iter_lines()
            until(lambda: "event: job" in next(lines))
            assert time.monotonic() - started < 5
