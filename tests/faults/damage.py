"""F10 to F12: files of a repository are damaged or gone, at the source, at the target, at both."""

import random
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tandem.agent.run_healing import run_healing
from tandem.agent.run_verification import run_verification
from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import SessionState
from tests.faults import oracle
from tests.faults.backup_servers import RecordedServer, Stage
from tests.faults.matrix import Scene

WAYS = ("changed", "cut short", "gone")
# Older ones look for what is gone or too short for a quarter of an hour, as a network file system may bring it back.
GIVES_UP_SOON = (0, 17)
WAYS_OF_PACKS_BEFORE = ("changed",)
OTHER_KINDS = ("index", "snapshots", "keys", "config")


def damaged_source(stage: Stage, scene: Scene) -> None:
    """Damage a file of each kind at the source: points that it hurts are quarantined, and no others."""
    for kind in ("data", *scene.chance.sample(OTHER_KINDS, 2)):
        with stage.server(scene, points=3, copied=1) as server:
            old, hurt, whole = server.ids()
            # What is cached is not read anew: a new machine has nothing in its cache.
            shutil.rmtree(server.data / "cache")
            ways = WAYS_OF_PACKS_BEFORE if kind == "data" and server.engine.version < GIVES_UP_SOON else WAYS
            with damaged(_file_of(server, kind, hurt, scene.chance), scene.chance, ways) as how:
                what = f"{kind} {how}"
                session = server.copy()
                is_told = session.state in {SessionState.WARNING, SessionState.FAILED}
                copied = set(server.copies())
                # Nothing depends on most of a key's file: a time and names.
                is_harmless = what == "keys changed" and not is_told
                assert is_told or is_harmless or what == "snapshots gone", (what, session.messages)
                assert (hurt in copied) is is_harmless, what
                match kind:
                    case "data":
                        assert copied == {old, whole}, what
                        assert server.states()[hurt] is CopyState.QUARANTINED, what
                        oracle.is_damaged(server, server.first)
                    case "snapshots":
                        assert copied == {old, whole}, what
                    case _:
                        assert copied <= {old, whole} or (is_harmless and copied == {old, hurt, whole}), what
                oracle.is_quiet(server)
                oracle.is_whole(server, server.second)
            session = server.copy()
            if kind == "snapshots" and how == "gone":
                # One that was to be copied at that time is over for good.
                assert server.states()[hurt] in {CopyState.EXPIRED, CopyState.COPIED}
                continue
            assert session.state is SessionState.SUCCESS, (what, session.messages)
            assert set(server.copies()) == {old, hurt, whole}, what
            oracle.holds(server, scene.chance)


def damaged_target(stage: Stage, scene: Scene) -> None:
    """Damage packs of the copy; a verification finds them, and the next copy makes them anew."""
    with stage.server(scene, points=3, copied=3) as server:
        source = server.source()
        for pack in scene.chance.sample(_packs(server.second), scene.chance.randint(1, 3)):
            hurt(pack, scene.chance, WAYS_OF_PACKS_BEFORE)
        oracle.is_damaged(server, server.second)
        # Restic's own copy sees nothing of it; what is not asked for is not read.
        assert server.copy().state is SessionState.SUCCESS
        _verify(server, "second")
        assert CopyState.PENDING in server.states().values()
        assert server.copy().state is SessionState.SUCCESS
        _verify(server, "second")
        assert set(server.states().values()) == {CopyState.VERIFIED}
        assert server.source() == source
        oracle.holds(server, scene.chance)


def damaged_both(stage: Stage, scene: Scene) -> None:
    """Damage the data of one point at the source and of another in the copy; each side heals the other."""
    with stage.server(scene, points=3, copied=3) as server:
        one, other = scene.chance.sample(range(3), 2)
        hurt(_data_of(server, server.first, one), scene.chance, WAYS_OF_PACKS_BEFORE)
        hurt(_data_of(server, server.second, other), scene.chance, WAYS_OF_PACKS_BEFORE)
        points = set(server.ids())
        _verify(server, "second")
        assert server.copy().state is SessionState.SUCCESS
        run_healing(server.run(), "first")
        assert set(server.ids()) == points
        _verify(server, "first")
        _verify(server, "second")
        assert server.copy().state is SessionState.SUCCESS
        oracle.holds(server, scene.chance)


@contextmanager
def damaged(file: Path, chance: random.Random, ways: Sequence[str] = WAYS) -> Generator[str]:
    """Damage a file in one of some ways, and bring it back in the end; gives which."""
    content, mode = file.read_bytes(), file.stat().st_mode
    yield hurt(file, chance, ways)
    file.write_bytes(content)
    file.chmod(mode)


def hurt(file: Path, chance: random.Random, ways: Sequence[str]) -> str:
    """Damage a file in one of some ways; gives which."""
    content = file.read_bytes()
    how = chance.choice(ways)
    file.chmod(0o600)
    match how:
        case "changed":
            # What is at the very end of a pack is only read to find out what the pack holds.
            at = chance.randrange(len(content) // 2)
            file.write_bytes(content[:at] + bytes([content[at] ^ 1 << chance.randrange(8)]) + content[at + 1 :])
        case "cut short":
            file.write_bytes(content[: chance.randrange(len(content))])
        case _:
            file.unlink()
    return how


def _verify(server: RecordedServer, repository: str) -> None:
    server.clock.forward(minutes=1)
    run_verification(server.run(), repository, is_everything=True)


def _packs(repository: Path) -> list[Path]:
    """Give a repository's packs in the order in which they were made: of each point, two."""
    return sorted((path for path in (repository / "data").rglob("*") if path.is_file()), key=_age)


def _data_of(server: RecordedServer, repository: Path, number: int) -> Path:
    """Give the pack with the file of a point, by the point's number."""
    assert len(_packs(repository)) == 2 * len(server.ids())
    return max(_packs(repository)[2 * number : 2 * number + 2], key=lambda path: path.stat().st_size)


def _file_of(server: RecordedServer, kind: str, point: str, chance: random.Random) -> Path:
    """Choose a file; of packs and indexes, one that belongs to a point."""
    if kind == "config":
        return server.first / "config"
    if kind == "snapshots":
        return server.first / "snapshots" / point
    files = sorted((path for path in (server.first / kind).rglob("*") if path.is_file()), key=_age)
    if kind in {"data", "index"}:
        each = len(files) // len(server.ids())
        files = files[each : 2 * each]
    return chance.choice(files)


def _age(path: Path) -> float:
    return path.stat().st_mtime
