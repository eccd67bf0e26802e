"""F14: what makes the newest points worthless, so that retention would delete the good ones in time."""

import random
import shutil
from datetime import timedelta

from tandem.domain.sessions import SessionState
from tandem.restic import listing
from tests.agent.backup_server import A_WEEK, HOST
from tests.faults import oracle
from tests.faults.backup_servers import RecordedServer, Stage
from tests.faults.matrix import Scene
from tests.faults.strangers import restic_by_hand

FILES = 30
WEEKS = 3


def poisoned(stage: Stage, scene: Scene) -> None:
    """Empty the share, delete most of it, or slip points of any date in; then let weeks pass: the good ones stay."""
    with stage.server(scene) as server:
        server.keep(backup=A_WEEK, copies=A_WEEK)
        for number in range(FILES):
            server.write(f"file {number}", scene.chance.randbytes(200))
        server.save()
        assert server.copy().state is SessionState.SUCCESS
        good, aside = server.ids()[-1], server.folder / "what the share was"
        shutil.copytree(server.share, aside)
        _poison(server, scene.chance)
        for _ in range(WEEKS):
            assert server.back_up().state is SessionState.WARNING
            assert server.copy().state is SessionState.WARNING
            assert good in listing.snapshot_ids(server.first)
            assert good in server.copies()
            server.clock.forward(days=7, hours=scene.chance.randint(0, 5))
        shutil.rmtree(server.share)
        aside.rename(server.share)
        server.back_up()
        # Once somebody has looked, retention goes on as ever.
        server.release()
        assert server.back_up().state is SessionState.SUCCESS
        assert server.copy().state is SessionState.SUCCESS
        assert good not in server.ids()
        oracle.holds(server, scene.chance)


def _poison(server: RecordedServer, chance: random.Random) -> None:
    match chance.choice(["emptied", "shrunk", "slipped in"]):
        case "emptied":
            shutil.rmtree(server.share)
            server.share.mkdir()
        case "shrunk":
            files = sorted(server.share.glob("file *"))
            for path in chance.sample(files, chance.randint(FILES * 2 // 3, FILES)):
                path.unlink()
        case _:
            days = timedelta(days=chance.choice([1, 40, 400]))
            at = (server.clock.now + days).strftime("%Y-%m-%d %H:%M:%S")
            command = ["backup", "--host", HOST, "--time", at, server.share]
            with restic_by_hand(server, *command, repository=server.first) as process:
                assert process.wait() == 0
