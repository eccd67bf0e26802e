"""A backup server of the tests' own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tandem.restic import version
from tandem.restic.engine import Engine
from tests.agent.backup_server import BackupServer
from tests.restic.conftest import programs


@pytest.fixture(scope="session", params=programs(), ids=os.path.basename)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each restic there is: a test that asks runs on all of them."""
    return version.detect(request.param)


@pytest.fixture
def server(engine: Engine, tmp_path: Path) -> Iterator[BackupServer]:
    """A backup server with a share of one file, two empty repositories, and its two jobs."""
    made = BackupServer(tmp_path, engine)
    yield made
    made.state.close()
