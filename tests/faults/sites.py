"""Whole sites to be harmed: console, database and agent as processes, watched for secrets all the time."""

import os
import random
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.oracle import places_of
from tests.faults.watch import Watch
from tests.restic.trees import describe
from tests.running import FINAL, PASSWORD, REPOSITORY_PASSWORD, Json, Site, is_alive, until

SHARE_BYTES = 6_000_000
CHANGE_BYTES = 4_000_000


class RecordedSite(Site):
    """A site that knows what each of its points must restore."""

    def set_up(self, *, share_bytes: int) -> None:
        """Start both, protect a share, and make the first point and its copy."""
        super().set_up(share_bytes=share_bytes)
        self.contents: dict[str, dict[bytes, tuple[object, ...]]] = {}
        self.back_up()
        assert self.run_job(self.copy)["status"] == "Success"

    def change(self) -> None:
        """Give the next backup, and the copy of it, something to do that takes a moment."""
        self.record()
        (self.share / "changing.bin").write_bytes(os.urandom(CHANGE_BYTES))

    def back_up(self) -> None:
        """Change the share and make a point of it."""
        self.change()
        session = self.run_job(self.backup)
        assert session["status"] == "Success", session["messages"]
        self.record()

    def record(self) -> None:
        """Record the share for every point that is new: all of them were made since it was changed last."""
        new = {point["instanceUid"] for point in self.points()} - set(self.contents)
        if new:
            self.contents |= dict.fromkeys(new, describe(self.share))

    def busy(self, job: str) -> str:
        """Start a job and wait until restic is at work for it; gives the session's id."""
        before = {session["instanceUid"] for session in self.sessions(job)}
        self.start_job(job)
        until(self.agent.children)
        return until(lambda: [each for each in self.sessions(job) if each["instanceUid"] not in before])[0][
            "instanceUid"
        ]

    def session(self, uid: str) -> Json:
        """Give a session."""
        return self.client.get(f"/infrastructure/sessions/{uid}")

    def kill_agent(self) -> None:
        """Kill the agent; restic dies with it."""
        children = self.agent.children()
        self.agent.kill()
        until(lambda: not [pid for pid in children if is_alive(pid)], seconds_max=5)

    def source(self) -> dict[bytes, tuple[object, ...]]:
        """Give what a copy must never change."""
        return describe(self.share) | describe(self.first, but=frozenset({"locks"}))

    def holds(self, chance: random.Random, *, is_log_calm: bool = True) -> None:
        """Check all that must hold once a fault is over and the next runs have succeeded.

        Args:
            chance: chooses the point that is restored.
            is_log_calm: whether nothing happened that a log should show with a trace.
        """
        for job in (self.backup, self.copy):
            session = self.run_job(job)
            assert session["status"] == "Success", session["messages"]
        self.record()
        self.is_sound()
        points = self.points()
        assert set(self.contents) == {point["instanceUid"] for point in points}, "points were lost"
        assert len({point["instanceUid"] for point in points}) == len(points)
        # Both retentions keep all points of an hour.
        assert all([copy["state"] for copy in point["copies"]] == ["Copied"] for point in points)
        assert {session["status"] for session in self.client.pages("/infrastructure/sessions")} <= FINAL
        self._restores(chance)
        logs = [self.folder / "console.log", self.folder / "agent.log"]
        assert not is_log_calm or [log for log in logs if "Traceback" in log.read_text()] == []
        assert places_of([PASSWORD, REPOSITORY_PASSWORD], [self.folder]) == []

    def _restores(self, chance: random.Random) -> None:
        point = chance.choice(self.points())
        target = self.folder / f"restored {chance.random()}"
        session = self.restore(point, chance.choice(["first", "second"]), target)
        assert session["status"] == "Success", session["messages"]
        assert describe(target) == self.contents[point["instanceUid"]]
        shutil.rmtree(target)


class Sites:
    """Sites that last for all faults that can share one, as starting one takes seconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._site: RecordedSite | None = None
        self._watch = Watch(REPOSITORY_PASSWORD)

    @contextmanager
    def site(self) -> Generator[RecordedSite]:
        """Give the site; one in which something was lost is not given again."""
        if self._site is None:
            folder = self._folder / f"site {random.random()}"
            folder.mkdir()
            self._site = RecordedSite(folder)
            try:
                self._site.set_up(share_bytes=SHARE_BYTES)
            except BaseException:
                self.close()
                raise
        try:
            with self._watch.watching():
                yield self._site
        except BaseException:
            self.close()
            raise

    @contextmanager
    def another(self, *, database: str) -> Generator[RecordedSite]:
        """Give a site on another database, for one fault alone."""
        folder = self._folder / f"site {random.random()}"
        folder.mkdir()
        site = RecordedSite(folder, database=database)
        try:
            with self._watch.watching():
                site.set_up(share_bytes=SHARE_BYTES)
                yield site
        finally:
            site.end()

    def close(self) -> None:
        """End its processes."""
        if self._site is not None:
            self._site.end()
            self._site = None
