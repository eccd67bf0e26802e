"""When repositories are read back and copies restored, without anybody asking; and the same for those who ask."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from tandem.agent import proof_memory
from tandem.agent.queue import Wish
from tandem.agent.run import Means, Run
from tandem.agent.run_drill import clear_scratch, run_drill
from tandem.agent.run_healing import repositories_of_healing, run_healing
from tandem.agent.run_verification import run_verification
from tandem.agent.sessions import Sessions
from tandem.domain.drills import is_drill_due
from tandem.domain.sessions import SessionType
from tandem.domain.verification import due_part
from tandem.protocol.messages import (
    Configuration,
    DrillCopy,
    JobConfiguration,
    RepositoryConfiguration,
    VerifyRepository,
)

# One that failed is tried again after this long: its cause, a disk that is away for instance, may last.
AGAIN_AFTER = timedelta(hours=6)
LOOK_EVERY = timedelta(minutes=1)


class Proofs:
    """Starts verifications, healings and restore drills."""

    def __init__(self, means: Means, sessions: Sessions, data: Path) -> None:
        """Begin; what a drill that was cut short has left is removed."""
        self._means = means
        self._sessions = sessions
        self._data = data
        self._looked_at: datetime | None = None
        self._tried: dict[str, datetime] = {}
        clear_scratch(data)

    def start_due(self, configuration: Configuration) -> None:
        """Start what is due by now."""
        now = self._means.clock()
        if self._looked_at is not None and timedelta() <= now - self._looked_at < LOOK_EVERY:
            return
        self._looked_at = now
        for repository in configuration.repositories:
            if self._is_verification_due(repository, now):
                self._tried[repository.uid] = now
                self.verify(repository.uid, configuration)
        for job in configuration.jobs:
            if job.is_copy and job.is_enabled and self._is_drill_due(job, now):
                self._tried[job.uid] = now
                self.drill(job.uid, configuration)

    def obey(self, order: VerifyRepository | DrillCopy, configuration: Configuration) -> str:
        """Carry an order out; gives what is wrong, empty when it runs or waits."""
        if isinstance(order, DrillCopy):
            return self.drill(order.job_uid, configuration, order)
        return self.verify(order.repository_uid, configuration, order)

    def verify(self, repository_uid: str, configuration: Configuration, order: VerifyRepository | None = None) -> str:
        """Have a repository read back or healed; gives what is wrong, empty when it runs or waits."""
        jobs = [job for job in configuration.jobs if job.target_repository_uid == repository_uid]
        if not jobs:
            return "No job of this backup server uses the repository."
        is_healing, is_everything = (order.is_healing, order.is_everything) if order else (False, False)
        # Copies before first backups: whose session it is sees it.
        job = min(jobs, key=lambda one: (order is not None and one.uid != order.job_uid, not one.is_copy))

        def work(run: Run) -> None:
            if is_healing:
                run_healing(run, repository_uid)
            else:
                run_verification(run, repository_uid, is_everything=is_everything)

        wish = Wish(
            key=f"proof of {repository_uid}",
            type=SessionType.HEALING if is_healing else SessionType.VERIFICATION,
            label="a healing" if is_healing else "a verification",
            work=work,
            writes=repositories_of_healing(configuration.jobs, repository_uid)
            if is_healing
            else frozenset({repository_uid}),
            job=job,
            file_share_uid=job.file_share_uid,
            session_uid=order.session_uid if order else None,
            order=order,
        )
        return self._sessions.start(wish, configuration)

    def drill(self, job_uid: str, configuration: Configuration, order: DrillCopy | None = None) -> str:
        """Have the newest copy of a copy job restored; gives what is wrong, empty when it runs or waits."""
        job = next((one for one in configuration.jobs if one.uid == job_uid and one.is_copy), None)
        if job is None:
            return "This agent does not know the copy job."
        sources = {one.target_repository_uid for one in configuration.jobs if one.uid == job.source_job_uid}

        def work(run: Run) -> None:
            now = run.job(job_uid)
            if order is None:
                run_drill(run, now, self._data)
            else:
                run_drill(run, now, self._data, order.files)

        wish = Wish(
            key=f"drill of {job_uid}",
            type=SessionType.DRILL,
            label=f"a restore drill of {job.name}",
            work=work,
            reads=frozenset({job.target_repository_uid} | sources),
            job=job,
            file_share_uid=job.file_share_uid,
            session_uid=order.session_uid if order else None,
            order=order,
        )
        return self._sessions.start(wish, configuration)

    def _is_verification_due(self, repository: RepositoryConfiguration, now: datetime) -> bool:
        if repository.restic_id is None or self._was_tried(repository.uid, now):
            return False
        rotation = proof_memory.rotation(self._means.state, repository.uid, now)
        return due_part(rotation, proof_memory.period(repository), now) is not None

    def _is_drill_due(self, job: JobConfiguration, now: datetime) -> bool:
        if self._was_tried(job.uid, now):
            return False
        last = proof_memory.last_drill(self._means.state, job.uid)
        if not is_drill_due(last, job.created_at, timedelta(days=job.drill_every_days), now):
            return False
        return any(entry.state.is_held for entry in self._means.state.ledger(job.uid).values())

    def _was_tried(self, uid: str, now: datetime) -> bool:
        tried = self._tried.get(uid)
        return tried is not None and timedelta() <= now - tried < AGAIN_AFTER
