"""Restoring a point, from the first repository or from a copy, into a folder on its backup server."""

from __future__ import annotations

import msgspec

from tandem.actions.ask_agent import require_connected
from tandem.actions.context import Act
from tandem.actions.held_points import held_at
from tandem.actions.paths import check_path, refuse_overlap
from tandem.actions.queue_session import queue_session
from tandem.domain.errors import Invalid
from tandem.domain.point_files import OverwriteRule, shown_path
from tandem.domain.sessions import Session, SessionType
from tandem.protocol.messages import RestorePointTo
from tandem.store import activity_log, backup_servers, repositories, restore_points

PATHS_SHOWN_MAX = 20


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be restored, and whereto.

    Attributes:
        file_share_uid: the share that the point must belong to, if the caller named one.
        repository_uid: where to read from; None means the first repository, or a copy if the first has forgotten it.
        target_path: a folder on the backup server.
        paths: within the share; none means all of it.
        overwrite: what happens to files that are there already.
    """

    file_share_uid: str | None = None
    repository_uid: str | None = None
    target_path: str
    paths: list[bytes] = []
    overwrite: OverwriteRule = OverwriteRule.EMPTY_ONLY


def restore_point(act: Act, point_uid: str, wanted: Wanted) -> Session:
    """Queue the restore of a point; gives the session that will report it.

    The caller must see the backup server itself, not only the job: the restore writes to that machine.

    Args:
        act: who asks.
        point_uid: the point.
        wanted: what of it, and whereto.

    Raises:
        NotFound: if the point or its backup server is not there for the caller.
        Invalid: for a path or a repository that cannot be used.
        Conflict: if the repository does not hold the point.
        Unavailable: if the agent is away.
    """
    path = check_path(wanted.target_path, "targetPath")
    with act.context.database.writing() as connection:
        point = restore_points.get_restore_point(connection, act.caller.scope, point_uid)
        if wanted.file_share_uid not in {None, point.file_share_uid}:
            text = f"restorePointUid: the point {point_uid} is not of this file share."
            raise Invalid(text, field="restorePointUid")
        server = backup_servers.get_backup_server(connection, act.caller.scope, point.backup_server_uid)
        require_connected(act.context, server)
        for neighbour in repositories.repositories_of_server(connection, server.instance_uid):
            refuse_overlap(path, neighbour.path, field="targetPath", what=f"the repository {neighbour.name}")
        repository_uid, snapshot_id = held_at(connection, act, point, wanted.repository_uid)
        job = restore_points.job_of_point(connection, point_uid)
        session = queue_session(
            connection,
            act,
            job,
            SessionType.RESTORE,
            file_share_uid=point.file_share_uid,
            order=lambda uid: RestorePointTo(
                session_uid=uid,
                file_share_uid=point.file_share_uid,
                repository_uid=repository_uid,
                snapshot_id=snapshot_id,
                target_path=path,
                paths=wanted.paths,
                overwrite=wanted.overwrite,
                size=0 if wanted.paths else point.size,
            ),
        )
        activity_log.record_activity(
            connection,
            act.caller,
            "RestoreFileShareRestorePoint",
            object_uid=point_uid,
            object_organization_uid=job.mapped_organization_uid or job.organization_uid,
            detail=f"of {job.name}, from the repository {repository_uid} to {path}{_what(wanted)}",
            now=act.now,
        )
    return session


def _what(wanted: Wanted) -> str:
    shown = [f"/{shown_path(path)}" for path in wanted.paths[:PATHS_SHOWN_MAX]]
    more = len(wanted.paths) - len(shown)
    paths = f": {', '.join(shown)}" + (f" and {more} more" if more else "") if shown else ""
    overwrites = "" if wanted.overwrite is OverwriteRule.EMPTY_ONLY else f" (overwrite: {wanted.overwrite})"
    return overwrites + paths
