"""A console in this process: the real application over a real database; only its clock is the tests'."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Event, Lock
from typing import Any
from urllib.parse import urlencode

import anyio.to_thread
import httpx
import msgspec
from sqlalchemy import delete, event, insert, select
from sqlalchemy.engine import Engine

from tandem.actions.context import Act, Context
from tandem.actions.enrol_agent import AgentDoor
from tandem.actions.tokens import TokenChecker
from tandem.api.app import Application
from tandem.api.http.call import Services
from tandem.api.routes import BASE
from tandem.domain.identity import Contract
from tandem.sealing import Seal
from tandem.store.database import Connection, Database, open_database
from tandem.store.schema.count_tables import list_blocks, list_changes, list_counts
from tandem.store.schema.tables import metadata
from tests.agents import Agent
from tests.people import INSTALLATION, START, Estate, Person, populate

SEAL = Seal(b"s" * 32)
JOBS = "/infrastructure/backupServers/jobs"
COPY_JOBS = f"{JOBS}/fileShareCopyJobs"
ORIGIN = "https://console.example"
ADDRESS = "192.0.2.1"
FORM = "application/x-www-form-urlencoded"

Rows = dict[str, list[dict[str, Any]]]
ALL_ROWS = {table.name: select(table).order_by(*table.primary_key) for table in metadata.sorted_tables}

# By address, what a database was filled with, as long as nobody has written since.
_untouched: dict[str, Rows] = {}


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> Any:
        return self.now

    def seconds(self) -> float:
        """Give it as those want it who only measure."""
        return self.now.timestamp()

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


class Console:
    """The console over one database. While it waits for agents, its fake ones take their turns."""

    def __init__(self, database: Database, contract: Contract = Contract.OLDEST, **settings: Any) -> None:
        self.database = database
        self.clock = Clock()
        self.agents: list[Agent] = []
        self._turns = Lock()
        self.context = Context(
            database=database,
            seal=SEAL,
            clock=self.clock,
            pause=self._pause,
            installation_uid=INSTALLATION,
            contract=contract,
        )
        self.services = Services(
            context=self.context,
            checker=TokenChecker(self.context),
            door=AgentDoor(self.context),
            stopping=Event(),
            ticks=self.clock.seconds,
            sleep=self._sleep,
            **settings,
        )
        self.application = Application(self.services)

    def request(
        self,
        method: str,
        url: str,
        *,
        json: object = None,
        content: bytes | AsyncGenerator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, str] | None = None,
        address: str = ADDRESS,
    ) -> httpx.Response:
        """Send a request, exactly this one, and give the answer."""
        body = msgspec.json.encode(json) if json is not None else content
        sent = {**({"Content-Type": "application/json"} if json is not None else {}), **(headers or {})}
        raw = {name.encode(): value.encode("latin-1") for name, value in sent.items()}

        # Without a client around it: what clients do is tested elsewhere, and takes half of a request's time.
        async def send() -> httpx.Response:
            request = httpx.Request(method, ORIGIN + url, content=body, headers=raw, params=parameters)
            transport = httpx.ASGITransport(self.application, client=(address, 40_000))
            response = await transport.handle_async_request(request)
            await response.aread()
            response.request = request
            return response

        return asyncio.run(send())

    def call(
        self,
        method: str,
        path: str,
        who: Person | None,
        *,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Call an operation of the API as somebody who is signed in, or as nobody."""
        sent = {"Authorization": f"Bearer {self.services.checker.sign(who.uid)}"} if who else {}
        return self.request(method, BASE + path, json=json, headers={**sent, **(headers or {})})

    def ask_for_token(self, *, content_type: str = FORM, address: str = ADDRESS, **fields: str) -> httpx.Response:
        """Ask for tokens as a client does."""
        content = urlencode(fields).encode()
        headers = {"Content-Type": content_type}
        return self.request("POST", f"{BASE}/token", content=content, headers=headers, address=address)

    def get(self, path: str, who: Person, version: str | None = None) -> Any:
        """Get something that must be there; gives the answer's JSON, in the current form if a version says so."""
        response = self.call("GET", path, who, headers={"X-Client-Version": version} if version else None)
        assert response.status_code == 200, response.text
        return response.json()

    def data(self, path: str, who: Person, version: str | None = "3.6.1") -> Any:
        """Get the data of something that must be there, in the current form unless told."""
        return self.get(path, who, version)["data"]

    def does(self, method: str, path: str, who: Person, json: object = None) -> Any:
        """Call an operation that must succeed; gives its data."""
        response = self.call(method, path, who, json=json, headers={"X-Client-Version": "3.6.1"})
        assert response.status_code == 200, response.text
        return response.json()["data"]

    def refuses(self, status: int, method: str, path: str, who: Person | None, json: object = None) -> dict[str, Any]:
        """Call an operation that must be refused; gives the error, in the contract's shape."""
        response = self.call(method, path, who, json=json)
        assert response.status_code == status, response.text
        return error_in(response)

    def lose_database(self, instead: Database) -> None:
        """Go on with another database: one that is not there, say."""
        self.context = msgspec.structs.replace(self.context, database=instead)
        self.services = msgspec.structs.replace(self.services, context=self.context)
        self.application = Application(self.services)

    def agent_of(self, estate: Estate) -> Agent:
        """Start the agent of an estate: from now on it takes its turns."""
        agent = Agent(self, estate.server, estate.key)
        assert agent.open_session().is_success
        self.agents.append(agent)
        return agent

    def act(self, who: Person) -> Act:
        """Begin an action as somebody."""
        return Act(self.context, who.caller)

    async def _sleep(self, seconds: float) -> None:
        await anyio.to_thread.run_sync(self._pause, seconds)

    def _pause(self, seconds: float) -> None:
        # One at a time: a fake agent is one process.
        with self._turns:
            self.clock.forward(seconds=seconds)
            for agent in self.agents:
                agent.turn()


