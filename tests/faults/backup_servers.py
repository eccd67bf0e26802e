"""Backup servers to be harmed, in this process: with a record of what their share was like at each point."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tandem.domain.holds import Hold
from tandem.domain.sessions import Session
from tandem.restic import listing
from tandem.restic.engine import Engine
from tests.agent.backup_server import BackupServer, Clock
from tests.faults.matrix import Scene
from tests.restic.trees import describe

STOP_SECONDS_MAX = 10.0

Content = dict[bytes, tuple[object, ...]]


class RecordedServer(BackupServer):
    """A backup server that knows what each of its points must restore."""

    def __init__(self, folder: Path, engine: Engine, clock: Clock) -> None:
        super().__init__(folder, engine, clock)
        self.contents: dict[str, Content] = {}

    @classmethod
    def create(cls, folder: Path, engine: Engine) -> "RecordedServer":
        """Make one with a share of one file and two empty repositories."""
        made = super().create(folder, engine)
        assert isinstance(made, cls)
        return made

    def back_up(self) -> Session:
        """Run the file share job, and record what the share was like."""
        session = super().back_up()
        self.record()
        return session

    def record(self) -> None:
        """Record the share for every point that is new."""
        new = set(listing.snapshot_ids(self.first)) - set(self.contents)
        if new:
            self.contents |= dict.fromkeys(new, describe(self.share))

    def release(self) -> None:
        """Say that all is as it should be, as the console does, and back up, until nothing holds retention."""
        while (hold := self.state.note(self.backup_job.uid, Hold)) is not None:
            job = msgspec.structs.replace(self.backup_job, released_hold=hold.uid)
            self.configure(jobs=[job, *self.configuration.jobs[1:]])
            self.back_up()

    def source(self) -> Content:
        """Give what a copy must never change: the share, and the first repository apart from its locks."""
        return describe(self.share) | describe(self.first, but=frozenset({"locks"}))


class Stage:
    """Where backup servers are set up, each kind made once and copied from then on."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        self._folder = folder
        self.engine = engine
        self._models: dict[str, RecordedServer] = {}

    @contextmanager
    def server(self, scene: Scene, *, points: int = 0, copied: int = 0) -> Generator[RecordedServer]:
        """Give a backup server with points in its first repository, the oldest of them copied to its second."""
        model = self._model(points, copied)
        # Always the same place: a point knows the path of its share.
        place = self._folder / "server"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(model.folder, place, symlinks=True)
        server = RecordedServer(place, self.engine, Clock(model.clock.now))
        server.contents = dict(model.contents)
        # Nothing at the minute: what rounds off to one must not be what makes a rule hold.
        server.clock.forward(seconds=scene.chance.uniform(0, 59))
        try:
            yield server
        finally:
            # A round that was lost may have left something at work.
            server.sessions.close(STOP_SECONDS_MAX)
            server.state.close()

    def _model(self, points: int, copied: int) -> RecordedServer:
        name = f"{points} points, {copied} copied"
        if name not in self._models:
            place = self._folder / "server"
            shutil.rmtree(place, ignore_errors=True)
            made = RecordedServer.create(place, self.engine)
            for number in range(points):
                made.save()
                if number + 1 == copied:
                    made.copy()
            made.state.close()
            place.rename(self._folder / name)
            made.folder = self._folder / name
            self._models[name] = made
        return self._models[name]
