"""Whatever happens in whatever order: copies, ledger and policy agree after each run, and both sides are sound."""

import os
import random
import signal
from collections.abc import Callable
from datetime import datetime
from threading import Event, Timer

import msgspec
import pytest

from tandem.domain.holds import Hold, HoldReason
from tandem.domain.retention import Retention, RetentionUnit
from tandem.domain.sessions import SessionState
from tandem.restic import listing
from tandem.restic.process import Control
from tests.agent.backup_server import BackupServer
from tests.agent.conftest import Stage
from tests.agent.test_crashes import dies_after
from tests.rounds import LONG, rounds

STEPS = 14
RETENTIONS = [
    Retention(3, RetentionUnit.HOURS),
    Retention(1, RetentionUnit.DAYS),
    Retention(4, RetentionUnit.DAYS),
    Retention(1, RetentionUnit.MONTHS),
]
PAUSES = [{"minutes": 10}, {"hours": 5}, {"days": 1}, {"days": 3}]


class Policy:
    """What a copy should hold, worked out anew from the rule and never from the agent's own ledger."""

    def __init__(self) -> None:
        self.held: set[str] = set()
        self._over: set[str] = set()
        self._made: dict[str, datetime] = {}

    def apply(self, server: BackupServer) -> None:
        """Let a copy run take place."""
        self._made |= {point.snapshot_id: point.created_at for point in server.points()}
        there = set(server.ids())
        wanted = self._kept(server, there) - self._over
        self._over |= there - wanted - self.held
        arrived = self.held | wanted
        self.held = self._kept(server, arrived)
        self._over |= arrived - self.held

    def _kept(self, server: BackupServer, points: set[str]) -> set[str]:
        rule, now = server.copy_job.retention, server.clock.now
        newest = max(points, key=lambda uid: (self._made[uid], uid), default=None)
        return {uid for uid in points if uid == newest or rule.expires_at(self._made[uid]) > now}


@LONG
def test_copies_ledger_and_policy_agree_after_every_run(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for chance in rounds(1):
        server = stage.set_up("new", lambda _server: None)
        policy = Policy()
        server.save()
        for _ in range(STEPS):
            take_a_step(server, policy, chance, monkeypatch)
        server.clock.forward(days=1)
        copy_and_compare(server, policy)
        server.is_sound()
        server.state.close()


def take_a_step(server: BackupServer, policy: Policy, chance: random.Random, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let something happen."""
    server.clock.forward(**chance.choice(PAUSES))
    match chance.choice(["save", "save", "save", "copy", "copy", "keep", "die", "kill"]):
        case "save":
            server.write(f"{chance.randrange(3)}.bin", chance.randbytes(chance.choice([10, 10_000, 200_000])))
            back_up_and_compare(server)
        case "copy":
            copy_and_compare(server, policy)
        case "keep":
            server.keep(backup=chance.choice(RETENTIONS), copies=chance.choice(RETENTIONS))
        case "die":
            if chance.random() < 0.5:
                dies_after(server, chance.randint(1, 6), server.back_up_here)
                back_up_and_compare(server)
            else:
                dies_after(server, chance.randint(1, 9), server.copy_here)
            copy_and_compare(server, policy)
        case _:
            job = chance.choice([server.backup_job, server.copy_job])
            with monkeypatch.context() as changed:
                changed.setattr(server.processes, "control", killing(server, chance))
                server.run_job(job)
            if job is server.backup_job:
                back_up_and_compare(server)
            copy_and_compare(server, policy)


def back_up_and_compare(server: BackupServer) -> None:
    """Run the backup, and look whether the first repository holds what its retention says."""
    session = server.back_up()
    hold = server.state.note(server.backup_job.uid, Hold)
    if hold is not None:
        # A point that a killed restic left behind is dated by the real clock, long before the points of this history.
        assert {cause.reason for cause in hold.causes} == {HoldReason.BACK_DATED}
        released = msgspec.structs.replace(server.backup_job, released_hold=hold.uid)
        server.configure(jobs=[released, *server.configuration.jobs[1:]])
        session = server.back_up()
    assert session.state is SessionState.SUCCESS, session.messages
    rule, points = server.backup_job.retention, server.points()
    for point in points[:-1]:
        assert rule.expires_at(point.created_at) > server.clock.now
    assert set(server.ids()) == set(listing.snapshot_ids(server.first))


def copy_and_compare(server: BackupServer, policy: Policy) -> None:
    """Run the copy, after what may have been a crash, and look whether it holds what its retention says."""
    policy.apply(server)
    session = server.copy()
    assert session.state is SessionState.SUCCESS, session.messages
    assert set(server.copies()) == policy.held
    server.agrees()
    assert server.copy().statistics.restic_processes == 0


def killing(server: BackupServer, chance: random.Random) -> Callable[[Event, Callable[[], None]], Control]:
    """Give what kills each restic after a moment, if it takes that long."""
    watch = server.processes.control

    def watch_and_kill(stop: Event, on_count: Callable[[], None]) -> Control:
        watching = watch(stop, on_count)

        def on_start(pid: int) -> None:
            assert watching.on_start is not None
            watching.on_start(pid)
            timer = Timer(chance.uniform(0, 0.5), kill, [pid])
            timer.daemon = True
            timer.start()

        return Control(on_start=on_start, stop=stop)

    return watch_and_kill


def kill(pid: int) -> None:
    """End a process, if it has not ended by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
