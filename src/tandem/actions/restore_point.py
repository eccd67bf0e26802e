"""Restoring a point, from the first repository or from a copy, into a folder on its backup server."""

from __future__ import annotations

from tandem.actions.ask_agent import START_LIFETIME, require_connected
from tandem.actions.context import Act, new_uid
from tandem.actions.paths import check_path, refuse_overlap
from tandem.domain.errors import Conflict, Invalid
from tandem.domain.restore_points import RestorePoint
from tandem.domain.sessions import Session, SessionState, SessionType
from tandem.protocol.messages import RestorePointTo
from tandem.store import activity_log, agent_commands, backup_servers, repositories, restore_points, sessions
from tandem.store.database import Connection


def restore_point(
    act: Act, point_uid: str, *, file_share_uid: str | None, repository_uid: str | None, target_path: str
) -> Session:
    """Queue the restore of a point; gives the session that will report it.

    The caller must see the backup server itself, not only the job: the restore writes to that machine.

    Args:
        act: who asks.
        point_uid: the point.
        file_share_uid: the share that the point must belong to, if the caller named one.
        repository_uid: where to read from; None means the first repository, or a copy if the first has forgotten it.
        target_path: a folder that does not exist or is empty.

    Raises:
        NotFound: if the point or its backup server is not there for the caller.
        Invalid: for a path or a repository that cannot be used.
        Conflict: if the repository does not hold the point.
        Unavailable: if the agent is away.
    """
    path = check_path(target_path, "targetPath")
    with act.context.database.writing() as connection:
        point = restore_points.get_restore_point(connection, act.caller.scope, point_uid)
        if file_share_uid not in {None, point.file_share_uid}:
            text = f"restorePointUid: the point {point_uid} is not of this file share."
            raise Invalid(text, field="restorePointUid")
        server = backup_servers.get_backup_server(connection, act.caller.scope, point.backup_server_uid)
        require_connected(act.context, server)
        for neighbour in repositories.repositories_of_server(connection, server.instance_uid):
            refuse_overlap(path, neighbour.path, field="targetPath", what=f"the repository {neighbour.name}")
        repository_uid, snapshot_id = _held_at(connection, act, point, repository_uid)
        job = restore_points.job_of_point(connection, point_uid)
        session = Session(
            instance_uid=new_uid(),
            job_uid=job.instance_uid,
            job_unique_uid=job.unique_uid,
            file_share_uid=point.file_share_uid,
            type=SessionType.RESTORE,
            state=SessionState.QUEUED,
            started_at=act.now,
        )
        sessions.put_session(connection, server.instance_uid, session)
        order = RestorePointTo(
            session_uid=session.instance_uid,
            file_share_uid=point.file_share_uid,
            repository_uid=repository_uid,
            snapshot_id=snapshot_id,
            target_path=path,
        )
        expires_at = act.now + START_LIFETIME
        agent_commands.insert_command(connection, server.instance_uid, order, now=act.now, expires_at=expires_at)
        activity_log.record_activity(
            connection,
            act.caller,
            "RestoreFileShareRestorePoint",
            object_uid=point_uid,
            object_organization_uid=job.mapped_organization_uid or job.organization_uid,
            detail=f"of {job.name}, from the repository {repository_uid} to {path}",
            now=act.now,
        )
    return session


def _held_at(connection: Connection, act: Act, point: RestorePoint, repository_uid: str | None) -> tuple[str, str]:
    holders: list[tuple[str, str]] = []
    if point.forgotten_at is None:
        holders.append((point.repository_uid, point.snapshot_id))
    copies = restore_points.copies_of(connection, act.caller.scope, [point.instance_uid])[point.instance_uid]
    holders.extend(
        (copy.repository_uid, copy.entry.target_snapshot_id)
        for copy in copies
        if copy.entry.state.is_held and copy.entry.target_snapshot_id is not None
    )
    for holder in holders:
        if repository_uid in {None, holder[0]}:
            return holder
    where = f"The repository {repository_uid}" if repository_uid else "No repository"
    raise Conflict(f"{where} holds this restore point; see its copies for where it is.", field="repositoryUid")