def error_in(response: httpx.Response) -> dict[str, Any]:
    """Give the one error of an answer, after a look at its shape: clients break on any other."""
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    body = response.json()
    assert list(body) == ["errors"]
    (error,) = body["errors"]
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["type"] in {"transport", "logical", "retryableLogical", "security", "unspecified"}
    assert isinstance(error["code"], int)
    return error


def rows_of(database: Database, *, leave_out: Sequence[str] = ()) -> Rows:
    """Give everything that a database holds, by table."""
    with database.reading() as connection:
        return rows_in(connection, leave_out=leave_out)


def rows_in(connection: Connection, *, leave_out: Sequence[str] = ()) -> Rows:
    """Give everything that a transaction sees, by table."""
    return {
        name: [dict(row) for row in connection.execute(statement).mappings()]
        for name, statement in ALL_ROWS.items()
        if name not in leave_out
    }


def fill(database: Database, rows: Rows) -> None:
    """Make a database hold exactly these rows; one that holds them still is left as it is."""
    with database.writing() as connection:
        address = str(connection.engine.url)
        if _untouched.get(address) is not rows:
            _replace(connection, rows)
    _untouched[address] = rows


def _replace(connection: Connection, rows: Rows) -> None:
    # Counts last: triggers note in them what goes and what comes.
    counts = [list_blocks, list_changes, list_counts]
    kept = [table for table in metadata.sorted_tables if table not in counts]
    for table in [*reversed(kept), *counts]:
        connection.execute(delete(table))
    for table in kept:
        if rows[table.name] and not table.info.get("is_derived"):
            connection.execute(insert(table), rows[table.name])


@event.listens_for(Engine, "commit")
def _note_write(connection: Connection) -> None:
    if connection.get_execution_options().get("tandem_writes"):
        _untouched.pop(str(connection.engine.url), None)


@contextmanager
def copy_of(file: Path, folder: Path) -> Generator[Database]:
    """Open a copy of an SQLite database that nobody has open, made in a folder."""
    shutil.copy(file, folder)
    with closing(open_database(f"sqlite:///{folder / file.name}")) as database:
        yield database


def fill_with_people(connection: Connection) -> None:
    """Put the tests' world into an empty database."""
    populate(connection, SEAL)
