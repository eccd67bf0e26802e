"""Thousands of agents at one console process: what a report takes, how soon an order arrives, and a restart.

The console has a processor to itself; PostgreSQL and the simulated agents share another.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import resource
import statistics
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import psycopg
import servers
from agents_fleet import make_servers
from rich.table import Table
from simulated_agents import Meeting, SimulatedAgent, cancel

from tandem.sealing import open_seal
from tandem.server.folders import console_folder
from tandem.store.database import open_database
from tests import postgres

ADMIN_PASSWORD = "a-password-of-the-benchmark"
JOBS = "/api/v3/infrastructure/backupServers/jobs"
# As safe as an installation's own, which the tests' server is not; waits for locks are logged when they last.
SETTINGS = (
    "-c shared_buffers=512MB -c max_wal_size=2GB -c log_lock_waits=on -c deadlock_timeout=100ms"
    " -c shared_preload_libraries=pg_stat_statements"
)
CONNECTED_SECONDS_MAX = 120
ARRIVAL_SECONDS_MAX = 60
LOOK_EVERY_SECONDS = 0.1
STATEMENTS_SHOWN = 12
STARTS_PER_SECOND = 150


class Size(msgspec.Struct, frozen=True):
    """How many agents; how long they are watched, how often each reports; orders per second; seconds of silence."""

    agents: int
    seconds: float
    report_every_seconds: float
    orders_per_second: float
    down_seconds: float


class Results(msgspec.Struct):
    """What was measured; times in seconds, memory in bytes; CPU in seconds per agent and hour."""

    agents: int
    report_median: float = 0.0
    report_slowest_hundredth: float = 0.0
    reports: int = 0
    order_median: float = 0.0
    order_slowest_hundredth: float = 0.0
    orders: int = 0
    console_cpu: float = 0.0
    cpu_per_agent_hour: float = 0.0
    memory: int = 0
    memory_per_agent: float = 0.0
    start_seconds: float = 0.0
    recovery_seconds: float = 0.0
    attempts_per_second: int = 0
    failures: dict[str, int] = {}
    statements: list[tuple[int, float, str]] = []


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> Results:
    """Run all of it; raises AssertionError if anything that an agent has said is not there in the end."""
    processor, load_processor = servers.processors() or (None, None)
    with (
        on_processor(load_processor),
        without_collecting_garbage(),
        postgres.running_server(SETTINGS) as server_url,
        fleet_database(server_url) as url,
    ):
        console_folder(folder).mkdir()
        seal = open_seal(console_folder(folder) / "seal.key")
        made = make_servers(url, seal, servers=size.agents, shares_each=1)
        say(f"{size.agents:,} backup servers are in the database")
        return asyncio.run(_Bench(folder, size, say, url, processor).run(made))


@contextmanager
def on_processor(processor: int | None) -> Generator[None]:
    """Keep this process, and what it starts, on one processor."""
    before = os.sched_getaffinity(0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, before if processor is None else {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def without_collecting_garbage() -> Generator[None]:
    """Keep this process from stopping for half a second to look through all that its agents hold."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def fleet_database(server_url: str) -> Generator[str]:
    """Make a database with all tables; gives its URL."""
    with postgres.empty_database(server_url) as url:
        database = open_database(url)
        database.migrate()
        database.close()
        with psycopg.connect(plain(url), autocommit=True) as connection:
            connection.execute("create extension pg_stat_statements")
        yield url


def plain(url: str) -> str:
    """Give a database's address as its driver takes it."""
    return url.replace("+psycopg", "")


async def sign_in(meeting: Meeting) -> str:
    """Give a token of the provider's administrator."""
    async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{meeting.port}", verify=meeting.context) as client:
        given = {"grant_type": "password", "username": "admin", "password": ADMIN_PASSWORD}
        return (await client.post("/api/v3/token", data=given)).raise_for_status().json()["access_token"]


