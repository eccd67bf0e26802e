"""Giving space back: forgetting points by their ids, and pruning when it is worth its time."""

from __future__ import annotations

import msgspec

from tandem.agent.open_repository import OpenRepository
from tandem.agent.run import Run
from tandem.agent.state import KnownRepository
from tandem.domain.retention import is_prune_worth_it
from tandem.restic import forget, prune
from tandem.restic.errors import ResticError

FULL = ("no space left", "disk quota exceeded", "file too large", "read-only file system")
FAILING = "input/output error"


class RepositoryFull(ResticError):
    """A repository cannot be written to, as its disk is full, failing or read-only."""


def is_about_writing(error: ResticError, repository: OpenRepository) -> bool:
    """Say whether restic failed because it could not write to a repository; a disk may fail at reading others too."""
    lines = f"{error}\n{error.stderr}".lower().splitlines()
    path = repository.configuration.path.lower()
    return any(any(words in line for words in FULL) or (FAILING in line and path in line) for line in lines)


def forget_points(run: Run, repository: OpenRepository, snapshot_ids: list[str], added: int) -> None:
    """Forget points by their ids; those already gone are no error.

    Args:
        run: the session.
        repository: where they are.
        snapshot_ids: whole ids.
        added: the bytes that these points had added, for the decision when to prune.
    """
    if not snapshot_ids:
        return
    repository.claim()
    known = run.means.state.repository(repository.uid)
    changed = msgspec.structs.replace(
        known, forgotten_bytes=known.forgotten_bytes + added, oldest_forget=known.oldest_forget or run.now
    )
    run.means.state.put_repository(repository.uid, changed)
    forget.run(run.means.engine, repository.access, snapshot_ids, control=run.control)
    run.note(points_forgotten=run.statistics.points_forgotten + len(snapshot_ids))


def prune_if_worth_it(run: Run, repository: OpenRepository, *, is_urgent: bool = False) -> None:
    """Free what forgotten points alone used, if that is much, has waited long or is urgent."""
    known = run.means.state.repository(repository.uid)
    if known.oldest_forget is None or not (is_urgent or _is_worth_it(run, repository, known)):
        return
    repository.claim()
    prune.run(run.means.engine, repository.access, control=run.control)
    done = msgspec.structs.replace(known, forgotten_bytes=0, oldest_forget=None)
    run.means.state.put_repository(repository.uid, done)


def _is_worth_it(run: Run, repository: OpenRepository, known: KnownRepository) -> bool:
    return is_prune_worth_it(
        forgotten_bytes=known.forgotten_bytes,
        repository_bytes=repository.bytes_used(),
        oldest_forget=known.oldest_forget,
        now=run.now,
    )
