"""F6 and F7: disks that are full, or not to be written to: the target's, the one of temporary files, the source's."""

import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import Session, SessionState
from tests.agent.backup_server import random_bytes
from tests.faults import oracle
from tests.faults.backup_servers import Content, RecordedServer, Stage
from tests.faults.matrix import Scene, Skipped

BIG = 1_500_000
DISK_BYTES = 8_000_000
NOT_WRITTEN = "The target repository cannot be written"


def full_target(stage: Stage, scene: Scene) -> None:
    """Fill the target's disk, so that a copy meets its end at a random moment: by bytes, then by files."""
    with stage.server(scene, points=2, copied=1) as server, mounted(server.second, f"size={DISK_BYTES}"):
        for number in range(2):
            _save_big(server, scene, f"big {number}.bin")
        source = server.source()
        filler = server.second / "data" / "filler"
        left = scene.chance.randrange(2 * BIG - 200_000)
        filler.write_bytes(bytes(shutil.disk_usage(server.second).free - left))
        for _ in range(2):
            _is_refused(server, server.copy(), NOT_WRITTEN, "no space left on device")
        filler.unlink()
        _ends_well(server, scene, source)
        server.save()
        source = server.source()
        for number in range(256):
            # As `restic init` makes them: without one, restic goes on trying to write into it for a quarter of an hour.
            (server.second / "data" / f"{number:02x}").mkdir(exist_ok=True)
        files = 1 + sum(1 for _path in server.second.rglob("*"))
        remount(server.second, f"nr_inodes={files + scene.chance.randint(1, 3)}")
        _is_refused(server, server.copy(), NOT_WRITTEN, "no space left on device")
        remount(server.second, "nr_inodes=10000")
        _ends_well(server, scene, source)


def full_temporary_files(stage: Stage, scene: Scene) -> None:
    """Let restic find no room for its temporary files."""
    with (
        stage.server(scene, points=2, copied=1) as server,
        mounted(server.folder / "temporary", "size=1000000") as disk,
    ):
        _save_big(server, scene, "big.bin")
        source = server.source()
        (disk / "filler").write_bytes(bytes(scene.chance.randrange(500_000, 950_000)))
        before, tempfile.tempdir = tempfile.tempdir, str(disk)
        try:
            _is_refused(server, server.copy(), "no space left on device", str(disk))
        finally:
            tempfile.tempdir = before
        _ends_well(server, scene, source)


def unwritable_source(stage: Stage, scene: Scene) -> None:
    """Let the source be full, then turn read-only for a moment of a copy, then be read-only from the start."""
    with stage.server(scene, points=2, copied=1) as server, mounted(server.first, f"size={DISK_BYTES}"):
        _save_big(server, scene, "big.bin")
        filler = server.first / "data" / "filler"
        filler.write_bytes(bytes(shutil.disk_usage(server.first).free))
        _is_refused(server, server.copy(), str(server.first), "no space left on device")
        filler.unlink()
        source = server.source()
        # Restic goes on for a quarter of an hour trying to remove its lock; here it may before long.
        turns = [Timer(seconds, remount, [server.first, to]) for seconds, to in _moment(scene)]
        for turn in turns:
            turn.start()
        session = server.copy()
        for turn in turns:
            turn.join()
        assert session.state in {SessionState.FAILED, SessionState.SUCCESS}, session.messages
        remount(server.first, "ro")
        session = server.copy()
        assert session.state in {SessionState.FAILED, SessionState.SUCCESS}, session.messages
        assert CopyState.QUARANTINED not in server.states().values()
        remount(server.first, "rw")
        _ends_well(server, scene, source)


@contextmanager
def mounted(folder: Path, options: str) -> Generator[Path]:
    """Put a folder onto a disk of its own, made with some options of tmpfs; there is no other way to fill one."""
    aside = folder.with_name(f"{folder.name} aside")
    folder.mkdir(exist_ok=True)
    folder.rename(aside)
    folder.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", folder], check=False, capture_output=True
    ).returncode:
        raise Skipped("nothing may be mounted here")
    try:
        shutil.copytree(aside, folder, dirs_exist_ok=True)
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, options: str) -> None:
    """Change a disk's options."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def _moment(scene: Scene) -> list[tuple[float, str]]:
    start = scene.chance.uniform(0, 0.4)
    return [(start, "ro"), (start + 0.5, "rw")]


def _save_big(server: RecordedServer, scene: Scene, name: str) -> None:
    server.save(name, random_bytes(scene.chance.random(), size=BIG))
    (server.share / name).unlink()


def _is_refused(server: RecordedServer, session: Session, *words: str) -> None:
    """Check that a copy failed in plain words, blamed no point, and left both sides unlocked and known."""
    assert session.state is SessionState.FAILED, session.messages
    assert all(some in session.messages[-1] for some in words), session.messages
    assert CopyState.QUARANTINED not in server.states().values()
    oracle.is_quiet(server)
    server.agrees()


def _ends_well(server: RecordedServer, scene: Scene, source: Content) -> None:
    session = server.copy()
    assert session.state is SessionState.SUCCESS, session.messages
    assert server.source() == source
    oracle.holds(server, scene.chance)
