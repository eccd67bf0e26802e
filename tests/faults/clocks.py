"""F13 and F17: clocks that are wrong, jump, or follow daylight saving; a source that makes no more points."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from tandem.domain.schedule import Schedule, ScheduleType
from tandem.domain.sessions import SessionState
from tandem.protocol.messages import Configuration, JobConfiguration
from tests.agent.backup_server import A_WEEK, nothing_of
from tests.agent.test_schedules import CHAINED, Planner
from tests.faults import oracle
from tests.faults.backup_servers import STOP_SECONDS_MAX, RecordedServer, Stage
from tests.faults.matrix import Scene

# Each of them has a day of 23 hours and one of 25, or thereabouts.
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Auckland")
YEARS = (2027, 2028)
# Around these hours the clocks change.
TIMES = ("00:00", "00:30", "01:45", "02:00", "02:30", "03:00")
DAYS_AROUND = 2


def schedules(stage: Stage, scene: Scene) -> None:
    """Walk through every change of daylight saving of a leap year and another, the clock being set back at times."""
    with stage.server(scene) as server, planning(server) as planner:
        zone = ZoneInfo(scene.chance.choice(ZONES))
        plan = Schedule(type=ScheduleType.DAILY, time_of_day=scene.chance.choice(TIMES), time_zone=zone.key)
        for start in _before_changes(zone):
            started: list[datetime] = []
            server.clock.now = start
            server.state.set_next_run(server.backup_job.uid, None, "")
            planner.plan(backup=plan, copies=Schedule())
            _count(planner, started)
            end = start + timedelta(days=2 * DAYS_AROUND)
            while server.clock.now < end:
                server.clock.forward(minutes=scene.chance.randint(5, 50))
                planner.look()
                if scene.chance.random() < 0.1:
                    server.clock.forward(hours=-1)
                    planner.look()
                    server.clock.forward(hours=1)
                    planner.look()
            planned = _planned(plan, zone, start, server.clock.now)
            assert len(started) == len(planned), (zone.key, plan.time_of_day, start, started, planned)


def jumps(stage: Stage, scene: Scene) -> None:
    """Set the clock wrong by 400 days, or less, or back, let jobs run then, and set it right again."""
    with stage.server(scene, points=3, copied=2) as server, planning(server) as planner:
        server.keep(backup=A_WEEK, copies=A_WEEK)
        # The copy that is due from before may just be going on when the clock is set.
        planner.plan(backup=Schedule(type=ScheduleType.DAILY, time_of_day="22:00"), copies=CHAINED)
        another = scene.chance.choice([("hours", 1), ("hours", -1), ("days", -400)])
        for unit, number in scene.chance.sample([("days", 400), another], 2):
            points, copies = set(server.ids()), set(server.copies())
            server.clock.set(**{unit: number})
            planner.work()
            server.back_up()
            server.copy()
            server.clock.set(**{unit: -number})
            planner.work()
            server.back_up()
            server.copy()
            assert points <= set(server.ids()), f"points went as the clock was wrong by {number} {unit}"
            assert copies <= set(server.copies()), f"copies went as the clock was wrong by {number} {unit}"
            server.clock.forward(days=1, hours=2)
            assert planner.work(), f"no run on the day after the clock was wrong by {number} {unit}"
            server.release()
        assert server.back_up().state is SessionState.SUCCESS
        assert server.copy().state is SessionState.SUCCESS
        oracle.holds(server, scene.chance)


def dead_source(stage: Stage, scene: Scene) -> None:
    """Let sixty days pass in which the source makes no point, the copy running now and then."""
    with stage.server(scene, points=4, copied=3) as server:
        newest = server.ids()[-1]
        days = sorted(scene.chance.sample(range(1, 60), 3))
        for before, day in zip([0, *days], [*days, 60], strict=True):
            server.clock.forward(days=day - before)
            assert server.copy().state is SessionState.SUCCESS
        server.keep(copies=A_WEEK, backup=A_WEEK)
        assert server.copy().state is SessionState.SUCCESS
        assert set(server.copies()) == {newest}
        # And when the share is gone too, a backup that fails takes nothing away.
        server.share.rename(server.folder / "share that was")
        assert server.back_up().state is SessionState.FAILED
        assert newest in server.ids()
        (server.folder / "share that was").rename(server.share)
        server.save(days=1)
        assert server.copy().state is SessionState.SUCCESS
        oracle.holds(server, scene.chance)


class JobPlanner(Planner):
    """The main loop of an agent, turned by hand, which starts jobs and nothing else."""

    def begin(self) -> None:
        """Begin as a new process does."""
        super().begin()
        # Verifications that are due would run beside what the test runs by itself, in another queue.
        self.agent._proofs.start_due = nothing_of  # pyright: ignore[reportPrivateUsage,reportAttributeAccessIssue]


@contextmanager
def planning(server: RecordedServer) -> Generator[Planner]:
    """Give the main loop of an agent; in the end nothing that it has started is left."""
    planner = JobPlanner(server)
    try:
        yield planner
    finally:
        planner.agent._sessions.close(STOP_SECONDS_MAX)  # pyright: ignore[reportPrivateUsage]


def _before_changes(zone: ZoneInfo) -> list[datetime]:
    """Give the noon, in UTC, some days before each change of a zone's offset; and one before the leap day."""
    noon = datetime(YEARS[0], 1, 1, 12, tzinfo=UTC)
    found = [datetime(2028, 2, 28, 12, tzinfo=UTC)]
    while noon.year in YEARS:
        following = noon + timedelta(days=1)
        if noon.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
            found.append(noon - timedelta(days=DAYS_AROUND))
        noon = following
    return sorted(found)


def _planned(plan: Schedule, zone: ZoneInfo, start: datetime, end: datetime) -> list[datetime]:
    """Give one instant for each day of the wall's clock."""
    at = time.fromisoformat(plan.time_of_day)
    days = [start.astimezone(zone).date() + timedelta(days=ahead) for ahead in range(-1, 2 * DAYS_AROUND + 2)]
    instants = [datetime.combine(day, at, tzinfo=zone).astimezone(UTC) for day in days]
    return [instant for instant in instants if start < instant <= end]


def _count(planner: Planner, started: list[datetime]) -> None:
    """Note when runs begin, and let none of them do anything."""

    def note(_job: JobConfiguration, _configuration: Configuration, note_plan: Callable[[], None]) -> str:
        note_plan()
        started.append(planner.server.clock.now)
        return ""

    planner.agent._sessions.start_job = note  # pyright: ignore[reportPrivateUsage,reportAttributeAccessIssue]
