"""Repositories that cannot be opened: the console is told when one is found so, and when that is over."""

from __future__ import annotations

from tandem.agent.remembered import RepositoryTrouble
from tandem.agent.state import State
from tandem.domain.repositories import RepositoryState
from tandem.protocol.messages import RepositoryReport
from tandem.restic.errors import (
    AccountRefused,
    HostKeyChanged,
    PlaceMissing,
    RepositoryLocked,
    RepositoryMissing,
    Stopped,
    WrongPassword,
)

# What says nothing of the repository that was to be opened.
NO_TROUBLE = (RepositoryLocked, Stopped)
# What restic may say first in the middle of a run. A line that broke may be whole again: whoever opens it next tells.
FOUND_LATER = (AccountRefused, HostKeyChanged, PlaceMissing, RepositoryMissing, WrongPassword)


def is_in_trouble(state: State, uid: str) -> bool:
    """Say whether the console was told of a trouble and has still to hear that it is over."""
    return state.note(uid, RepositoryTrouble) is not None


def trouble(state: State, uid: str, error: Exception) -> RepositoryReport:
    """Make the report of why a repository cannot be opened, and remember it."""
    state.put_note(uid, RepositoryTrouble())
    return RepositoryReport(repository_uid=uid, state=RepositoryState.FAILED, failure=str(error))


def tell_over(state: State, report: RepositoryReport) -> None:
    """Tell that a repository opens again."""
    with state.transaction():
        state.add_report(report)
        state.drop_note(report.repository_uid, RepositoryTrouble)
