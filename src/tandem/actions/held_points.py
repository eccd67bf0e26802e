"""Where a point is held, as far as somebody sees it."""

from __future__ import annotations

from tandem.actions.context import Act
from tandem.domain.errors import Conflict
from tandem.domain.restore_points import RestorePoint, RestorePointCopy
from tandem.store import restore_points
from tandem.store.database import Connection


def held_at(connection: Connection, act: Act, point: RestorePoint, repository_uid: str | None) -> tuple[str, str]:
    """Give the repository to read a point from, and its snapshot there.

    Args:
        connection: an open connection.
        act: who wants to read it.
        point: one that he sees.
        repository_uid: which repository; None means the first one, or a copy if the first has forgotten the point.

    Raises:
        Conflict: if the repository does not hold it, or none does.
    """
    copies = restore_points.copies_of(connection, act.caller.scope, [point.instance_uid])[point.instance_uid]
    for holder in holders_of(point, copies):
        if repository_uid in {None, holder[0]}:
            return holder
    where = f"The repository {repository_uid}" if repository_uid else "No repository"
    raise Conflict(f"{where} holds this restore point; see its copies for where it is.", field="repositoryUid")


def holders_of(point: RestorePoint, copies: list[RestorePointCopy]) -> list[tuple[str, str]]:
    """Give every repository that holds a point, and its snapshot there: the first repository, then the copies."""
    holders: list[tuple[str, str]] = []
    if point.forgotten_at is None:
        holders.append((point.repository_uid, point.snapshot_id))
    holders.extend(
        (copy.repository_uid, copy.entry.target_snapshot_id)
        for copy in copies
        if copy.entry.state.is_held and copy.entry.target_snapshot_id is not None
    )
    return holders
