"""What the agent remembers of reading back and of restore drills."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from tandem.agent.run import Run
from tandem.agent.state import State
from tandem.domain.verification import Rotation
from tandem.protocol.messages import RepositoryConfiguration


class LastDrill(msgspec.Struct, frozen=True):
    """When a copy job's last restore drill began."""

    at: datetime


def period(repository: RepositoryConfiguration) -> timedelta:
    """Give the period in which every pack of a repository is to be read."""
    return timedelta(days=repository.verify_every_days)


def rotation(state: State, repository_uid: str, now: datetime) -> Rotation:
    """Give what was read of a repository and when; its first period begins when it is first asked about."""
    noted = state.note(repository_uid, Rotation)
    if noted is None:
        noted = Rotation(begun_at=now)
        put_rotation(state, repository_uid, noted)
    return noted


def put_rotation(state: State, repository_uid: str, changed: Rotation) -> None:
    """Remember what was read of a repository."""
    state.put_note(repository_uid, changed)


def warn_if_overdue(run: Run, repository: RepositoryConfiguration) -> None:
    """Make a session a warning while not every pack of a repository was read within the promised period."""
    late = rotation(run.means.state, repository.uid, run.now).overdue_by(period(repository), run.now)
    if late:
        text = f"The verification of {repository.name} is overdue by {late.days} days"
        run.warn(f"{text}: not every pack was read within {repository.verify_every_days} days.")


def last_drill(state: State, job_uid: str) -> datetime | None:
    """Give when the last restore drill of a copy job began."""
    noted = state.note(job_uid, LastDrill)
    return None if noted is None else noted.at


def put_last_drill(state: State, job_uid: str, at: datetime) -> None:
    """Remember when a restore drill began."""
    state.put_note(job_uid, LastDrill(at))
