"""Creating a file share: a folder of a backup server, or a share of another machine that its agent can mount."""

from __future__ import annotations

import msgspec

from tandem.actions.ask_agent import ask
from tandem.actions.context import Act, named_in, new_uid
from tandem.actions.paths import check_path, refuse_overlap
from tandem.domain.backup_servers import BackupServer
from tandem.domain.credentials import CredentialsType
from tandem.domain.errors import Conflict, Invalid
from tandem.domain.file_shares import FileShare, ShareKind, kind_of, locate
from tandem.domain.masks import check_exclusion_masks, check_inclusion_masks
from tandem.protocol.messages import CheckFolder
from tandem.store import activity_log, backup_servers, credentials, file_shares, repositories
from tandem.store.database import Connection


class NewFileShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a file share is made from."""

    name: str
    path: str
    credentials_uid: str | None = None
    inclusion_masks: list[str] = []
    exclusion_masks: list[str] = []


def create_file_share(act: Act, backup_server_uid: str, new: NewFileShare) -> FileShare:
    """Create a file share, after its agent has confirmed that it is there: a remote one by mounting and listing it.

    Raises:
        NotFound: if the backup server or its credentials are not there for the caller.
        Invalid: if the folder does not exist or cannot be used, or the credentials are of a type that opens no share.
        Conflict: if name or path are taken, or the path overlaps with a repository.
        Unavailable: if the agent is away.
    """
    location = locate(new.path)
    is_folder = location.kind is ShareKind.FOLDER
    path = check_path(new.path, "path") if is_folder else location.path
    inclusion, exclusion = check_inclusion_masks(new.inclusion_masks), check_exclusion_masks(new.exclusion_masks)
    with act.context.database.reading() as connection:
        server = backup_servers.get_backup_server(connection, act.caller.scope, backup_server_uid)
        _check_credentials(connection, act, server, new.credentials_uid)
    wrong = ask(act.context, server, CheckFolder(path=path, credentials_uid=new.credentials_uid))
    if wrong:
        raise Invalid(f"path: {wrong}", field="path")
    share = FileShare(
        instance_uid=new_uid(),
        backup_server_uid=server.instance_uid,
        organization_uid=server.organization_uid,
        name=new.name,
        path=path,
        inclusion_masks=inclusion,
        exclusion_masks=exclusion,
        latest_restore_point_date=None,
        restore_points=0,
        short_term_backup_size=0,
    )
    with act.context.database.writing() as connection:
        backup_servers.bump_revision(connection, server.instance_uid)
        _check_credentials(connection, act, server, new.credentials_uid)
        _check_neighbours(connection, server, share)
        file_shares.insert_file_share(connection, share, created_at=act.now, credentials_uid=new.credentials_uid)
        activity_log.record_activity(
            connection,
            act.caller,
            "CreateFileShare",
            object_uid=share.instance_uid,
            object_organization_uid=share.organization_uid,
            detail=f"{new.name} ({path})",
            now=act.now,
        )
    return share


def _check_neighbours(connection: Connection, server: BackupServer, share: FileShare) -> None:
    for _uid, other_name, other_path in file_shares.paths_of_server(connection, server.instance_uid):
        if other_name == share.name:
            raise Conflict(f'name: a file share named "{share.name}" exists on this backup server.', field="name")
        if locate(other_path).identity == locate(share.path).identity:
            raise Conflict(f"path: {share.path} is protected already, as {other_name}.", field="path")
    if kind_of(share.path) is ShareKind.FOLDER:
        for repository in repositories.repositories_of_server(connection, server.instance_uid):
            refuse_overlap(share.path, repository.path, field="path", what=f"the repository {repository.name}")


def _check_credentials(connection: Connection, act: Act, server: BackupServer, uid: str | None) -> None:
    if uid is None:
        return
    with named_in("credentialsUid"):
        found = credentials.get_credentials(connection, act.caller.scope, uid, server.instance_uid)
    if found.type is not CredentialsType.STANDARD:
        text = f"credentialsUid: {found.username} is of the type {found.type}; a file share takes the type"
        raise Invalid(f"{text} {CredentialsType.STANDARD}.", field="credentialsUid")
