"""One session in the making: what a job's run works with, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from threading import Event

import msgspec

from tandem.agent.clock_watch import ClockWatch
from tandem.agent.mounts import Mounts
from tandem.agent.open_repository import OpenRepository
from tandem.agent.processes import Processes
from tandem.agent.repositories import Repositories
from tandem.agent.state import State
from tandem.domain.limits import UNBOUNDED, Bandwidth
from tandem.domain.retention import Rule
from tandem.domain.sessions import PlanEntry, Progress, SessionState, Statistics
from tandem.protocol.messages import Configuration, JobConfiguration, RepositoryConfiguration
from tandem.restic.engine import Engine
from tandem.restic.errors import ResticError
from tandem.restic.process import Control

PLAN_ENTRIES_MAX = 1_000


class Means(msgspec.Struct, frozen=True):
    """What every run works with."""

    engine: Engine
    state: State
    repositories: Repositories
    processes: Processes
    clock: Callable[[], datetime]
    mounts: Mounts
    clock_watch: ClockWatch


class Run:
    """A session while it goes on: its configuration, how far it is, what it has found."""

    def __init__(
        self,
        means: Means,
        configuration: Configuration,
        stop: Event,
        show: Callable[[Progress], None],
        *,
        bandwidth: Bandwidth = UNBOUNDED,
        tell: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Begin.

        Args:
            means: the agent's.
            configuration: as it is at the start; a run does not see later changes.
            stop: set when the run is to end.
            show: called with the progress, as often as there is news.
            bandwidth: how fast restic may be.
            tell: called with each step, for the run's log.
        """
        self.means = means
        self.configuration = configuration
        self.show = show
        self.messages: list[str] = []
        self.plan: list[PlanEntry] = []
        self.is_warning = False
        self.statistics = Statistics()
        self.tell = tell
        self.control: Control = replace(
            means.processes.control(stop, self._count_process),
            upload_limit=bandwidth.upload,
            download_limit=bandwidth.download,
            tell=tell,
        )
        self._processes = 0

    @property
    def now(self) -> datetime:
        """The present, aware."""
        return self.means.clock()

    def warn(self, message: str) -> None:
        """Say something that makes the session end as Warning at best."""
        self.tell(message)
        self.messages.append(message)
        self.is_warning = True

    def note(self, **values: int) -> None:
        """Add to the statistics."""
        self.statistics = msgspec.structs.replace(self.statistics, **values)

    def decide(self, action: str, snapshot_id: str, reason: str) -> None:
        """Write a decision into the session's plan."""
        self.tell(f"{action} {snapshot_id[:8]}: {reason}")
        if len(self.plan) < PLAN_ENTRIES_MAX:
            self.plan.append(PlanEntry(action, snapshot_id, reason))

    def job(self, uid: str) -> JobConfiguration:
        """Find a job of the configuration; raises ResticError when it is gone."""
        for job in self.configuration.jobs:
            if job.uid == uid:
                return job
        raise ResticError("The job is not in this agent's configuration any more.")

    def repository(self, uid: str) -> RepositoryConfiguration:
        """Find a repository of the configuration; raises ResticError when it is gone."""
        for repository in self.configuration.repositories:
            if repository.uid == uid:
                return repository
        raise ResticError(f"The repository {uid} is not in this agent's configuration any more.")

    def rule(self, job: JobConfiguration) -> Rule:
        """Give how long a job's points are kept in its target."""
        repository = self.repository(job.target_repository_uid)
        return Rule(job.retention, job.gfs, repository.immutability_interval)

    def open(self, uid: str, *, is_shared: bool = False) -> OpenRepository:
        """Open a repository of the configuration, for a `with`; see `Repositories.open`."""
        repository = self.repository(uid)
        return self.means.repositories.open(repository, self.control, is_shared=is_shared)

    def result(self) -> tuple[SessionState, Statistics]:
        """Give how the session ended if nothing was raised."""
        state = SessionState.WARNING if self.is_warning else SessionState.SUCCESS
        return state, msgspec.structs.replace(self.statistics, restic_processes=self._processes)

    def _count_process(self) -> None:
        self._processes += 1
