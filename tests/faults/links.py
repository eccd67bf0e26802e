"""F18: an agent that is away from its console for long, and tokens that are used twice."""

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch

import msgspec

from tandem.agent import backoff, loop
from tandem.domain.errors import Unavailable
from tandem.domain.schedule import Schedule, ScheduleType
from tandem.domain.sessions import SessionType
from tandem.protocol.messages import ExchangeRequest, PointReport
from tests.agent.backup_server import until
from tests.agent.fake_link import FakeLink
from tests.agent.test_exchanges import Work, remembering
from tests.faults.backup_servers import RecordedServer, Stage
from tests.faults.matrix import Scene
from tests.faults.sites import Sites
from tests.running import SERVERS, tandem

WEEK_DAYS = 7
NIGHTLY = Schedule(type=ScheduleType.DAILY, time_of_day="22:00")


def long_away(stage: Stage, scene: Scene) -> None:
    """Cut an agent off for a week: it works on by its plan, and then tells all of it, in order and once."""
    with stage.server(scene, points=1, copied=1) as server, at_work(server) as work:
        lost = scene.chance.random()

        def cut_off(_request: ExchangeRequest) -> None:
            raise Unavailable("the line is cut")

        def lose_some(request: ExchangeRequest) -> None:
            if request.reports and scene.chance.random() < lost:
                raise Unavailable("the answer was lost")

        until(lambda: server.state.reports(1) == [])
        known, before = len(work.ended()), len(work.link.reports)
        work.link.fault = cut_off
        for day in range(WEEK_DAYS):
            server.write("notes.txt", scene.chance.randbytes(5_000))
            server.clock.forward(days=1)
            until(lambda day=day: len(server.ended_sessions()) >= 2 * (day + 1))
            server.record()
        assert len(work.ended()) == known
        work.link.fault, work.link.loss = None, lose_some
        until(lambda: len(work.ended()) >= known + 2 * WEEK_DAYS)
        until(lambda: server.state.reports(1) == [])
        told = work.ended()[known:]
        kinds = [session.type for session in told]
        assert kinds == [SessionType.BACKUP, SessionType.COPY] * WEEK_DAYS, told
        assert len({session.instance_uid for session in told}) == len(told)
        points = [report.snapshot_id for report in work.link.reports[before:] if isinstance(report, PointReport)]
        assert len(set(points)) == len(points) == WEEK_DAYS
        assert set(points) < set(server.ids())


def tokens_used_twice(sites: Sites, scene: Scene) -> None:
    """Enrol with a token that was used before, and with a new one under a name that is taken."""
    with sites.site() as site:
        token = site.client.post(f"{SERVERS}/enrolmentTokens", {"name": site.folder.name})["token"]
        for name, is_taken in (("another", True), ("thief", False)):
            data = site.folder / f"{name} {scene.chance.random()}"
            done = tandem("agent", "enroll", "--console", site.console.url, "--token", token, "--data", data)
            assert (done.returncode == 0) is is_taken, done.stderr
        servers = list(site.client.pages(SERVERS))
        assert len({server["instanceUid"] for server in servers}) == len(servers)
        assert [server["status"] for server in servers].count("Healthy") == 1


def newest_of(links: list[FakeLink]) -> Callable[..., FakeLink]:
    """Give what makes a link by giving the newest there is."""

    def make(*_given: object) -> FakeLink:
        return links[-1]

    return make


@contextmanager
def at_work(server: RecordedServer) -> Generator[Work]:
    """Have an agent work by a nightly plan, on a link without a network; it waits for nothing long."""
    links: list[FakeLink] = []
    with ExitStack() as patches:
        patches.enter_context(patch.object(backoff, "SECONDS_MAX", 0.02))
        for name in ("TICK_SECONDS", "REPORT_EVERY_SECONDS"):
            patches.enter_context(patch.object(loop, name, 0.02))
        patches.enter_context(patch.object(loop, "ConsoleLink", newest_of(links)))
        patches.enter_context(patch.object(FakeLink, "__init__", remembering(links)))
        work = Work(server)
        try:
            nightly, copies = server.configuration.jobs
            chained = Schedule(type=ScheduleType.CHAINED)
            plan = [
                msgspec.structs.replace(nightly, schedule=NIGHTLY),
                msgspec.structs.replace(copies, schedule=chained),
            ]
            work.end()
            server.configure(jobs=plan)
            work.link.configure(server.configuration)
            server.restart()
            # What the runs before by hand have made due.
            server.state.set_next_run(copies.uid, None, "")
            work.begin()
            until(lambda: server.state.next_run(nightly.uid))
            yield work
        finally:
            work.link.close()
            work.end()
