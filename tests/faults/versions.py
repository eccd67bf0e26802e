"""F22: another restic takes over in the middle, a newer or an older one."""

from tandem.domain.sessions import SessionState
from tandem.restic import version
from tests.agent.test_crashes import dies_after
from tests.faults import oracle
from tests.faults.backup_servers import Stage
from tests.faults.crashes import killing, save_big
from tests.faults.matrix import Scene, Skipped
from tests.restic.conftest import programs


def another_restic(stage: Stage, scene: Scene) -> None:
    """Change the program after every run, and while a copy is cut short, up and down."""
    found = [program for program in programs() if version.detect(program).version != stage.engine.version]
    if not found:
        raise Skipped("there is only one restic; TANDEM_TEST_RESTIC_VERSIONS names a folder of others")
    engines = [stage.engine, *(version.detect(program) for program in found)]
    with stage.server(scene, points=2, copied=1) as server:
        save_big(server, scene)
        source = server.source()
        for _ in range(2):
            server.restart(scene.chance.choice(engines))
            with killing(server, scene.chance.uniform(0.1, 0.6)):
                dies_after(server, scene.chance.randint(1, 5), server.copy_here)
        server.restart(scene.chance.choice(engines))
        assert server.copy().state is SessionState.SUCCESS
        assert server.source() == source
        for engine in scene.chance.sample(engines, len(engines)):
            server.restart(engine)
            server.save()
            assert server.copy().state is SessionState.SUCCESS
        # Whichever made them, each restic reads them all.
        for engine in engines:
            server.restart(engine)
            oracle.holds(server, scene.chance)
