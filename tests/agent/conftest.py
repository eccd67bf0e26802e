"""Backup servers of the tests' own. Making points takes time, so those that many tests begin with are made once."""

import os
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tandem.restic import version
from tandem.restic.engine import Engine
from tests.agent.backup_server import BackupServer, Clock
from tests.restic.conftest import programs


class Stage:
    """A folder where one backup server after another is set up, each from its model."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder = folder
        self._engine = engine
        self._models: dict[str, datetime] = {}

    def set_up(self, name: str, prepare: Callable[[BackupServer], None]) -> BackupServer:
        """Give a backup server as `prepare` leaves it."""
        place, model = self._folder / "server", self._folder / name
        shutil.rmtree(place, ignore_errors=True)
        if name not in self._models:
            made = BackupServer.create(place, self._engine)
            prepare(made)
            made.state.close()
            self._models[name] = made.clock.now
            place.rename(model)
        # The same place each time: a point knows the path of its share.
        shutil.copytree(model, place, symlinks=True)
        return BackupServer(place, self._engine, Clock(self._models[name]))


@pytest.fixture(scope="session", params=programs(), ids=os.path.basename)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each restic there is: a test that asks runs on all of them."""
    return version.detect(request.param)


@pytest.fixture(scope="session")
def stage(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """Where the backup servers are."""
    return Stage(tmp_path_factory.mktemp("stage"), engine)


@pytest.fixture
def server(stage: Stage) -> Iterator[BackupServer]:
    """A backup server with a share of one file, two empty repositories, and its two jobs."""
    yield from _lent(stage.set_up("new", lambda _server: None))


@pytest.fixture
def saved(stage: Stage) -> Iterator[BackupServer]:
    """One with two points in the first repository."""
    yield from _lent(stage.set_up("saved", _save))


@pytest.fixture
def copied(stage: Stage) -> Iterator[BackupServer]:
    """One with two points in the first repository, and copies of both in the second."""
    yield from _lent(stage.set_up("copied", _copy))


def _lent(server: BackupServer) -> Iterator[BackupServer]:
    yield server
    server.state.close()


def _save(server: BackupServer) -> None:
    server.save()
    server.save()


def _copy(server: BackupServer) -> None:
    _save(server)
    server.copy()
