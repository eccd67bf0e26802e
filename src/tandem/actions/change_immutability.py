"""Changing for how long a repository lets no restore point go."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tandem.actions.context import Act
from tandem.domain.errors import Conflict
from tandem.domain.repositories import BackupRepository
from tandem.store import activity_log, backup_servers, repositories, retention


def change_immutability(act: Act, backup_server_uid: str, uid: str, days: int) -> BackupRepository:
    """Set the immutable period of a repository.

    It is what the console and its agents hold to; whether the storage itself refuses to delete is the storage's.

    Raises:
        NotFound: if the repository is not there for the caller.
        Conflict: if it gets shorter while a point is held for which the longer one was promised.
    """
    scope = act.caller.scope
    with act.context.database.writing() as connection:
        backup_servers.bump_revision(connection, backup_server_uid)
        repository = repositories.get_repository(connection, scope, uid, backup_server_uid)
        present = repository.immutability_interval
        arrival = retention.last_arrival(connection, uid) if days < present else None
        if arrival is not None and arrival + timedelta(days=present) > act.now:
            until = arrival + timedelta(days=present)
            text = f"immutabilityInterval: {days} is shorter than the {present} days promised for the restore points"
            raise Conflict(
                f"{text} that are held; it can be shortened from {until:%Y-%m-%d %H:%M} UTC on, if none is added.",
                field="immutabilityInterval",
            )
        retention.set_immutability(connection, scope, uid, days)
        activity_log.record_activity(
            connection,
            act.caller,
            "SetBackupRepositoryImmutability",
            object_uid=uid,
            object_organization_uid=repository.organization_uid,
            detail=f"{repository.name} (from {present} to {days} days)",
            now=act.now,
        )
    return msgspec.structs.replace(repository, immutability_interval=days)
