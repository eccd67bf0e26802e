"""F15 and F16: points that go while they are copied, retentions that change, copies that somebody labels."""

import random
from threading import Timer

from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import SessionState
from tandem.restic import listing
from tests.agent.backup_server import random_bytes
from tests.agent.test_random_histories import PAUSES, RETENTIONS, Policy
from tests.faults import oracle
from tests.faults.backup_servers import RecordedServer, Stage
from tests.faults.crashes import save_big
from tests.faults.matrix import Scene
from tests.faults.strangers import restic_by_hand

STEPS = 5
STOP_AFTER_SECONDS = 2.5


def pruned_source(stage: Stage, scene: Scene) -> None:
    """Let somebody force the source's locks open, forget a point and prune, before or while it is copied."""
    with stage.server(scene, points=2, copied=1) as server:
        save_big(server, scene)
        known, gone = server.ids(), server.ids()[scene.chance.randint(1, 3)]

        def by_hand(*command: str) -> None:
            with restic_by_hand(server, *command, repository=server.first) as process:
                process.wait()

        def forget_and_prune() -> None:
            # The copy may lock anew between the two: whoever forces locks open tries again.
            while gone in listing.snapshot_ids(server.first):
                by_hand("unlock", "--remove-all")
                by_hand("forget", gone)
            by_hand("unlock", "--remove-all")
            by_hand("prune")

        stranger = Timer(scene.chance.uniform(0, 0.5), forget_and_prune)
        stranger.start()
        # Restic before 0.17 looks for a pack that is gone for a quarter of an hour; somebody stops it.
        stop = Timer(STOP_AFTER_SECONDS, server.sessions.stop_job, [server.copy_job.uid])
        stop.start()
        session = server.copy()
        stop.cancel()
        stranger.join()
        assert gone not in listing.snapshot_ids(server.first)
        # Whatever it copied is whole; what it could not copy, it said.
        oracle.is_whole(server, server.second)
        if session.state is SessionState.SUCCESS:
            assert set(server.copies()) >= set(known) - {gone}
        server.back_up()
        assert server.copy().state in {SessionState.SUCCESS, SessionState.WARNING}
        assert server.copy().state is SessionState.SUCCESS
        assert set(server.copies()) >= set(known) - {gone}
        if gone not in server.copies():
            assert server.ledger().get(gone) is None or server.states()[gone] is CopyState.EXPIRED
        oracle.holds(server, scene.chance)


def changing_retention(stage: Stage, scene: Scene) -> None:
    """Let time pass, points come, retentions change on both sides, and copies be labelled by hand."""
    with stage.server(scene) as server:
        policy = Policy()
        server.save()
        for _ in range(STEPS):
            server.clock.forward(**scene.chance.choice(PAUSES))
            match scene.chance.choice(["save", "save", "keep", "label"]):
                case "save":
                    server.save("notes.txt", random_bytes(scene.chance.random(), size=5_000))
                case "keep":
                    server.keep(backup=scene.chance.choice(RETENTIONS), copies=scene.chance.choice(RETENTIONS))
                    assert server.back_up().state is SessionState.SUCCESS
                case _:
                    _label(server, scene.chance)
            policy.apply(server)
            assert server.copy().state is SessionState.SUCCESS
            assert set(server.copies()) == policy.held
            assert server.copy().statistics.restic_processes == 0, "the copy does not come to rest"
        oracle.holds(server, scene.chance, policy=policy.held)


def _label(server: RecordedServer, chance: random.Random) -> None:
    copies = sorted(server.copies().values())
    if copies:
        with restic_by_hand(server, "tag", "--add", "audit", chance.choice(copies)) as process:
            assert process.wait() == 0
