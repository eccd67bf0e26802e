"""Many agents that speak at once: the same comes of it as if one spoke after another, and nothing is lost."""

import random
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tandem.actions import exchange
from tandem.actions.exchange import Heard, Said
from tandem.domain.errors import Collided
from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import Progress, Session, SessionState, SessionType
from tandem.protocol.messages import (
    ExchangeRequest,
    LedgerReport,
    NumberedReport,
    Report,
    RunningSession,
    SessionReport,
)
from tandem.store.database import open_database
from tests.agents import Agent
from tests.consoles import Console, Rows, fill, rows_of
from tests.people import ACMES, BETAS, ESTATES, GAMMAS, START, Estate, restic_id, uid
from tests.reports import ended, entry, point, session

THREADS = 4
ROUNDS = 25
STATES = [SessionState.QUEUED, SessionState.RUNNING, SessionState.SUCCESS, SessionState.FAILED, SessionState.SKIPPED]
SPEAKERS = (ACMES, BETAS, GAMMAS)


def said(agent: Agent, reports: Iterable[NumberedReport], running: Iterable[RunningSession] = ()) -> Said:
    request = ExchangeRequest(revision=0, reports=list(reports), results=[], running=list(running), wait_seconds=0)
    return Said(agent.token, request)


def session_in(state: SessionState, name: str, estate: Estate, of: Estate, kind: SessionType) -> SessionReport:
    """Report a session of one of two jobs, which may be another estate's, so that it is not taken."""
    made = ended if state.is_final else session
    is_copy = kind is SessionType.COPY
    job = (of.copy_job, of.copy_job_unique) if is_copy else (of.job, of.job_unique)
    changes: dict[str, Any] = {"job_uid": job[0], "job_unique_uid": job[1], "file_share_uid": of.share, "type": kind}
    return made(
        f"{estate.name} {name}", estate=estate, state=state, messages=["A\0" if name == "bad" else "A"], **changes
    )


@some.composite
def reports_of(draw: some.DrawFn, estate: Estate) -> list[Report]:
    def one() -> Report:
        name = draw(some.sampled_from(["one", "two", "bad"]))
        match draw(some.integers(0, 5)):
            case 0:
                return point(f"{estate.name} {name}", estate, added=draw(some.integers(0, 99)))
            case 1:
                copied = entry(restic_id(f"{estate.name} {name}"), CopyState.COPIED, added=7)
                return LedgerReport(job_uid=estate.copy_job, entries=[copied])
            case _:
                kind = draw(some.sampled_from([SessionType.BACKUP, SessionType.COPY]))
                whose = draw(some.sampled_from([estate, estate, estate, BETAS]))
                return session_in(draw(some.sampled_from(STATES)), f"{name} {kind}", estate, whose, kind)

    return [one() for _ in range(draw(some.integers(0, 6)))]


def by_server(rows: Rows) -> dict[str, Any]:
    """Give what reports change, each server's in its own order: between servers, the order is by chance."""
    found: dict[str, Any] = {}
    for table in ("sessions", "jobs", "restore_points", "restore_point_copies", "file_share_copy_jobs"):
        of_server: defaultdict[str, list[Any]] = defaultdict(list)
        for row in sorted(rows[table], key=lambda row: row.get("position", 0)):
            of_server[str(row.get("backup_server_uid", row.get("job_uid")))].append(
                {name: value for name, value in row.items() if name != "position"}
            )
        found[table] = dict(of_server)
    return found


def test_reports_taken_in_together_do_what_they_do_one_by_one(console: Console) -> None:
    begun = rows_of(console.database)

    @settings(max_examples=25)
    @given(some.fixed_dictionaries({estate: reports_of(estate) for estate in SPEAKERS}))
    def check(reports: dict[Estate, list[Report]]) -> None:
        came_of_it: list[dict[str, Any]] = []
        for is_together in (True, False):
            fill(console.database, begun)
            agents = {estate: console.agent_of(estate) for estate in SPEAKERS}
            numbered = {
                estate: [NumberedReport(number, report) for number, report in enumerate(of_estate, 1)]
                for estate, of_estate in reports.items()
            }
            if is_together:
                exchange.take_in(console.context, [said(agents[one], each) for one, each in numbered.items()])
            else:
                for estate, each in numbered.items():
                    for report in each:
                        exchange.take_in(console.context, [said(agents[estate], [report])])
            came_of_it.append(by_server(rows_of(console.database)))
        assert came_of_it[0] == came_of_it[1]

    check()


def test_agents_that_speak_at_once_through_two_consoles_lose_nothing_and_wait_in_no_circle(console: Console) -> None:
    """Each round, every agent has more to say, in both consoles; each begins with another of them."""
    agents = [console.agent_of(estate) for estate in ESTATES]
    with console.database.reading() as connection:
        other = open_database(connection.engine.url.render_as_string(hide_password=False))
    contexts = [console.context, msgspec.structs.replace(console.context, database=other)]
    last: dict[str, Session] = {}
    numbers = dict.fromkeys((agent.server_uid for agent in agents), 0)

    def speak(worker: int) -> None:
        # Two workers speak for each agent: of what both say, the second finds nothing new.
        chance = random.Random(worker)
        for number in range(ROUNDS):
            together = chance.sample(agents, len(agents))
            messages = [
                said(agent, batches[agent.server_uid][: 4 * (number + 1)], running[agent.server_uid])
                for agent in together
            ]
            try:
                outcomes = exchange.take_in(contexts[worker % 2], messages)
            except Collided:
                pytest.fail("two consoles waited for each other")
            assert all(isinstance(outcome, Heard) for outcome in outcomes)

    batches: dict[str, list[NumberedReport]] = {}
    running: dict[str, list[RunningSession]] = {}
    for estate, agent in zip(ESTATES, agents, strict=True):
        batch: list[NumberedReport] = []
        for number in range(ROUNDS):
            for kind in (SessionType.BACKUP, SessionType.COPY):
                state = SessionState.FAILED if number % 3 else SessionState.SUCCESS
                for each in (SessionState.RUNNING, state):
                    report = session_in(each, f"{kind} {number}", estate, estate, kind)
                    moved = START + timedelta(minutes=number)
                    report = SessionReport(session=msgspec.structs.replace(report.session, started_at=moved))
                    numbers[agent.server_uid] += 1
                    batch.append(NumberedReport(numbers[agent.server_uid], report))
                    last[str(report.session.job_unique_uid)] = report.session
        batches[agent.server_uid] = batch
        running[agent.server_uid] = [RunningSession(uid(f"{estate.name} Backup 0"), Progress(percent=1))]
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(speak, range(THREADS)))
    other.close()
    rows = rows_of(console.database)
    jobs = {row["unique_uid"]: row for row in rows["jobs"]}
    for unique_uid, told in last.items():
        assert jobs[unique_uid]["last_session_uid"] == told.instance_uid
        assert jobs[unique_uid]["status"] == told.state
        assert jobs[unique_uid]["last_run"] == told.started_at
    servers = {row["instance_uid"]: row["last_report"] for row in rows["backup_servers"]}
    assert {server: servers[server] for server in numbers} == numbers
