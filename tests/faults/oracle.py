"""What must hold after whatever went wrong: asked of the repositories themselves, of memory, reports and files."""

import random
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from tandem.domain.restore_points import CopyState
from tandem.domain.retention import Retention
from tandem.domain.sessions import SessionState
from tandem.protocol.messages import RestorePointTo
from tandem.restic import check, listing
from tandem.restic.ids import is_full
from tests.agent.backup_server import until
from tests.faults.backup_servers import RecordedServer
from tests.restic.trees import describe
from tests.running import command_lines


def holds(server: RecordedServer, chance: random.Random, *, policy: set[str] | None = None) -> None:
    """Check a backup server whose last runs succeeded: all of it, after any fault that is over.

    Args:
        server: which.
        chance: chooses the point that is restored.
        policy: the points that the copy must hold, if its retention has changed on the way.
    """
    is_quiet(server)
    server.agrees()
    _as_the_rules_say(server, policy)
    for repository in (server.first, server.second):
        is_whole(server, repository)
    restores(server, chance)
    shows_no_secret(server)


def is_quiet(server: RecordedServer) -> None:
    """Check that no session is stuck, no restic of ours is at work, and nobody locks a repository."""
    marks = str(server.data / "cache").encode()
    # A run may be followed by one that reads back what is there; it ends by itself.
    until(lambda: server.state.open_sessions() == [])
    until(lambda: [line for _pid, line in command_lines() if marks in line] == [])
    for repository in (server.first, server.second):
        # What a killed restic had only begun to write locks nobody.
        locks = [path for path in (repository / "locks").iterdir() if is_full(path.name)]
        assert locks == [], f"{repository.name} is locked"


def is_whole(server: RecordedServer, repository: Path) -> None:
    """Check that every byte of a repository reads back."""
    report = check.run(server.engine, server.access(repository), read_all=True)
    assert report.is_clean, report.errors


def is_damaged(server: RecordedServer, repository: Path) -> None:
    """Check that restic itself finds the damage that was done."""
    report = check.run(server.engine, server.access(repository), read_all=True)
    assert not report.is_clean
    assert report.errors


def restores(server: RecordedServer, chance: random.Random) -> None:
    """Restore a point from one of the repositories that hold it, and compare it byte for byte with its share."""
    held = [(snapshot, "first", snapshot) for snapshot in listing.snapshot_ids(server.first)]
    held += [(original, "second", copied) for original, copied in server.copies().items()]
    known = [each for each in sorted(held) if each[0] in server.contents]
    if not known:
        return
    original, repository, snapshot = chance.choice(known)
    target = server.folder / f"restored {uuid.uuid4()}"
    order = RestorePointTo(
        session_uid=str(uuid.uuid4()),
        file_share_uid="share",
        repository_uid=repository,
        snapshot_id=snapshot,
        target_path=str(target),
    )
    assert server.sessions.start_restore(order, server.configuration) == ""
    until(lambda: not server.sessions.is_running(order.session_uid))
    (session,) = [found for found in server.ended_sessions() if found.instance_uid == order.session_uid]
    assert session.state is SessionState.SUCCESS, session.messages
    assert describe(target) == server.contents[original], f"{snapshot} of {repository} restores something else"


def shows_no_secret(server: RecordedServer) -> None:
    """Check that no file of the agent's holds a password."""
    secrets = {server.access(repository).password for repository in (server.first, server.second)}
    assert places_of(secrets, [server.data]) == []


def places_of(secrets: Iterable[str], folders: Iterable[Path]) -> list[str]:
    """Give the files below some folders that hold one of some secrets."""
    wanted = [secret.encode() for secret in secrets]
    found: list[str] = []
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                found += [str(path) for secret in wanted if secret in content]
    return found


def _as_the_rules_say(server: RecordedServer, policy: set[str] | None) -> None:
    made = {point.snapshot_id: point.created_at for point in server.points()}
    assert set(made) == _kept(made, made, server.backup_job.retention, server)
    held = set(server.copies())
    if policy is not None:
        assert held == policy
        return
    states = server.states()
    refused = {uid for uid, state in states.items() if state is CopyState.QUARANTINED}
    ages = made | {uid: entry.created_at for uid, entry in server.ledger().items()}
    rule = server.copy_job.retention
    assert _kept(made, made, rule, server) - refused <= held, "a point is missing from the copy"
    assert held == _kept(held, ages, rule, server), "the copy holds a point that its retention does not keep"


def _kept(points: Iterable[str], made: Mapping[str, datetime], rule: Retention, server: RecordedServer) -> set[str]:
    """Work out anew what a rule keeps: what is young enough, and the newest."""
    some = sorted(points, key=lambda uid: (made[uid], uid))
    return {uid for uid in some if uid == some[-1] or rule.expires_at(made[uid]) > server.clock.now}
