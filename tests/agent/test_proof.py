"""Copies that are read back: damage is found, healed without ever having less, and what is lost is named."""

import importlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tandem.agent import proof_memory
from tandem.agent.proofs import Proofs
from tandem.agent.run_drill import run_drill
from tandem.agent.run_healing import run_healing
from tandem.agent.run_verification import run_verification
from tandem.domain.drills import DrillResult
from tandem.domain.repositories import RepositoryState
from tandem.domain.restore_points import CopyState
from tandem.domain.sessions import SessionState, SessionType
from tandem.domain.verification import Part
from tandem.restic import packs, process
from tandem.restic.errors import ResticError
from tests.agent.backup_server import BackupServer, until


def pack_files(repository: Path) -> list[Path]:
    """Give the packs, the largest first: those hold file data."""
    return sorted(repository.glob("data/*/*"), key=lambda path: path.stat().st_size, reverse=True)


def damage(pack: Path) -> None:
    """Change some bytes in the middle of a pack; its size stays."""
    pack.chmod(0o600)
    content = bytearray(pack.read_bytes())
    middle = len(content) // 3
    content[middle : middle + 40] = bytes(40)
    pack.write_bytes(content)


def verify(server: BackupServer, repository: str, *, is_everything: bool = True) -> list[str]:
    """Run a verification; gives what it said."""
    run = server.run()
    run_verification(run, repository, is_everything=is_everything)
    return run.messages


def test_a_copy_is_verified_when_all_packs_were_read_since_it_was_made_and_not_before(server: BackupServer) -> None:
    point = server.save()
    server.copy()
    server.clock.forward(hours=1)
    verify(server, "second", is_everything=False)
    assert server.states() == {point: CopyState.COPIED}
    server.clock.forward(hours=1)
    read_at = server.clock.now
    verify(server, "second")
    entry = server.ledger()[point]
    assert (entry.state, entry.verified_at) == (CopyState.VERIFIED, read_at)
    later = server.save()
    server.copy()
    assert server.states() == {point: CopyState.VERIFIED, later: CopyState.COPIED}
    server.agrees()


class CutShort(BaseException):
    """The agent's end, in the middle of something."""


@pytest.mark.parametrize("how", ["damaged", "lost"])
def test_damage_in_a_copy_is_found_and_healed_from_the_source(server: BackupServer, how: str) -> None:
    first, second = server.save("one.txt"), server.save("two.txt")
    server.copy()
    before = {path.name for path in (server.second / "snapshots").iterdir()}
    pack = pack_files(server.second)[0]
    if how == "damaged":
        damage(pack)
    else:
        pack.unlink()
        # Restic asks for a lost pack again and again before it gives up: here another part is read.
        skipped = Part(int(pack.name[:2], 16) + 1, 256)
        rotation = proof_memory.rotation(server.state, "second", server.clock.now)
        server.clock.forward(hours=1)
        proof_memory.put_rotation(server.state, "second", rotation.after(skipped, server.clock.now))
    messages = verify(server, "second", is_everything=how == "damaged")
    states = server.states()
    assert CopyState.PENDING in states.values(), messages
    assert {path.name for path in (server.second / "snapshots").iterdir()} == before
    planned = server.state.next_run(server.copy_job.uid)
    assert planned is not None
    assert planned[0] == server.clock.now
    server.copy()
    assert set(server.states()) == {first, second}
    assert set(server.states().values()) == {CopyState.COPIED}
    verify(server, "second")
    assert not any((server.second / packs.ASIDE).glob("*"))
    assert set(server.states().values()) == {CopyState.VERIFIED}
    server.agrees()
    server.is_sound()
    assert proof_memory.rotation(server.state, "second", server.clock.now).proven_since == server.clock.now


