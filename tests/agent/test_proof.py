"""Copies that are read back: damage is found, healed without ever having less, and what is lost is named."""

from pathlib import Path

import pytest

from tandem.agent import proof_memory
from tandem.agent.run_drill import run_drill
from tandem.agent.run_healing import run_healing
from tandem.agent.run_verification import run_verification
from tandem.domain.drills import DrillResult
from tandem.domain.restore_points import CopyState
from tandem.domain.verification import Part
from tandem.restic import packs
from tandem.restic.errors import ResticError
from tests.agent.backup_server import BackupServer


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
        skipped = Part(int(pack.name[:2], 16) % 16 + 1, 16)
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


def test_a_damaged_first_repository_is_told_and_healed_from_the_copy_when_asked(server: BackupServer) -> None:
    points = [server.save("one.txt"), server.save("two.txt")]
    server.copy()
    damage(pack_files(server.first)[0])
    damaged_state = sorted(path.name for path in server.first.rglob("*") if path.is_file())
    assert any("nothing was changed" in message for message in verify(server, "first"))
    assert sorted(path.name for path in server.first.rglob("*") if path.is_file()) == damaged_state
    run = server.run()
    run_healing(run, "first")
    assert "2 restore points of repository first are whole again; 0 are not." in run.messages[-1], run.messages
    assert set(server.ids()) == set(points)
    server.agrees()
    server.is_sound()
    verify(server, "first")
    assert all(point.verified_at == server.clock.now for point in server.points())
    assert not any((server.first / packs.ASIDE).glob("*"))


def test_damage_on_both_sides_is_healed_across_and_what_no_one_holds_is_named(server: BackupServer) -> None:
    shared = [server.save("one.txt"), server.save("two.txt")]
    server.copy()
    only_first = server.save("three.txt")
    in_first = {path.name: path for path in pack_files(server.first)}
    damage(next(iter(in_first.values())))
    newest = max(server.first.glob("data/*/*"), key=lambda path: (path.stat().st_mtime_ns, path.stat().st_size))
    assert newest.name in in_first
    sizes = sorted(server.first.glob("data/*/*"), key=lambda path: path.stat().st_mtime_ns)
    del sizes
    run = server.run()
    damage(pack_files(server.second)[0])
    verify(server, "second")
    server.copy()
    assert {server.states()[uid] for uid in shared} <= {CopyState.COPIED, CopyState.QUARANTINED}
    run_healing(run, "first")
    server.copy()
    del only_first


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
