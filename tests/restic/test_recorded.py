"""What each version of restic really wrote, read as we read it."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tandem.restic import backup, check, config, copy, exit_codes, ids, locks, output, restore, snapshots
from tandem.restic.engine import Engine
from tandem.restic.errors import RepositoryLocked, RepositoryMissing, ResticError, WrongPassword
from tandem.restic.process import Output

RECORDED = Path(__file__).parent / "recorded"

Replay = Callable[[str], Output]


@pytest.fixture(params=sorted(path.name for path in RECORDED.iterdir()))
def engine(request: pytest.FixtureRequest) -> Engine:
    major, minor, patch = request.param.split(".")
    return Engine("restic", (int(major), int(minor), int(patch)))


@pytest.fixture
def replay(engine: Engine) -> Replay:
    folder = RECORDED / ".".join(str(part) for part in engine.version)
    codes = json.loads((folder / "exit_codes.json").read_text())

    def read(name: str) -> str:
        path = folder / name
        return path.read_text() if path.exists() else ""

    return lambda name: Output(codes[name], read(f"{name}.stdout"), read(f"{name}.stderr"))


@pytest.mark.parametrize(
    ("scene", "expected"),
    [
        ("config-missing", RepositoryMissing),
        ("snapshots-missing", RepositoryMissing),
        ("config-wrong-password", WrongPassword),
        ("locked", RepositoryLocked),
        ("backup-gone", ResticError),
        ("copy-damaged", ResticError),
    ],
)
def test_each_failure_is_told_from_the_others(
    engine: Engine, replay: Replay, scene: str, expected: type[ResticError]
) -> None:
    with pytest.raises(ResticError) as caught:
        exit_codes.check(engine, replay(scene))
    assert type(caught.value) is expected
    assert caught.value.exit_code == replay(scene).exit_code


def test_a_failure_says_why(engine: Engine, replay: Replay) -> None:
    for scene, words in (
        ("backup-gone", "directories/files do not exist"),
        ("copy-damaged", "ciphertext verification failed"),
        ("locked", "locked by PID"),
        ("config-missing", "no such file or directory"),
    ):
        with pytest.raises(ResticError, match=words):
            exit_codes.check(engine, replay(scene))


def test_a_point_without_some_files_is_not_complete(engine: Engine, replay: Replay) -> None:
    result = replay("backup-unreadable")
    exit_codes.check(engine, result, allowed=frozenset({0, exit_codes.PARTLY_UNREADABLE}))
    with pytest.raises(ResticError):
        exit_codes.check(engine, result)
    (sentence,) = backup.unreadable(result.stderr)
    assert "/proc/sys/net/ipv4/route/flush: " in sentence
    assert "permission denied" in sentence.lower()


def test_a_backup_ends_with_its_numbers(replay: Replay) -> None:
    (summary,) = filter(None, (output.message(line, backup.Summary) for line in replay("backup-2").stdout.splitlines()))
    assert (summary.files_new, summary.files_unmodified, summary.total_bytes_processed) == (1, 1, 600_000)
    assert summary.data_added > 300_000
    known = [snapshot.id for snapshot in snapshots.parse(replay("snapshots").stdout)]
    assert ids.resolve(summary.snapshot_id, known) == known[1]


def test_points_are_listed_with_their_time(replay: Replay) -> None:
    first, second, *_ = snapshots.parse(replay("snapshots").stdout)
    assert first.time < second.time
    assert first.time.utcoffset() == timedelta(0)
    assert first.paths == ("/tmp/tandem-recording/share",)  # noqa: S108
    assert (first.hostname, first.original, first.tags) == ("nas1", None, ())
    assert snapshots.parse(replay("snapshots-none").stdout) == []


def test_a_copy_keeps_the_content_and_the_first_id(replay: Replay) -> None:
    source = snapshots.parse(replay("snapshots").stdout)[:2]
    copies = snapshots.parse(replay("snapshots-copied").stdout)
    assert [each.original for each in copies] == [each.id for each in source]
    assert [each.tree for each in copies] == [each.tree for each in source]
    assert sorted(replay("list").stdout.split()) == sorted(each.id for each in copies)


def test_each_copied_point_is_reported(replay: Replay) -> None:
    wanted = [snapshot.id for snapshot in snapshots.parse(replay("snapshots").stdout)]
    copies = {each.original: each.id for each in snapshots.parse(replay("snapshots-copied").stdout)}
    for scene, was_there in (("copy", False), ("copy-again", True)):
        reader = copy.Reader(wanted)
        for line in replay(scene).stdout.splitlines():
            reader.feed(line)
        assert [each.source_id for each in reader.copied] == wanted[:2]
        assert [copies[each.source_id].startswith(each.target_id) for each in reader.copied] == [True, True]
        assert [each.was_there for each in reader.copied] == [was_there, was_there]


def test_a_copy_that_copied_nothing_reports_nothing(replay: Replay) -> None:
    assert replay("copy-gone").exit_code == 0
    reader = copy.Reader(["0" * 64])
    for line in replay("copy-gone").stdout.splitlines():
        reader.feed(line)
    assert reader.copied == []


def test_a_copy_that_broke_reports_what_was_saved_before(engine: Engine, replay: Replay) -> None:
    wanted = [snapshot.id for snapshot in snapshots.parse(replay("snapshots").stdout)]
    progress: list[tuple[int, int]] = []
    reader = copy.Reader(wanted, on_progress=lambda done, total: progress.append((done, total)))
    for line in replay("copy-damaged").stdout.splitlines():
        reader.feed(line)
    in_batches = engine.version >= (0, 19, 0)
    assert [each.source_id for each in reader.copied] == ([] if in_batches else wanted[:1])
    assert progress[0] == (2, 2)


def test_damage_is_a_finding(engine: Engine, replay: Replay) -> None:
    exit_codes.check(engine, replay("check"))
    for scene in ("check-damaged", "check-missing-pack"):
        result = replay(scene)
        assert output.reason(result.stderr) == check.DAMAGED
        (finding,) = check.findings(result.stderr)
        assert "ack" in finding
        assert "repair" not in finding


def test_a_lock_says_whose_it_is(replay: Replay) -> None:
    lock = locks.parse("0" * 64, replay("lock").stdout)
    assert (lock.hostname, lock.username, lock.exclusive) == ("nas1", "root", False)
    assert lock.pid > 1
    assert isinstance(lock.time, datetime)
    assert lock.time.tzinfo is not None


def test_a_repository_says_which_it_is(replay: Replay) -> None:
    found = config.parse(replay("config").stdout)
    assert ids.is_full(found.id)
    assert found.version == 2
    with pytest.raises(ResticError, match="cannot be read"):
        config.parse("")


def test_a_restore_tells_how_far_it_is(engine: Engine) -> None:
    line = '{"message_type":"status","percent_done":0.5,"total_files":4,"files_restored":2,"total_bytes":10}'
    assert output.message(line, restore.Progress) == restore.Progress(0.5, 4, 2, 10, 0)
    assert engine.has_restore_progress == (engine.version > (0, 14, 0))


def test_a_refused_login_is_not_a_missing_repository() -> None:
    refused = "Fatal: unable to open config file: unexpected HTTP response (401): 401 Unauthorized\n"
    with pytest.raises(ResticError) as caught:
        exit_codes.check(Engine("restic", (0, 14, 0)), Output(1, "", refused))
    assert not isinstance(caught.value, RepositoryMissing)


@pytest.mark.parametrize("code", [1, 2, 3, 4, 99, 127, 130, -9, -15])
def test_an_exit_code_that_nobody_knows_is_a_failure(code: int) -> None:
    with pytest.raises(ResticError):
        exit_codes.check(Engine("restic", (9, 9, 9)), Output(code, "", ""))