def test_a_damaged_first_repository_is_told_and_healed_from_the_copy_when_asked(
    server: BackupServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [server.save("one.txt"), server.save("two.txt")]
    server.copy()
    damage(pack_files(server.first)[0])
    damaged_state = sorted(path.name for path in server.first.rglob("*") if path.is_file())
    assert any("nothing was changed" in message for message in verify(server, "first"))
    assert sorted(path.name for path in server.first.rglob("*") if path.is_file()) == damaged_state

    def die(*_arguments: object, **_options: object) -> None:
        raise CutShort

    with monkeypatch.context() as patch:
        # Data and points have been borrowed, and nothing is cleared away.
        patch.setattr("tandem.restic.forget.run", die)
        patch.setattr("tandem.restic.tag.remove", die)
        with pytest.raises(CutShort):
            run_healing(server.run(), "first")
    server.restart()
    run = server.run()
    run_healing(run, "first")
    assert run.messages[-1] == "All packs of repository first were read back; nothing is missing."
    assert set(server.ids()) == set(points)
    server.agrees()
    server.is_sound()
    verify(server, "first")
    assert all(point.verified_at == server.clock.now for point in server.points())
    assert not any((server.first / packs.ASIDE).glob("*"))


def test_damage_on_both_sides_is_healed_across_and_what_no_one_holds_is_named(server: BackupServer) -> None:
    old = server.save("one.txt")
    shared = server.save("two.txt")
    server.copy()
    packs_before = set(pack_files(server.first))
    alone = server.save("three.txt")
    only_here = max(set(pack_files(server.first)) - packs_before, key=lambda path: path.stat().st_size)
    # The first repository loses the data of one file and of the point that nobody copied; the copy that of another.
    first_packs, second_packs = pack_files(server.first), pack_files(server.second)
    one, other = (path for path in first_packs if path in packs_before and path.stat().st_size > 15_000)
    damage(one)
    damage(only_here)
    damage(next(path for path in second_packs if not _holds_the_same(server, path, one)))
    verify(server, "second")
    server.copy()
    healed_copies = {uid for uid, state in server.states().items() if state is CopyState.COPIED}
    run = server.run()
    run_healing(run, "first")
    assert healed_copies == {old, shared}, server.ledger()
    assert other.exists()
    damaged = {point.snapshot_id for point in server.points() if point.damaged_at is not None}
    assert damaged == {alone}
    assert server.reported_points()[alone].damaged_at == server.clock.now
    assert "2 restore points of repository first are whole again; 1 are not." in run.messages[-1], run.messages
    assert (server.first / packs.ASIDE / only_here.name).exists()
    server.is_sound_at(server.second)
    # What cannot be healed does not keep the rest from being verified.
    server.clock.forward(hours=1)
    verify(server, "first")
    assert {point.snapshot_id: point.verified_at is not None for point in server.points()} == {
        old: True,
        shared: True,
        alone: False,
    }


def _holds_the_same(server: BackupServer, one: Path, other: Path) -> bool:
    """Say whether two packs, of the two repositories, hold the same file data."""
    indexed = [_blobs(server, repository, pack) for repository, pack in ((server.second, one), (server.first, other))]
    return bool(indexed[0] & indexed[1])


def _blobs(server: BackupServer, repository: Path, pack: Path) -> set[str]:
    found: set[str] = set()
    for index in (repository / "index").iterdir():
        output = process.run(
            server.engine, ["cat", "index", index.name, "--no-lock"], repository=server.access(repository)
        )
        for entry in json.loads(output.stdout)["packs"]:
            if entry["id"] == pack.name:
                found |= {blob["id"] for blob in entry["blobs"]}
    return found


@pytest.mark.parametrize("where", ["repair_index.run", "tag.add", "copy.run"])
def test_a_crash_in_the_middle_of_healing_costs_nothing(
    server: BackupServer, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = server.save()
    server.copy()
    damage(pack_files(server.second)[0])

    def heal() -> None:
        verify(server, "second")
        server.copy_here()

    module, name = where.split(".")
    original = getattr(importlib.import_module(f"tandem.restic.{module}"), name)

    def cut_short(*arguments: Any, **options: Any) -> None:
        original(*arguments, **options)
        raise CutShort

    with monkeypatch.context() as patch:
        patch.setattr(f"tandem.restic.{where}", cut_short)
        with pytest.raises(CutShort):
            heal()
    # What is left of the copy is there until a whole one is.
    assert list((server.second / "snapshots").iterdir())
    server.restart()
    heal()
    assert server.states()[point].is_held
    server.copy_here()
    verify(server, "second")
    server.agrees()
    server.is_sound()


def test_a_drill_restores_from_the_copy_alone_and_finds_a_difference(server: BackupServer) -> None:
    server.write("folder/[odd] *name?.txt", b"odd")
    point = server.save()
    server.copy()
    run = server.run()
    run_drill(run, server.copy_job, server.data)
    entry = server.ledger()[point]
    assert (entry.drill_result, entry.drilled_at) == (DrillResult.SAME, server.clock.now), run.messages
    assert run.statistics.files_total == 3
    assert not (server.data / "drills" / server.copy_job.uid).exists()
    damage(pack_files(server.second)[0])
    with pytest.raises(ResticError):
        run_drill(server.run(), server.copy_job, server.data, None)
    assert server.ledger()[point].drill_result is DrillResult.FAILED
    assert not (server.data / "drills" / server.copy_job.uid).exists()
    assert server.reported_ledger() == server.ledger()


def test_verifications_and_drills_start_by_themselves_and_a_late_one_is_told(server: BackupServer) -> None:
    proofs = Proofs(server.means, server.sessions, server.data)

    def due() -> list[tuple[SessionType, SessionState]]:
        before = len(server.ended_sessions())
        proofs.start_due(server.configuration)
        until(lambda: not server.state.open_sessions())
        return sorted((session.type, session.state) for session in server.ended_sessions()[before:])

    server.configure(
        jobs=[msgspec.structs.replace(job, drill_every_days=30) for job in server.configuration.jobs],
        repositories=[
            # What the console said when it sent this: they may have been opened since, or be so by this.
            msgspec.structs.replace(one, verify_every_days=2, state=RepositoryState.FAILED)
            for one in server.configuration.repositories
        ],
    )
    server.save()
    server.copy()
    assert due() == []
    server.clock.forward(days=1.9)
    assert due() == [(SessionType.VERIFICATION, SessionState.SUCCESS)] * 2
    server.clock.forward(minutes=5)
    assert due() == []
    server.clock.forward(days=29)
    session = server.copy()
    assert session.state is SessionState.WARNING
    assert "is overdue by 27 days" in session.messages[0]
    ended = due()
    assert (SessionType.DRILL, SessionState.SUCCESS) in ended
    assert (SessionType.VERIFICATION, SessionState.SUCCESS) in ended
    server.clock.forward(minutes=5)
    assert due() == []
    assert server.copy().state is SessionState.SUCCESS
