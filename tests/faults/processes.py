"""F1 to F4: agents and consoles, as processes, are killed, paused and cloned; databases end and begin again."""

import os
import shutil
import signal
import time

from tandem.agent.main import FENCED_EXIT_CODE
from tandem.restic import listing
from tests import postgres
from tests.faults.matrix import Scene
from tests.faults.sites import CHANGE_BYTES, RecordedSite, Sites
from tests.running import FINAL, Agent, until

# The tests' server is told to forget the last moments at a crash, as that is fast.
KEEPS_WHAT_IT_COMMITS = "-csynchronous_commit%3Don"


def killed_agent(sites: Sites, scene: Scene) -> None:
    """Kill the agent in a backup, then in a copy, each when some of the data has been written."""
    with sites.site() as site:
        for job in (site.backup, site.copy):
            site.change()
            if job == site.copy:
                assert site.run_job(site.backup)["status"] == "Success"
            source = site.source()
            session = site.busy(job)
            _wait_for_bytes(site, job, scene)
            site.kill_agent()
            if job == site.copy:
                assert site.source() == source
            site.agent.start()
            until(lambda session=session: site.session(session)["status"] in FINAL)
        site.holds(scene.chance)


def killed_console(sites: Sites, scene: Scene) -> None:
    """Kill the console while a run goes on; each run is told once when it is back."""
    with sites.site() as site:
        told = len(site.sessions(site.backup))
        site.change()
        session = site.busy(site.backup)
        time.sleep(scene.chance.uniform(0, 0.5))
        site.console.kill()
        time.sleep(scene.chance.uniform(0, 0.5))
        site.console.start()
        until(lambda: site.session(session)["status"] == "Success")
        assert len(site.sessions(site.backup)) == told + 1
        site.holds(scene.chance)


def restarted_database(sites: Sites, scene: Scene) -> None:
    """End PostgreSQL in the middle of whatever it does, a run going on, and start it again."""
    with (
        postgres.running_server() as url,
        sites.another(database=f"{url}&options={KEEPS_WHAT_IT_COMMITS}") as site,
    ):
        site.change()
        session = site.busy(site.backup)
        for _ in range(2):
            time.sleep(scene.chance.uniform(0, 0.3))
            postgres.crash(url)
        until(lambda: site.session(session)["status"] == "Success")
        site.holds(scene.chance, is_log_calm=False)


def cloned_agent(sites: Sites, scene: Scene) -> None:
    """Run a clone of the agent beside it, in a copy; the newer works on, the older ends. Then the older comes back."""
    with sites.site() as site:
        site.change()
        assert site.run_job(site.backup)["status"] == "Success"
        site.busy(site.copy)
        older, newer = site.agent, _clone(site, scene)
        newer.start()
        assert older.process.wait(60) == FENCED_EXIT_CODE
        site.agent = newer
        site.holds(scene.chance)
        assert newer.stop() == 0
        site.agent = older
        older.start()
        site.holds(scene.chance)


def paused_agent(sites: Sites, scene: Scene) -> None:
    """Pause the agent in the middle of a copy, let a clone take over, and let the first go on: it commits nothing."""
    with sites.site() as site:
        site.change()
        assert site.run_job(site.backup)["status"] == "Success"
        site.busy(site.copy)
        _wait_for_bytes(site, site.copy, scene)
        older, newer = site.agent, _clone(site, scene)
        paused = [older.process.pid, *(older.children() if scene.chance.random() < 0.5 else [])]
        for pid in paused:
            _signal(pid, signal.SIGSTOP)
        newer.start()
        site.agent = newer
        # It finds the older one's restic at work, or the locks that it left; both are proof against a second copy.
        site.run_job(site.copy)
        for pid in paused:
            _signal(pid, signal.SIGCONT)
        assert older.process.wait(60) == FENCED_EXIT_CODE
        until(lambda: not older.children())
        site.holds(scene.chance)


def _wait_for_bytes(site: RecordedSite, job: str, scene: Scene) -> None:
    """Wait until a run has written a random part of what it is to write, or is done."""
    target = site.second if job == site.copy else site.first
    enough = listing.bytes_used(target) + scene.chance.random() * CHANGE_BYTES
    until(lambda: listing.bytes_used(target) >= enough or not site.agent.children())


def _clone(site: RecordedSite, scene: Scene) -> Agent:
    folder = site.folder / f"clone {scene.chance.random()}"
    folder.mkdir()
    clone = Agent(folder, site.console)
    shutil.copytree(site.agent.data, clone.data)
    return clone


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
