"""Console, database and agent go away and come back: what was done is known, once, and nobody ends for no reason."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tandem.agent.main import FENCED_EXIT_CODE
from tandem.restic import listing
from tests import postgres
from tests.running import SERVERS, Agent, Console, Site, running_site, tandem, until

SHARE_BYTES = 16_000_000


@pytest.fixture(scope="module")
def database(postgres_url: str) -> Iterator[str]:
    """A PostgreSQL database for all tests of this module."""
    with postgres.empty_database(postgres_url) as url:
        yield url


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, database: str) -> Iterator[Site]:
    """A console on PostgreSQL, and an agent; after all tests the copy is complete, and both repositories are whole."""
    with running_site(tmp_path_factory.mktemp("site"), share_bytes=SHARE_BYTES, database=database) as made:
        assert made.run_job(made.backup)["status"] == "Success"
        yield made
        assert made.run_job(made.copy)["status"] == "Success"
        assert all(copy["state"] == "Copied" for point in made.points() for copy in point["copies"])
        made.is_sound()


@pytest.fixture
def outage(everything: Site) -> Iterator[Site]:
    """The same, to be harmed: in the end the next run succeeds, no point is lost or listed twice, no lock stays."""
    known = {point["instanceUid"] for point in everything.points()}
    yield everything
    # Of a test that failed half way, the others hear nothing.
    for program in (everything.console, everything.agent):
        if program.process.poll() is not None:
            program.start()
    session = everything.run_job(everything.backup)
    assert session["status"] == "Success", session["messages"]
    uids = [point["instanceUid"] for point in everything.points()]
    assert len(set(uids)) == len(uids) == len(listing.snapshot_ids(everything.first))
    assert known < set(uids)
    assert listing.lock_ids(everything.first) == []


def busy(site: Site, job: str, *, file_bytes: int = SHARE_BYTES // 2) -> str:
    """Start a job that has something to do, and wait until restic is at work for it; gives the session's id."""
    # It stays: a share that shrinks is doubted.
    (site.share / f"{file_bytes}.bin").write_bytes(os.urandom(file_bytes))
    if job == site.copy:
        assert site.run_job(site.backup)["status"] == "Success"
    before = {session["instanceUid"] for session in site.sessions(job)}
    site.start_job(job)
    until(site.agent.children)
    new = until(lambda: [each for each in site.sessions(job) if each["instanceUid"] not in before])
    return new[0]["instanceUid"]


def test_a_run_that_ends_while_the_console_is_away_is_told_once_and_in_order(outage: Site) -> None:
    before = len(outage.points())
    told = len(outage.sessions(outage.backup))
    ended = outage.agent.logged().count("session ended")
    busy(outage, outage.backup)
    outage.console.kill()
    until(lambda: outage.agent.logged().count("session ended") > ended)
    outage.console.start()
    until(lambda: outage.status(outage.backup) == "Success")
    sessions = outage.sessions(outage.backup)
    assert len(sessions) == told + 1
    assert sessions[0]["status"] == "Success"
    assert sessions[0]["endTime"] > sessions[0]["startTime"]
    assert len(outage.points()) == before + 1
    assert outage.agent.process.poll() is None


def test_a_database_that_is_away_for_a_moment_ends_no_agent_and_loses_no_report(outage: Site, database: str) -> None:
    before = len(outage.points())
    answered = outage.agent.logged().count("console not reached")
    ended = outage.agent.logged().count("session ended")
    url = urlsplit(database)
    name = url.path.removeprefix("/")
    busy(outage, outage.backup)
    with psycopg.connect(f"postgresql://postgres@/postgres?{url.query}", autocommit=True) as connection:
        connection.execute(f"alter database {name} allow_connections false".encode())
        connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        until(lambda: outage.agent.logged().count("console not reached") > answered)
        until(lambda: outage.agent.logged().count("session ended") > ended)
        connection.execute(f"alter database {name} allow_connections true".encode())
    until(lambda: len(outage.points()) == before + 1)
    until(lambda: outage.status(outage.backup) == "Success")
    assert outage.agent.process.poll() is None


def test_the_console_knows_how_a_run_ended_before_its_agent_has_gone(outage: Site) -> None:
    session = busy(outage, outage.backup, file_bytes=3 * SHARE_BYTES)
    assert outage.agent.stop() == 0
    found = outage.client.get(f"/infrastructure/sessions/{session}")
    assert found["status"] in {"Failed", "Success"}
    if found["status"] == "Failed":
        stopped, again = found["messages"]
        assert stopped == "The agent was stopped; the next run goes on from what was done."
        assert again.startswith("It is tried again at ")
    assert listing.lock_ids(outage.first) == []


def test_a_console_ends_in_time_while_agents_wait_and_restic_works(outage: Site) -> None:
    busy(outage, outage.backup)
    logged = outage.console.logged()
    assert outage.console.stop() == 0
    assert "Traceback" not in outage.console.logged().removeprefix(logged)
    outage.console.start()
    until(lambda: outage.status(outage.backup) == "Success")


def test_another_console_in_the_place_of_the_right_one_hears_nothing_and_jobs_go_on(
    outage: Site, tmp_path: Path
) -> None:
    ended = outage.agent.logged().count("session ended")
    before = len(outage.points())
    busy(outage, outage.backup)
    outage.console.kill()
    impostor = Console(tmp_path, port=outage.console.port)
    refused = outage.agent.logged().count("CERTIFICATE_VERIFY_FAILED")
    impostor.start()
    until(lambda: outage.agent.logged().count("CERTIFICATE_VERIFY_FAILED") > refused)
    until(lambda: outage.agent.logged().count("session ended") > ended)
    assert list(impostor.client.pages(SERVERS)) == []
    assert impostor.stop() == 0
    impostor.end()
    outage.console.start()
    until(lambda: len(outage.points()) == before + 1)
    until(lambda: outage.status(outage.backup) == "Success")


def test_an_agent_that_listens_notices_when_its_connection_is_gone(everything: Site) -> None:
    assert until(lambda: "02" in timers_of_connections_to(everything.console.port))


def timers_of_connections_to(port: int) -> list[str]:
    """Give the timers of all connections to a port, as the system shows them: 02 is one that looks after it."""
    timers: list[str] = []
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            _, _, remote, _, _, timer, *_ = line.split()
            if int(remote.rpartition(":")[2], 16) == port:
                timers.append(timer.partition(":")[0])
    return timers


def test_a_second_agent_on_the_same_memory_is_refused(everything: Site) -> None:
    second = tandem("agent", "run", "--data", everything.agent.data)
    assert second.returncode == 1
    assert "Another process runs the agent" in second.stderr
    assert everything.agent.process.poll() is None


def test_of_an_agent_and_its_clone_the_newer_works_on_and_the_older_ends(outage: Site, tmp_path: Path) -> None:
    older = outage.agent
    newer = Agent(tmp_path, outage.console)
    # All of it: a machine that was cloned while the agent ran.
    shutil.copytree(older.data, newer.data)
    newer.start()
    assert older.process.wait(60) == FENCED_EXIT_CODE
    outage.agent = newer
    assert "fenced" in older.logged()
    assert outage.run_job(outage.backup)["status"] == "Success"
    assert newer.stop() == 0
    # The first one comes back, with a memory that is older than what the console knows.
    outage.agent = older
    older.start()
