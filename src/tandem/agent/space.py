"""Giving space back: forgetting points by their ids, and pruning when it is worth its time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec

from tandem.agent.open_repository import OpenRepository
from tandem.agent.remembered import KnownRepository
from tandem.agent.run import Run
from tandem.domain.retention import is_prune_worth_it
from tandem.restic import forget, prune
from tandem.restic.errors import DeletionRefused, ResticError

FULL = ("no space left", "disk quota exceeded", "file too large", "read-only file system")
DRAFT_AGE_MIN = timedelta(days=1)
FAILING = "input/output error"


class RepositoryFull(ResticError):
    """A repository cannot be written to, as its disk is full, failing or read-only."""


def is_about_writing(error: ResticError, repository: OpenRepository) -> bool:
    """Say whether restic failed because it could not write to a repository; a disk may fail at reading others too."""
    lines = f"{error}\n{error.stderr}".lower().splitlines()
    path = repository.configuration.path.lower()
    return any(any(words in line for words in FULL) or (FAILING in line and path in line) for line in lines)


def forget_points(run: Run, repository: OpenRepository, added: Mapping[str, int]) -> frozenset[str]:
    """Forget points by their ids; those already gone are no error.

    A repository that lets nobody delete is no failure of the run: it warns, and the next one tries again.

    Args:
        run: the session.
        repository: where they are.
        added: the bytes that each had added, by its whole id, for the decision when to prune.

    Returns:
        the ids that the repository refused to let go.
    """
    if not added:
        return frozenset()
    known = run.means.state.repository(repository.uid)
    run.means.state.put_repository(repository.uid, _forgetting(run, known, sum(added.values())))
    refused = frozenset[str]()
    try:
        forget.run(run.means.engine, repository.access, list(added), control=run.control)
    except DeletionRefused as error:
        refused = error.remaining
        run.warn(f"{repository.name} lets no points go that retention is over with; the next run tries again: {error}")
        gone = [size for snapshot_id, size in added.items() if snapshot_id not in refused]
        run.means.state.put_repository(repository.uid, _forgetting(run, known, sum(gone)) if gone else known)
    run.note(points_forgotten=run.statistics.points_forgotten + len(added) - len(refused))
    return refused


def _forgetting(run: Run, known: KnownRepository, added: int) -> KnownRepository:
    return msgspec.structs.replace(
        known, forgotten_bytes=known.forgotten_bytes + added, oldest_forget=known.oldest_forget or run.now
    )


def note_dead_data(run: Run, repository: OpenRepository) -> None:
    """Note that a run which was cut short may have left data that nothing names: it is freed with the next prune."""
    known = run.means.state.repository(repository.uid)
    if repository.was_cut_short and known.oldest_forget is None:
        run.means.state.put_repository(repository.uid, msgspec.structs.replace(known, oldest_forget=run.now))


def prune_if_worth_it(run: Run, repository: OpenRepository, *, is_urgent: bool = False) -> None:
    """Free what forgotten points alone used, if that is much, has waited long or is urgent."""
    known = run.means.state.repository(repository.uid)
    if known.oldest_forget is None or not (is_urgent or _is_worth_it(run, repository, known)):
        return
    waits_since = None
    try:
        prune.run(run.means.engine, repository.access, control=run.control)
        # Restic leaves them, even when it prunes. Nobody writes one file for a day.
        repository.remove_drafts(run.now - DRAFT_AGE_MIN)
    except DeletionRefused as error:
        # Each attempt may write before it is refused: the next one is as far away as after a success.
        waits_since = run.now
        run.warn(f"{repository.name}: {error}")
    done = msgspec.structs.replace(known, forgotten_bytes=0, oldest_forget=waits_since)
    run.means.state.put_repository(repository.uid, done)


def _is_worth_it(run: Run, repository: OpenRepository, known: KnownRepository) -> bool:
    return is_prune_worth_it(
        forgotten_bytes=known.forgotten_bytes,
        repository_bytes=repository.bytes_used(),
        oldest_forget=known.oldest_forget,
        now=run.now,
    )
