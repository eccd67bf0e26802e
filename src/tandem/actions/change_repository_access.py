"""Changing what opens a repository elsewhere: another account, or the new key of its SSH server."""

from __future__ import annotations

from tandem.actions.context import Act
from tandem.actions.repository_places import Place, check_new_credentials
from tandem.domain.repositories import BackupRepository
from tandem.store import activity_log, backup_servers, repositories


def change_repository_access(
    act: Act, backup_server_uid: str, uid: str, *, credentials_uid: str | None, host_key: str | None
) -> BackupRepository:
    """Have a repository opened with other credentials, or at a server that shows another host key; None keeps it.

    Raises:
        NotFound: if the repository or the credentials are not there for the caller.
        Invalid: if the repository cannot be opened with these, naming the field.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        backup_servers.bump_revision(connection, backup_server_uid)
        found = repositories.get_repository(connection, scope, uid, backup_server_uid)
        now = repositories.openings_of_server(connection, backup_server_uid)[uid]
        place = Place(
            path=found.path,
            credentials_uid=credentials_uid or now.credentials_uid,
            host_key=host_key or now.host_key,
        )
        checked = check_new_credentials(connection, act, backup_server_uid, place)
        repositories.update_access(connection, scope, uid, checked.credentials_uid, checked.host_key)
        activity_log.record_activity(
            connection,
            act.caller,
            "ChangeBackupRepositoryAccess",
            object_uid=uid,
            object_organization_uid=found.organization_uid,
            detail=f"{found.name} ({found.path})",
            now=act.now,
        )
        return repositories.get_repository(connection, scope, uid, backup_server_uid)
