"""Record what each restic really writes, for tests to replay: python -m tests.restic.record FOLDER-OF-PROGRAMS.

Runs the installed restic and those in the folder, and replaces tests/restic/recorded.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tandem.restic import (
    backup,
    check,
    config,
    copy,
    forget,
    init,
    listing,
    locks,
    process,
    prune,
    restore,
    snapshots,
    version,
)
from tandem.restic.engine import Engine
from tandem.restic.process import Output, RepositoryAccess

RECORDED = Path(__file__).parent / "recorded"
FOLDER = Path("/tmp/tandem-recording")  # noqa: S108 - always the same, as the path is in what is recorded
SHARE = FOLDER / "share"
# A file that even root may not read, in a folder that has few others (Linux manual, ip-sysctl).
UNREADABLE = "/proc/sys/net/ipv4/route"
PASSWORD = "secret"
NOWHERE = "0" * 64


def main(folder: str) -> None:
    """Record all programs."""
    shutil.rmtree(RECORDED, ignore_errors=True)
    for program in ["restic", *sorted(str(path) for path in Path(folder).glob("restic-*"))]:
        engine = version.detect(program)
        shutil.rmtree(FOLDER, ignore_errors=True)
        target = RECORDED / ".".join(str(part) for part in engine.version)
        target.mkdir(parents=True)
        exit_codes: dict[str, int] = {}
        for name, result in scenes(engine):
            exit_codes[name] = result.exit_code
            for stream, text in (("stdout", result.stdout), ("stderr", result.stderr)):
                if text:
                    (target / f"{name}.{stream}").write_text(text.replace(os.uname().nodename, "nas1"))
        (target / "exit_codes.json").write_text(json.dumps(exit_codes, indent=2) + "\n")
    shutil.rmtree(FOLDER, ignore_errors=True)


def access(name: str, password: str = PASSWORD) -> RepositoryAccess:
    """Return one of the recorded repositories."""
    return RepositoryAccess(str(FOLDER / name), password, FOLDER / "cache")


def scenes(engine: Engine) -> Iterator[tuple[str, Output]]:
    """Yield the name and the output of each command, in an order in which they make sense."""
    source, target = access("source"), access("target")
    SHARE.mkdir(parents=True)
    yield "init", process.run(engine, init.flags(has_family=False), repository=source)
    yield (
        "init-family",
        process.run(engine, init.flags(has_family=True), repository=target, from_repository=source),
    )
    yield "init-exists", process.run(engine, init.flags(has_family=False), repository=source)
    yield "config", process.run(engine, config.flags(), repository=source)
    yield "config-missing", process.run(engine, config.flags(), repository=access("nowhere"))
    yield "config-wrong-password", process.run(engine, config.flags(), repository=access("source", "wrong"))
    yield "snapshots-none", process.run(engine, snapshots.flags(), repository=source)
    yield "snapshots-missing", process.run(engine, snapshots.flags(), repository=access("nowhere"))

    for number in (1, 2):
        (SHARE / f"{number}.bin").write_bytes(os.urandom(300_000))
        yield f"backup-{number}", process.run(engine, backup.flags(str(SHARE), host="nas1"), repository=source)
    yield "backup-unreadable", process.run(engine, backup.flags(UNREADABLE, host="nas1"), repository=source)
    yield "backup-gone", process.run(engine, backup.flags(str(FOLDER / "gone"), host="nas1"), repository=source)
    listed = process.run(engine, snapshots.flags(), repository=source)
    yield "snapshots", listed
    ids = [snapshot.id for snapshot in snapshots.parse(listed.stdout)]
    yield from copies(engine, ids)
    yield from ends(engine)
    yield from damages(engine, ids)


def copies(engine: Engine, ids: list[str]) -> Iterator[tuple[str, Output]]:
    """Yield what copying writes."""
    source, target = access("source"), access("target")
    for name, some in (("copy", ids[:2]), ("copy-again", ids[:2]), ("copy-gone", [NOWHERE])):
        yield name, process.run(engine, copy.flags(some), repository=target, from_repository=source)
    yield "snapshots-copied", process.run(engine, snapshots.flags(), repository=target)
    yield "list", process.run(engine, snapshots.id_flags(), repository=target)


def ends(engine: Engine) -> Iterator[tuple[str, Output]]:
    """Yield what locking, restoring and forgetting write."""
    target = access("target")
    point = snapshots.read(engine, target)[0]
    held: list[Output] = []

    def look(pid: int) -> None:
        while not (found := listing.lock_ids(FOLDER / "target")):
            time.sleep(0.001)
        os.kill(pid, signal.SIGSTOP)
        held.append(process.run(engine, locks.flags(found[0]), repository=target))
        held.append(process.run(engine, prune.flags(), repository=target))
        os.kill(pid, signal.SIGCONT)

    flags = backup.flags(str(SHARE), host="nas1")
    process.run(engine, flags, repository=target, control=process.Control(on_start=look))
    yield "lock", held[0]
    yield "locked", held[1]
    arguments = restore.flags(point.id, FOLDER / "out", verify=True, is_json=engine.has_restore_progress)
    yield "restore", process.run(engine, arguments, repository=target)
    yield "forget", process.run(engine, forget.flags([point.id]), repository=target)
    yield "forget-gone", process.run(engine, forget.flags([point.id]), repository=target)
    yield "prune", process.run(engine, prune.flags(), repository=target)
    yield "check", process.run(engine, check.flags(part=(1, 2)), repository=target)


def damages(engine: Engine, ids: list[str]) -> Iterator[tuple[str, Output]]:
    """Yield what damage makes restic write: to the pack with the second point's file, then with that pack gone."""
    source = access("source")
    pack = max((FOLDER / "source" / "data").rglob("*"), key=lambda path: (path.stat().st_size, path.stat().st_mtime_ns))
    content = pack.read_bytes()
    pack.chmod(0o600)
    pack.write_bytes(content[:1000] + bytes(100) + content[1100:])
    yield "check-damaged", process.run(engine, check.flags(read_all=True), repository=source)
    shutil.rmtree(FOLDER / "target" / "snapshots")
    (FOLDER / "target" / "snapshots").mkdir()
    process.run(engine, prune.flags(), repository=access("target"))
    yield (
        "copy-damaged",
        process.run(engine, copy.flags(ids[:2]), repository=access("target"), from_repository=source),
    )
    pack.unlink()
    yield "check-missing-pack", process.run(engine, check.flags(), repository=source)


if __name__ == "__main__":
    main(sys.argv[1])
