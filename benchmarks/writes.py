"""A thousand job changes a second by agents' reports, on PostgreSQL, while the list of copy jobs is polled.

One console process, then two over the same database, to which each agent speaks in turn.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import psycopg
import servers
from agents import (
    ADMIN_PASSWORD,
    JOBS,
    SETTINGS,
    check,
    fleet_database,
    median_and_slowest_hundredth,
    on_processor,
    plain,
    sign_in,
    without_collecting_garbage,
)
from agents_fleet import SimulatedServer, make_servers
from rich.table import Table
from simulated_agents import Meeting, SimulatedAgent

from tandem.domain.sessions import Session, SessionType
from tandem.protocol.messages import SessionReport
from tandem.sealing import open_seal
from tandem.server.folders import console_folder
from tests import postgres

CHANGES_PER_REPORT = 10
CONNECTING_SECONDS = 1.5
PAGE = 100
LIST = f"{JOBS}/fileShareCopyJobs?limit={PAGE}"


class Size(msgspec.Struct, frozen=True):
    """How many agents, and jobs of each; how many changes a second are wanted, for how long; how many poll the list."""

    agents: int
    jobs_each: int
    changes_per_second: int
    seconds: float
    pollers: int
    consoles: tuple[int, ...] = (1, 2)


class Results(msgspec.Struct):
    """What came of it with so many consoles; times in seconds, tuple updates as PostgreSQL counts them."""

    consoles: int
    changes_per_second: float
    report_median: float
    report_slowest_hundredth: float
    polls_per_second: float
    poll_median: float
    poll_slowest_hundredth: float
    console_cpu: float
    lock_waits: int
    deadlocks: int
    # Of the rows of `jobs` that were changed, how many needed no change of any index.
    in_place: float
    updates_per_change: float


def measure(folder: Path, size: Size, say: Callable[[str], None]) -> list[Results]:
    """Run it with each number of consoles; raises AssertionError if a change is lost."""
    processor, load_processor = servers.processors() or (None, None)
    console_folder(folder).mkdir(parents=True)
    seal = open_seal(console_folder(folder) / "seal.key")
    results: list[Results] = []
    with (
        on_processor(load_processor),
        without_collecting_garbage(),
        postgres.running_server(SETTINGS) as server_url,
    ):
        log = Path(server_url.partition("?host=")[2]) / "log"
        for consoles in size.consoles:
            with fleet_database(server_url) as url:
                made = make_servers(url, seal, servers=size.agents, shares_each=size.jobs_each)
                said = len(log.read_text(errors="replace"))
                bench = _Bench(folder, size, url, processor)
                results.append(asyncio.run(bench.run(made, consoles)))
                told = log.read_text(errors="replace")[said:]
                results[-1].lock_waits = told.count("still waiting for")
                results[-1].deadlocks = told.count("deadlock detected")
                say(f"{consoles} console(s): {results[-1].changes_per_second:,.0f} changes a second, none lost")
    return results


class _Bench:
    def __init__(self, folder: Path, size: Size, url: str, processor: int | None) -> None:
        self._folder = folder
        self._size = size
        self._url = url
        self._processor = processor
        self._polls: list[float] = []
        # When, and how many.
        self._changes: list[tuple[float, int]] = []

    async def run(self, made: list[SimulatedServer], consoles: int) -> Results:
        ports = [servers.free_port() for _ in range(consoles)]
        async with AsyncExitStack() as stack:
            running = [await stack.enter_async_context(self._console(port)) for port in ports]
            with psycopg.connect(plain(self._url)) as connection:
                (audience,) = connection.execute("select instance_uid from installation").fetchone() or ("",)
            meeting = Meeting(port=ports[0], context=servers.any_certificate(), audience=audience)
            agents = [SimulatedAgent(meeting, server, random.Random(n)) for n, server in enumerate(made)]
            token = await sign_in(meeting)
            rows = self._updates()
            cpu, began = sum(one.cpu_seconds() for one in running), time.monotonic()
            until = began + self._size.seconds
            # By then the last agent has begun: each does so at a moment of its own.
            steady = began + 2 * self._every_seconds + CONNECTING_SECONDS
            polling = [self._poll(meeting, ports[n % consoles], token, until) for n in range(self._size.pollers)]
            changing = [self._change(meeting, agent, ports, until) for agent in agents]
            await asyncio.gather(*polling, *changing)
            seconds = time.monotonic() - began
            cpu = (sum(one.cpu_seconds() for one in running) - cpu) / seconds
        updates = [after - before for after, before in zip(self._updates(), rows, strict=True)]
        check(self._url, agents)
        return Results(
            consoles,
            sum(count for at, count in self._changes if steady <= at < until) / (until - steady),
            *median_and_slowest_hundredth(meeting.seconds_of_reports),
            len(self._polls) / seconds,
            *median_and_slowest_hundredth(self._polls),
            console_cpu=cpu,
            lock_waits=0,
            deadlocks=0,
            in_place=updates[1] / max(1, updates[0]),
            updates_per_change=updates[0] / max(1, sum(count for _at, count in self._changes)),
        )

    @property
    def _every_seconds(self) -> float:
        """After how long each agent reports again."""
        return self._size.agents * CHANGES_PER_REPORT / self._size.changes_per_second

    @asynccontextmanager
    async def _console(self, port: int) -> AsyncGenerator[servers.Running]:
        managed = servers.console(
            self._folder, database=self._url, admin_password=ADMIN_PASSWORD, processor=self._processor, port=port
        )
        running = await asyncio.to_thread(managed.__enter__)
        try:
            yield running
        finally:
            await asyncio.to_thread(managed.__exit__, None, None, None)

    async def _change(self, meeting: Meeting, agent: SimulatedAgent, ports: list[int], until: float) -> None:
        """Begin runs of some jobs, end them, go on to the next ones; each report at its time, at another console."""
        every = self._every_seconds
        ways = [await meeting.connect(port) for port in ports]
        jobs = [(job, SessionType.BACKUP) for job in agent.server.backups]
        jobs += [(job, SessionType.COPY) for job in agent.server.copies]
        due = time.monotonic() + random.uniform(0, every)
        turn, going_on = 0, list[Session]()
        while (due := due + every) < until or going_on:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if going_on:
                told, going_on = [agent.end_run(session) for session in going_on], []
            else:
                first = turn * CHANGES_PER_REPORT // 2 % len(jobs)
                told = going_on = [agent.begin_run(*each) for each in jobs[first : first + CHANGES_PER_REPORT]]
            began = time.monotonic()
            await agent.send(ways[turn % len(ways)], agent.numbered(*(SessionReport(session=one) for one in told)))
            meeting.seconds_of_reports.append(time.monotonic() - began)
            self._changes.append((time.monotonic(), len(told)))
            turn += 1
        for way in ways:
            way.close()

    async def _poll(self, meeting: Meeting, port: int, token: str, until: float) -> None:
        way, total = await meeting.connect(port), 0
        while time.monotonic() < until:
            began = time.monotonic()
            answer = msgspec.json.decode(await way.get(LIST, token))
            self._polls.append(time.monotonic() - began)
            assert len(answer["data"]) == min(PAGE, self._size.agents * self._size.jobs_each), "a page is not whole"
            assert total in {0, answer["meta"]["pagingInfo"]["total"]}, "the total has changed"
            total = answer["meta"]["pagingInfo"]["total"]
            await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - began)))
        way.close()

    def _updates(self) -> tuple[int, int]:
        with psycopg.connect(plain(self._url), autocommit=True) as connection:
            # The server counts with a delay.
            connection.execute("select pg_sleep(1.2)")
            row = connection.execute(
                "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'jobs'"
            ).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)


def show(results: list[Results], size: Size) -> Table:
    """Make a table of it."""
    jobs = 2 * size.agents * size.jobs_each
    title = f"{size.changes_per_second:,} job changes a second wanted, {size.agents:,} agents, {jobs:,} jobs"
    table = Table("", title=title, caption=f"while {size.pollers} poll the list of copy jobs, ten times a second each")
    for one in results:
        table.add_column(f"{one.consoles} console(s)", justify="right")

    def row(what: str, tell: Callable[[Results], str]) -> None:
        table.add_row(what, *map(tell, results))

    row("changes a second", lambda one: f"{one.changes_per_second:,.0f}")
    row("a report: median, 99 of 100 within", lambda one: _both(one.report_median, one.report_slowest_hundredth))
    row("polls a second", lambda one: f"{one.polls_per_second:.0f}")
    row("a poll: median, 99 of 100 within", lambda one: _both(one.poll_median, one.poll_slowest_hundredth))
    row("consoles' processor", lambda one: f"{one.console_cpu:.0%}")
    row("waits for locks over 100 ms (aim: 0)", lambda one: f"{one.lock_waits}")
    row("deadlocks (aim: 0)", lambda one: f"{one.deadlocks}")
    row("rows of jobs written for a change", lambda one: f"{one.updates_per_change:.2f}")
    row("of these without touching an index", lambda one: f"{one.in_place:.0%}")
    return table


def _both(median: float, slowest_hundredth: float) -> str:
    return f"{median * 1000:.0f} ms, {slowest_hundredth * 1000:.0f} ms"
