"""Recovery kits over HTTP: answers that hold the keys to a repository, so that nobody keeps them on their way."""

from __future__ import annotations

import msgspec

from tandem.actions import make_recovery_kit as make
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Instant, Uid, instant
from tandem.domain.recovery_kits import RecoveryKit, text_of
from tandem.store import removed_repositories


class RecoveryKitView(msgspec.Struct, rename="camel", kw_only=True):
    """The recovery kit of a repository: a text to be kept as a file of that name, secret, apart from the backups."""

    file_name: str
    creation_time: Instant
    text: str


class RemovedRepositoryView(msgspec.Struct, rename="camel", kw_only=True):
    """A repository of a company that was deleted; what it holds is still on its disk."""

    instance_uid: Uid
    organization_uid: Uid
    organization_name: str
    backup_server_name: str
    host_name: str
    name: str
    path: str
    removal_time: Instant


REMOVED_REPOSITORIES = Resource(RemovedRepositoryView, removed_repositories.REMOVED_REPOSITORIES)


def download_recovery_kit(call: Call) -> One[RecoveryKitView]:
    """Give the recovery kit of a repository."""
    kit = make.make_recovery_kit(call.act, call.uid("repositoryUid"), call.uid("backupServerUid"))
    return One(_view(kit), is_secret=True)


def download_removed_recovery_kit(call: Call) -> One[RecoveryKitView]:
    """Give the recovery kit of a repository of a company that was deleted."""
    return One(_view(make.make_removed_recovery_kit(call.act, call.uid("removedRepositoryUid"))), is_secret=True)


def list_removed_repositories(call: Call) -> Many[RemovedRepositoryView]:
    """List the repositories of companies that were deleted."""
    query = REMOVED_REPOSITORIES.read(call)
    with call.reading() as connection:
        page = removed_repositories.list_removed_repositories(connection, call.scope, query)
    return Many(
        page,
        [
            RemovedRepositoryView(
                instance_uid=row.instance_uid,
                organization_uid=row.organization_uid,
                organization_name=row.organization_name,
                backup_server_name=row.backup_server_name,
                host_name=row.host_name,
                name=row.name,
                path=row.path,
                removal_time=instant(row.removed_at),
            )
            for row in page.rows
        ],
    )


def _view(kit: RecoveryKit) -> RecoveryKitView:
    return RecoveryKitView(file_name=kit.file_name, creation_time=instant(kit.made_at), text=text_of(kit))
