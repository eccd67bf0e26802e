"""F23: more points than anybody makes in a test."""

import resource
from datetime import timedelta

from tandem.domain.sessions import SessionState
from tests.faults import oracle
from tests.faults.backup_servers import Stage
from tests.faults.matrix import Scene
from tests.restic import many_points

POINTS = 400
DAYS = 20
MEMORY_KILOBYTES_MAX = 100_000
PROCESSES_MAX = 3


def many(stage: Stage, scene: Scene) -> None:
    """Find hundreds of points that nobody noted, copy them all, and then one more."""
    with stage.server(scene, points=1) as server:
        start = server.clock.now
        times = [start + timedelta(seconds=scene.chance.randrange(1, DAYS * 86_400)) for _ in range(POINTS)]
        many_points.add(server.engine, server.access(server.first), times)
        server.clock.forward(days=DAYS)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # Points that nobody made hold retention until somebody says that they are right.
        session = server.back_up()
        assert session.state is SessionState.WARNING, session.messages
        server.release()
        session = server.copy()
        assert session.state is SessionState.SUCCESS, session.messages
        assert set(server.copies()) == set(server.ids())
        assert len(server.copies()) > POINTS
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < MEMORY_KILOBYTES_MAX
        assert server.copy().statistics.restic_processes == 0
        server.save()
        # One more point costs what it costs among few: no point is looked at that was copied before.
        assert server.copy().statistics.restic_processes <= PROCESSES_MAX
        server.contents = dict(list(server.contents.items())[-1:])
        oracle.holds(server, scene.chance)
