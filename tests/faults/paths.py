"""F24: names and kinds of files that trip programs up, copied and restored; and restores that lead astray."""

import os
import uuid
from pathlib import Path

from tandem.domain.sessions import SessionState
from tandem.protocol.messages import RestorePointTo
from tests.agent.backup_server import until
from tests.faults import oracle
from tests.faults.backup_servers import RecordedServer, Stage
from tests.faults.matrix import Scene
from tests.restic.trees import describe

LETTERS = [bytes([byte]) for byte in range(1, 256) if byte != ord("/")]
NAME_BYTES_MAX = 255


def strange_names(stage: Stage, scene: Scene) -> None:
    """Save names of any bytes and every kind of file; both copies restore them all, exactly."""
    with stage.server(scene) as server:
        _fill(server.share, scene)
        assert server.back_up().state is SessionState.SUCCESS
        assert server.copy().state is SessionState.SUCCESS
        for repository in (server.first, server.second):
            target = server.folder / f"restored from {repository.name}"
            assert _restore(server, repository, target) == ""
            assert describe(target) == describe(server.share)
        oracle.holds(server, scene.chance)


def astray(stage: Stage, scene: Scene) -> None:
    """Ask for restores into the repositories, the agent's memory, the system, and other files, by ways around."""
    with stage.server(scene, points=1, copied=1) as server:
        (server.folder / "link").symlink_to(server.first)
        (server.folder / "full").mkdir()
        (server.folder / "full" / "letter").write_text("mine")
        before = describe(server.first, but=frozenset({"locks"})), describe(server.folder / "full")
        ways = [
            server.first / "restored",
            server.folder / "link" / "restored",
            server.share / ".." / "second" / "restored",
            server.data / "restored",
            Path("/etc/tandem restored"),
            Path("/usr/../etc/tandem restored"),
            server.folder / "full",
            server.folder / "full" / "letter",
        ]
        for target in ways:
            assert _restore(server, server.first, target) != "", target
        assert (describe(server.first, but=frozenset({"locks"})), describe(server.folder / "full")) == before
        assert not Path("/etc/tandem restored").exists()
        oracle.holds(server, scene.chance)


def _fill(share: Path, scene: Scene) -> None:
    chance, here = scene.chance, os.fsencode(share)
    names = {
        b"two\nlines",
        b"not utf-8 \xff\xfe",
        "umlaut ü".encode(),
        "umlaut u\u0308".encode(),
        b" leading and trailing ",
        b"-n",
        b"*?[a]",
        b"back\\slash",
        b"\x1b[31mred",
        b"n" * NAME_BYTES_MAX,
        *(b"".join(chance.choices(LETTERS, k=chance.randint(1, NAME_BYTES_MAX))) for _ in range(20)),
    } - {b".", b".."}
    for name in names:
        _write(here + b"/" + name, chance.randbytes(100))
    deep = here
    for _ in range(40):
        deep += b"/" + b"d" * 50
    os.makedirs(deep)  # noqa: PTH103 - names may be any bytes
    _write(deep + b"/at the end", b"deep")
    _write(here + b"/empty", b"")
    _write(here + b"/nobody's", b"x", mode=0o000)
    _write(here + b"/program", b"x", mode=0o4755)
    with Path(os.fsdecode(here + b"/sparse")).open("wb") as sparse:
        sparse.truncate(2_000_000)
    os.link(here + b"/empty", here + b"/the same")
    (share / "no files").mkdir(mode=0o700)
    for link, target in (
        ("loop", "."),
        ("itself", "itself"),
        ("up", "../.."),
        ("nowhere", "not/there"),
        ("abs", "/etc"),
    ):
        (share / link).symlink_to(target)
    os.mkfifo(share / "pipe")
    for path in (share / "no files", share / "pipe", Path(os.fsdecode(here + b"/empty"))):
        os.utime(path, (chance.randrange(2**31), chance.randrange(2**31)))


def _write(path: bytes, content: bytes, mode: int = 0o640) -> None:
    file = Path(os.fsdecode(path))
    file.write_bytes(content)
    file.chmod(mode)


def _restore(server: RecordedServer, repository: Path, target: Path) -> str:
    """Restore the point of a repository; gives what was wrong."""
    (original,) = server.ids()
    snapshot = original if repository == server.first else server.copies()[original]
    order = RestorePointTo(
        session_uid=str(uuid.uuid4()),
        file_share_uid="share",
        repository_uid=repository.name,
        snapshot_id=snapshot,
        target_path=str(target),
    )
    refused = server.sessions.start_restore(order, server.configuration)
    if refused:
        return refused
    until(lambda: not server.sessions.is_running(order.session_uid))
    (session,) = [found for found in server.ended_sessions() if found.instance_uid == order.session_uid]
    return "" if session.state is SessionState.SUCCESS else "; ".join(session.messages)
