"""Changing the limits of a backup server or of one of its repositories."""

from __future__ import annotations

from collections.abc import Callable

from tandem.actions.context import Act
from tandem.domain.limits import Limits, check_limits
from tandem.store import activity_log, backup_servers, limits, repositories


def change_limits(
    act: Act, backup_server_uid: str, repository_uid: str | None, decide: Callable[[Limits], Limits]
) -> Limits:
    """Change limits; their agent keeps them from its next look on, for runs that begin then.

    Args:
        act: by whom.
        backup_server_uid: of which backup server.
        repository_uid: of which of its repositories; None for the backup server itself.
        decide: gives the new limits, seeing those that there are; what it raises ends the action.

    Raises:
        NotFound: if it is not there for the caller.
        Invalid: naming the member, if the limits cannot be kept.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        current = limits.get_limits(connection, scope, backup_server_uid, repository_uid)
        backup_servers.bump_revision(connection, backup_server_uid)
        current = limits.get_limits(connection, scope, backup_server_uid, repository_uid)
        wanted = decide(current)
        check_limits(wanted)
        if repository_uid is None:
            server = backup_servers.get_backup_server(connection, scope, backup_server_uid)
            activity, name, owner = "PatchBackupServerLimits", server.name, server.organization_uid
        else:
            repository = repositories.get_repository(connection, scope, repository_uid, backup_server_uid)
            activity, name, owner = "PatchBackupRepositoryLimits", repository.name, repository.organization_uid
        limits.set_limits(connection, scope, backup_server_uid, repository_uid, wanted)
        activity_log.record_activity(
            connection,
            act.caller,
            activity,
            object_uid=repository_uid or backup_server_uid,
            object_organization_uid=owner,
            detail=name,
            now=act.now,
        )
    return wanted