class _Bench:
    def __init__(self, folder: Path, size: Size, say: Callable[[str], None], url: str, processor: int | None) -> None:
        self._folder = folder
        self._size = size
        self._say = say
        self._url = url
        self._processor = processor
        self._port = servers.free_port()
        self._results = Results(agents=size.agents)

    async def run(self, made: list[Any]) -> Results:
        async with self._console() as running:
            with psycopg.connect(plain(self._url)) as connection:
                (audience,) = connection.execute("select instance_uid from installation").fetchone() or ("",)
            meeting = Meeting(port=self._port, context=servers.any_certificate(), audience=audience)
            agents = [SimulatedAgent(meeting, server, random.Random(n)) for n, server in enumerate(made)]
            memory = servers.memory(running.process_id)
            starts = [n / STARTS_PER_SECOND for n in range(len(agents))]
            listening = [asyncio.create_task(agent.listen(at)) for agent, at in zip(agents, starts, strict=True)]
            self._results.start_seconds = await self._all_heard(agents, time.monotonic())
            self._say(f"all agents are connected after {self._results.start_seconds:.1f} s")
            reporting = [asyncio.create_task(agent.report(self._size.report_every_seconds)) for agent in agents]
            await self._watch(running, meeting, agents)
            self._results.memory = servers.memory(running.process_id)
            self._results.memory_per_agent = (self._results.memory - memory) / len(agents)
            self._say("the console is killed")
            os.kill(running.process_id, 9)
        meeting.attempts.clear()
        await asyncio.sleep(self._size.down_seconds)
        async with self._console() as running:
            self._results.recovery_seconds = await self._all_heard(agents, time.monotonic())
            self._say(f"all agents are back {self._results.recovery_seconds:.1f} s after the console")
            self._results.attempts_per_second = max(meeting.attempts.values())
            self._results.failures = dict(meeting.failures)
            await cancel(reporting)
            await asyncio.gather(*(agent.deliver() for agent in agents))
            await cancel(listening)
        check(self._url, agents)
        return self._results

    @asynccontextmanager
    async def _console(self) -> AsyncGenerator[servers.Running]:
        # The agents go on meanwhile: starting takes a thread.
        managed = servers.console(
            self._folder,
            database=self._url,
            admin_password=ADMIN_PASSWORD,
            processor=self._processor,
            port=self._port,
        )
        running = await asyncio.to_thread(managed.__enter__)
        try:
            yield running
        finally:
            await asyncio.to_thread(managed.__exit__, None, None, None)

    async def _all_heard(self, agents: list[SimulatedAgent], since: float) -> float:
        late = f"of {len(agents)} agents are not back after {CONNECTED_SECONDS_MAX} s"
        await _until_none(lambda: sum(agent.heard_at < since for agent in agents), since + CONNECTED_SECONDS_MAX, late)
        return max(agent.heard_at for agent in agents) - since

    async def _watch(self, running: servers.Running, meeting: Meeting, agents: list[SimulatedAgent]) -> None:
        with psycopg.connect(plain(self._url), autocommit=True) as connection:
            connection.execute("select pg_stat_statements_reset()")
        meeting.is_measuring = True
        cpu, began = running.cpu_seconds(), time.monotonic()
        await self._order(meeting, agents, began + self._size.seconds)
        cpu, seconds = running.cpu_seconds() - cpu, time.monotonic() - began
        meeting.is_measuring = False
        results, reports, orders = self._results, meeting.seconds_of_reports, meeting.seconds_of_commands
        results.reports, results.orders = len(reports), len(orders)
        results.report_median, results.report_slowest_hundredth = median_and_slowest_hundredth(reports)
        results.order_median, results.order_slowest_hundredth = median_and_slowest_hundredth(orders)
        results.console_cpu = cpu / seconds
        results.cpu_per_agent_hour = cpu / seconds / len(agents) * 3600
        results.statements = self._statements(seconds)

    async def _order(self, meeting: Meeting, agents: list[SimulatedAgent], until: float) -> None:
        """Start the copy jobs of one agent after another through the API."""
        token = await sign_in(meeting)
        async with httpx.AsyncClient(base_url=f"https://127.0.0.1:{self._port}", verify=meeting.context) as client:
            headers = {"Authorization": f"Bearer {token}"}
            for agent in random.Random(1).sample(agents, len(agents)):
                if time.monotonic() > until:
                    break
                job = agent.server.copies[0]
                meeting.started[job.uid] = time.monotonic()
                (await client.post(f"{JOBS}/{job.uid}/start", headers=headers)).raise_for_status()
                await asyncio.sleep(1 / self._size.orders_per_second)
            await asyncio.sleep(max(0.0, until - time.monotonic()))
        # Those that were given last are on their way; one that is late is told with its time, not left out.
        await _until_none(lambda: len(meeting.started), until + ARRIVAL_SECONDS_MAX, "orders have not arrived")

    def _statements(self, seconds: float) -> list[tuple[int, float, str]]:
        """Give the dearest statements: calls and milliseconds a second, and what they are."""
        with psycopg.connect(plain(self._url)) as connection:
            rows = connection.execute(
                "select calls, total_exec_time, query from pg_stat_statements order by total_exec_time desc limit %s",
                [STATEMENTS_SHOWN],
            ).fetchall()
        return [(round(calls / seconds), took / seconds, " ".join(query.split())[:150]) for calls, took, query in rows]


