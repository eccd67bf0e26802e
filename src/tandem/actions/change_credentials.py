"""Adding credentials to a backup server, and deleting them; what is secret goes in and never comes out."""

from __future__ import annotations

import msgspec

from tandem.actions.context import Act, new_uid
from tandem.actions.mapping import find_mapped
from tandem.domain.credentials import Credentials, CredentialsType, LinuxDetails, Secrets
from tandem.domain.errors import Conflict
from tandem.store import activity_log, backup_servers, credentials, file_shares, repositories
from tandem.store.database import Connection

NAMED_MAX = 5
_ACTIVITY = {
    CredentialsType.LINUX: "CreateBackupServerLinuxCredentials",
    CredentialsType.STANDARD: "CreateBackupServerStandardCredentials",
}


class NewCredentials(msgspec.Struct, frozen=True, kw_only=True):
    """What credentials are made from; `linux` makes them Linux ones."""

    username: str
    description: str | None
    mapped_organization_uid: str | None
    linux: LinuxDetails | None
    secrets: Secrets


def create_credentials(act: Act, backup_server_uid: str, new: NewCredentials) -> Credentials:
    """Add credentials to a backup server.

    Raises:
        NotFound: if the backup server, or the company they are mapped to, is not there for the caller.
        Invalid: if the backup server has nothing to do with that company.
    """
    scope = act.caller.scope
    kind = CredentialsType.STANDARD if new.linux is None else CredentialsType.LINUX
    with act.context.database.writing() as connection:
        server = backup_servers.get_backup_server(connection, scope, backup_server_uid)
        company = find_mapped(connection, scope, server, new.mapped_organization_uid)
        made = Credentials(
            instance_uid=new_uid(),
            backup_server_uid=server.instance_uid,
            organization_uid=server.organization_uid,
            mapped_organization_uid=company.instance_uid if company else None,
            mapped_organization_name=company.name if company else None,
            type=kind,
            username=new.username,
            description=new.description,
            linux=new.linux,
            creation_time=act.now,
        )
        sealed = act.context.seal.close(msgspec.json.encode(new.secrets).decode(), made.instance_uid)
        credentials.insert_credentials(connection, made, sealed_secrets=sealed)
        _note(connection, act, _ACTIVITY[kind], made)
    return made


def delete_credentials(act: Act, backup_server_uid: str, uid: str) -> None:
    """Delete credentials.

    Raises:
        NotFound: if the backup server or the credentials are not there for the caller. Seeing credentials that are
            mapped to him, on a backup server that is not his, is not enough.
        Conflict: if they are in use, saying by what.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        backup_servers.get_backup_server(connection, scope, backup_server_uid)
        found = credentials.get_credentials(connection, scope, uid, backup_server_uid)
        what = f"The credentials {found.username}"
        refuse_in_use(what, "the file share", file_shares.shares_with_credentials(connection, uid))
        refuse_in_use(what, "the repository", repositories.repositories_with_credentials(connection, uid))
        credentials.delete_credentials(connection, scope, uid, backup_server_uid)
        _note(connection, act, "DeleteBackupServerCredentials", found)


def _note(connection: Connection, act: Act, activity: str, of: Credentials) -> None:
    activity_log.record_activity(
        connection,
        act.caller,
        activity,
        object_uid=of.instance_uid,
        detail=of.username,
        now=act.now,
        object_organization_uid=of.mapped_organization_uid or of.organization_uid,
    )


def refuse_in_use(what: str, by: str, names: list[str]) -> None:
    """Raise Conflict if there are names of things that use something."""
    if names:
        more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
        shown = ", ".join(names[:NAMED_MAX])
        raise Conflict(f"{what}: in use by {by} {shown}{more}; what is in use is not deleted.")
