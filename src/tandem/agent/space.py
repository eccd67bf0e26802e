"""Giving space back: forgetting points by their ids, and pruning when it is worth its time."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tandem.agent.run import Run
from tandem.domain.retention import is_prune_worth_it
from tandem.protocol.messages import RepositoryConfiguration
from tandem.restic import forget, listing, prune
from tandem.restic.process import RepositoryAccess


def forget_points(
    run: Run, repository: RepositoryConfiguration, access: RepositoryAccess, snapshot_ids: list[str], added: int
) -> None:
    """Forget points by their ids; those already gone are no error.

    Args:
        run: the session.
        repository: where they are.
        access: how it is opened.
        snapshot_ids: whole ids.
        added: the bytes that these points had added, for the decision when to prune.
    """
    if not snapshot_ids:
        return
    known = run.means.state.repository(repository.uid)
    changed = msgspec.structs.replace(
        known, forgotten_bytes=known.forgotten_bytes + added, oldest_forget=known.oldest_forget or run.now
    )
    run.means.state.put_repository(repository.uid, changed)
    forget.run(run.means.engine, access, snapshot_ids, control=run.control)
    run.note(points_forgotten=run.statistics.points_forgotten + len(snapshot_ids))


def prune_if_worth_it(run: Run, repository: RepositoryConfiguration, access: RepositoryAccess) -> None:
    """Free what forgotten points alone used, if that is much or has waited long."""
    known = run.means.state.repository(repository.uid)
    is_worth_it = known.oldest_forget is not None and is_prune_worth_it(
        forgotten_bytes=known.forgotten_bytes,
        repository_bytes=listing.bytes_used(Path(repository.path)),
        oldest_forget=known.oldest_forget,
        now=run.now,
    )
    if is_worth_it:
        prune.run(run.means.engine, access, control=run.control)
        done = msgspec.structs.replace(known, forgotten_bytes=0, oldest_forget=None)
        run.means.state.put_repository(repository.uid, done)