async def _until_none(count: Callable[[], int], end: float, late: str) -> None:
    """Wait until there is none left; raises RuntimeError, with how many there are, at an instant."""
    while left := count():
        if time.monotonic() > end:
            raise RuntimeError(f"{left} {late}.")
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def check(url: str, agents: list[SimulatedAgent]) -> None:
    """See that each agent's last report has arrived, and that jobs and sessions are as it has told last."""
    with psycopg.connect(plain(url)) as connection:
        last = dict(connection.execute("select instance_uid, last_report from backup_servers").fetchall())
        states = dict(connection.execute("select instance_uid, state from sessions").fetchall())
        jobs = {row[0]: row[1:] for row in connection.execute("select unique_uid, last_session_uid, status from jobs")}
    for agent in agents:
        assert last[agent.server.uid] == agent.number == agent.acknowledged, "a report is lost"
        for job, (session_uid, state) in agent.last_states.items():
            assert jobs[job] == (session_uid, state), "a job is not as it was told"
            assert states[session_uid] == state, "a session is not as it was told"


def median_and_slowest_hundredth(seconds: list[float]) -> tuple[float, float]:
    """Give the median, and what one in a hundred exceeds; zeros of less than two."""
    if len(seconds) < 2:
        return 0.0, 0.0
    return statistics.median(seconds), statistics.quantiles(seconds, n=100, method="inclusive")[-1]


def show(results: Results, size: Size) -> Table:
    """Make a table of it."""
    title = f"{results.agents:,} agents at one console process, each reporting every {size.report_every_seconds:.0f} s"
    table = Table("", title=title, caption="console on one processor; PostgreSQL and the simulated agents on another")
    table.columns[0].no_wrap = True
    for column in ("median", "99 of 100 within", "aim"):
        table.add_column(column, justify="right")
    report, order = results.report_slowest_hundredth, results.order_slowest_hundredth
    table.add_row(
        f"a report ({results.reports:,})", f"{results.report_median * 1000:.0f} ms", f"{report * 1000:.0f} ms", "250 ms"
    )
    table.add_row(
        f"an order ({results.orders:,})", f"{results.order_median * 1000:.0f} ms", f"{order * 1000:.0f} ms", "1,000 ms"
    )
    table.add_row(
        f"all back after a restart ({size.down_seconds:.0f} s)", "", f"{results.recovery_seconds:.1f} s", "60 s"
    )
    table.add_row("attempts to connect in a second, at most", "", f"{results.attempts_per_second:,}", "")
    table.add_row("console's processor", "", f"{results.console_cpu:.0%}", "")
    table.add_row("processor for an agent and hour", "", f"{results.cpu_per_agent_hour:.2f} s", "")
    table.add_row("memory of the console", "", f"{results.memory / 1e6:,.0f} MB", "")
    table.add_row("memory for an agent", "", f"{results.memory_per_agent / 1e3:.0f} kB", "")
    return table
