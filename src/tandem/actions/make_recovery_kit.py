"""Making the recovery kit of a repository: it holds the keys to all that is in there, so that it is told who has it."""

from __future__ import annotations

from tandem.actions.context import Act
from tandem.decoding import decode
from tandem.domain.credentials import Secrets
from tandem.domain.errors import Conflict
from tandem.domain.kit_access import KitAccess, access_to
from tandem.domain.recovery_kits import KitContent, RecoveryKit
from tandem.domain.repositories import Account
from tandem.store import activity_log, recovery_kits
from tandem.store.recovery_kits import KitSource


def make_recovery_kit(act: Act, uid: str, backup_server_uid: str) -> RecoveryKit:
    """Make the kit of a repository and note who has it.

    Raises:
        NotFound: if the repository is not there for the caller.
        Conflict: if it was never made.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        source = recovery_kits.get_kit_source(connection, scope, uid, backup_server_uid)
        kit = _kit(act, source, recovery_kits.contents_of(connection, scope, uid))
        recovery_kits.note_download(connection, scope, uid, act.caller, act.now)
        activity_log.record_activity(
            connection,
            act.caller,
            "DownloadBackupRepositoryRecoveryKit",
            object_uid=uid,
            object_organization_uid=source.organization_uid,
            detail=source.name,
            now=act.now,
        )
    return kit


def make_removed_recovery_kit(act: Act, uid: str) -> RecoveryKit:
    """Make the kit of a repository of a company that was deleted; raises NotFound, and Conflict as the other."""
    with act.context.database.writing() as connection:
        source = recovery_kits.get_removed_kit_source(connection, act.caller.scope, uid)
        kit = _kit(act, source, None)
        activity_log.record_activity(
            connection,
            act.caller,
            "DownloadRemovedRepositoryRecoveryKit",
            object_uid=uid,
            detail=f"{source.name} of {source.organization_name}",
            now=act.now,
        )
    return kit


def _kit(act: Act, source: KitSource, contents: list[KitContent] | None) -> RecoveryKit:
    if source.restic_id is None:
        raise Conflict(f"The repository {source.name} has not been made yet; there is nothing that a kit would open.")
    return RecoveryKit(
        repository_uid=source.instance_uid,
        repository=source.name,
        restic_id=source.restic_id,
        organization=source.organization_name,
        backup_server=source.backup_server_name,
        host_name=source.host_name,
        restic_version=source.restic_version or "unknown",
        made_at=act.now,
        access=_access(act, source),
        contents=contents,
    )


def _access(act: Act, source: KitSource) -> KitAccess:
    seal = act.context.seal
    password = seal.open(source.sealed_password, source.instance_uid)
    account = None
    if source.credentials_uid is not None and source.sealed_credentials is not None:
        secrets = decode(seal.open(source.sealed_credentials, source.credentials_uid), Secrets)
        account = Account(
            username=source.credentials_username or "",
            password=secrets.password,
            private_key=secrets.private_key,
            passphrase=secrets.passphrase,
        )
    return access_to(source.path, password, account, source.host_key)
