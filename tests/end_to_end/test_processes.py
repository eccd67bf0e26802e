"""What a newcomer and an operator do, with the processes that they start."""

import json
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.restic.trees import describe
from tests.running import Site, free_port, running_site, tandem

SHARE_BYTES = 2_000_000


@pytest.fixture(scope="module")
def small_site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with running_site(tmp_path_factory.mktemp("site"), share_bytes=SHARE_BYTES) as made:
        yield made


def test_the_first_command_of_the_readme_does_the_main_job_and_goes_on_at_its_second_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    for points in (1, 2):
        done = tandem("up", "--data", data, "--port", free_port(), "--once")
        assert done.returncode == 0, done.stdout + done.stderr
        answer = json.loads(done.stdout[done.stdout.index("\n{\n") : done.stdout.index("\n}\n") + 2])
        assert answer["meta"]["pagingInfo"] == {"total": 1, "count": 1, "offset": 0}
        assert [sorted(row) for row in answer["data"]] == [
            ["instanceUid", "retention", "retentionUnit", "sourceFileShareJobUid", "targetRepositoryUid"]
        ]
        assert answer["data"][0]["retentionUnit"] == "days"
        assert len(list((data / "repositories" / "second" / "snapshots").iterdir())) == points
    assert "--from copy --to" in done.stdout


def test_a_share_that_does_not_exist_is_told_and_ends_in_failure(tmp_path: Path) -> None:
    done = tandem("up", "--data", tmp_path, "--port", free_port(), "--once", "--share", "/nothing/there")

    assert done.returncode == 1
    assert "/nothing/there does not exist" in " ".join(done.stdout.split())


def test_both_databases_serve_a_backup_its_copy_and_the_restore_of_it(tmp_path: Path, database_url: str) -> None:
    with running_site(tmp_path, share_bytes=SHARE_BYTES, database=database_url) as site:
        assert site.run_job(site.backup)["status"] == "Success"
        assert site.run_job(site.copy)["status"] == "Success"
        site.is_sound()
        target = tmp_path / "restored"
        assert site.restore(site.points()[0], "second", target)["status"] == "Success"
        assert describe(target) == describe(site.share)


def test_a_point_restored_over_other_files_would_overwrite_them_so_it_is_refused(small_site: Site) -> None:
    assert small_site.run_job(small_site.backup)["status"] == "Success"
    target = small_site.folder / "mine"
    target.mkdir()
    (target / "letter.txt").write_text("mine")

    session = small_site.restore(small_site.points()[0], "first", target)

    assert session["status"] == "Failed"
    assert "is not empty" in session["messages"][0]
    assert [path.name for path in target.iterdir()] == ["letter.txt"]


def test_the_files_that_hold_keys_can_be_read_by_their_owner_only(small_site: Site) -> None:
    console, agent = small_site.console.data / "console", small_site.agent.data / "agent"
    private = [console / "seal.key", console / "certificate-key.pem", agent / "identity.json", agent / "seal.key"]

    assert [oct(path.stat().st_mode & 0o777) for path in private] == ["0o600"] * 4


def test_an_agent_that_has_not_enrolled_says_how_to(tmp_path: Path) -> None:
    done = tandem("agent", "run", "--data", tmp_path)

    assert done.returncode == 1
    assert "tandem agent enroll" in done.stderr
