"""Real restics and tiny repositories to try them on."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tandem.restic import backup, version
from tandem.restic.engine import Engine
from tandem.restic.process import RepositoryAccess
from tests.restic import quick_repository

VERSIONS_FOLDER = os.environ.get("TANDEM_TEST_RESTIC_VERSIONS")
PASSWORD = "canary-of-the-source"
TARGET_PASSWORD = "canary-of-the-target"


def programs() -> list[str]:
    """Return the installed restic, and those that fetch_versions.sh left in a folder, if one is named."""
    fetched = sorted(Path(VERSIONS_FOLDER).glob("restic-*")) if VERSIONS_FOLDER else []
    return ["restic", *(str(path.resolve()) for path in fetched if path.is_file())]


@dataclass(frozen=True)
class Pair:
    """A share, the repository that it is backed up to, and the one that its points are copied to."""

    engine: Engine
    share: Path
    source: RepositoryAccess
    target: RepositoryAccess

    @property
    def source_folder(self) -> Path:
        return Path(self.source.location)

    @property
    def target_folder(self) -> Path:
        return Path(self.target.location)

    def save(self, name: str = "notes.txt", content: bytes | None = None) -> str:
        """Write a file into the share, random if not said, back the share up, and return the point's id."""
        (self.share / name).write_bytes(os.urandom(20_000) if content is None else content)
        return backup.run(self.engine, self.source, str(self.share), host="nas1").snapshot_id


@pytest.fixture(scope="session", params=programs(), ids=os.path.basename)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each restic there is: a test that asks runs on all of them."""
    return version.detect(request.param)


@pytest.fixture
def pair(engine: Engine, tmp_path: Path) -> Iterator[Pair]:
    """A share with a file, and two empty repositories."""
    quick_repository.create(tmp_path / "source", PASSWORD)
    quick_repository.create(tmp_path / "target", TARGET_PASSWORD)
    share = tmp_path / "share"
    share.mkdir()
    (share / "hello.txt").write_text("hello\n")
    yield Pair(
        engine,
        share,
        RepositoryAccess(str(tmp_path / "source"), PASSWORD, tmp_path / "cache"),
        RepositoryAccess(str(tmp_path / "target"), TARGET_PASSWORD, tmp_path / "cache"),
    )
    for path in tmp_path.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)  # so that pytest may remove what nobody may write to


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], Engine]:
    """Make a shell script that stands in for restic."""

    def make(script: str) -> Engine:
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return Engine(str(path), (0, 14, 0))

    return make
