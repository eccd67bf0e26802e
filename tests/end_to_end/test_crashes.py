"""Processes that are killed, at random moments: the next run completes, nothing is lost, twice, or stuck."""

import os
import random
import secrets
import sys
import time

import pytest

from tests.end_to_end.site import FINAL, Site, content_of, stop, until

ROUNDS = int(os.environ.get("TANDEM_ROUNDS", "2"))
SEED = os.environ.get("TANDEM_SEED") or str(secrets.randbelow(10**6))
# A backup and a copy of the share take about as long, starting and reporting included.
RUN_SECONDS = 2.0

pytestmark = pytest.mark.timeout(90 + 60 * ROUNDS)


@pytest.fixture
def moments() -> random.Random:
    """Random moments, the same ones for the same TANDEM_SEED; a failure shows it."""
    sys.stdout.write(f"TANDEM_SEED={SEED}\n")
    return random.Random(SEED)


def test_an_agent_killed_during_backups_loses_no_point_and_leaves_no_session_running(
    site: Site, moments: random.Random
) -> None:
    agent = site.agent
    for number in range(ROUNDS):
        site.write(f"new {number}.bin", 3_000_000)
        site.start_job(site.backup)
        time.sleep(moments.uniform(0, RUN_SECONDS))
        agent.kill()
        agent.wait()
        agent = site.start_agent()
        until(lambda: site.status(site.backup) in FINAL)
        assert site.run_job(site.backup)["status"] == "Success"
    assert site.run_job(site.copy)["status"] == "Success"
    site.is_sound()


def test_an_agent_killed_during_copies_copies_nothing_twice_and_leaves_the_source_as_it_was(
    site: Site, moments: random.Random
) -> None:
    agent = site.agent
    for number in range(ROUNDS):
        site.write(f"new {number}.bin", 8_000_000)
        assert site.run_job(site.backup)["status"] == "Success"
        before = content_of(site.first)
        site.start_job(site.copy)
        time.sleep(moments.uniform(0, RUN_SECONDS))
        agent.kill()
        agent.wait()
        agent = site.start_agent()
        until(lambda: site.status(site.copy) in FINAL)
        assert site.run_job(site.copy)["status"] == "Success"
        assert content_of(site.first) == before
    site.is_sound()


def test_a_console_killed_during_runs_gets_every_report_once_when_it_is_back(
    site: Site, moments: random.Random
) -> None:
    console = site.console
    for number in range(ROUNDS):
        site.write(f"new {number}.bin", 3_000_000)
        known = len(site.sessions(site.backup))
        site.start_job(site.backup)
        # The order is carried out once the agent has it, whatever becomes of the console.
        until(lambda known=known: len(site.sessions(site.backup)) > known)
        time.sleep(moments.uniform(0, RUN_SECONDS))
        console.kill()
        console.wait()
        console = site.start_console()
        until(lambda: site.status(site.backup) in FINAL)
        assert [session["status"] for session in site.sessions(site.backup)] == ["Success"] * (number + 1)
        assert len(site.points()) == number + 1
    assert site.run_job(site.copy)["status"] == "Success"
    site.is_sound()


def test_ending_the_agent_in_the_middle_of_a_run_takes_less_than_ten_seconds_and_leaves_no_lock(site: Site) -> None:
    assert site.run_job(site.backup)["status"] == "Success"
    log = site.folder / "agent.log"
    started = log.read_text().count("session started")
    site.start_job(site.copy)
    until(lambda: log.read_text().count("session started") > started)

    assert stop(site.agent) == 0

    assert [list((folder / "locks").iterdir()) for folder in (site.first, site.second)] == [[], []]
    site.start_agent()
    until(lambda: site.status(site.copy) in FINAL)
    assert site.run_job(site.copy)["status"] == "Success"
    site.is_sound()
