"""Backup servers over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from tandem.actions import enrol_agent
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Instant, Name, Uid, instant
from tandem.api.http.words import BackupServerBackupServerRoleType, BackupServerStatus
from tandem.domain.backup_servers import BackupServer
from tandem.store import backup_servers

MINUTES_MAX = int(enrol_agent.LIFETIME_MAX.total_seconds() // 60)
MINUTES_DEFAULT = int(enrol_agent.LIFETIME_DEFAULT.total_seconds() // 60)


class BackupServerView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's BackupServer."""

    instance_uid: Uid
    name: str
    organization_uid: Uid
    location_uid: Uid
    management_agent_uid: Uid
    version: str
    display_version: str
    installation_uid: str
    status: BackupServerStatus
    backup_server_role_type: BackupServerBackupServerRoleType
    in_high_availability_cluster: bool = False


class EnrolmentTokenInput(msgspec.Struct, rename="camel", kw_only=True, forbid_unknown_fields=True):
    """What an enrolment token is made from."""

    name: Name
    organization_uid: UUID | None = None
    backup_server_uid: UUID | None = None
    location_uid: UUID | None = None
    lifetime_minutes: Annotated[int, msgspec.Meta(ge=1, le=MINUTES_MAX)] = MINUTES_DEFAULT


class EnrolmentTokenView(msgspec.Struct, rename="camel"):
    """An enrolment token, shown this once."""

    token: str
    expiration_time: Instant


BACKUP_SERVERS = Resource(BackupServerView, backup_servers.BACKUP_SERVERS)


def list_backup_servers(call: Call) -> Many[BackupServerView]:
    """List backup servers."""
    query = BACKUP_SERVERS.read(call)
    with call.reading() as connection:
        page = backup_servers.list_backup_servers(connection, call.scope, query, call.context.clock())
    return Many(page, [_view(call, row) for row in page.rows])


def get_backup_server(call: Call) -> One[BackupServerView]:
    """Get a backup server."""
    with call.reading() as connection:
        found = backup_servers.get_backup_server(connection, call.scope, call.uid("backupServerUid"))
    return One(_view(call, found))


def create_enrolment_token(call: Call, body: EnrolmentTokenInput) -> One[EnrolmentTokenView]:
    """Make a single-use token with which an agent enrols."""
    token, expires_at = enrol_agent.create_enrolment_token(
        call.act,
        name=body.name,
        organization_uid=str(body.organization_uid or call.who.organization_uid),
        backup_server_uid=str(body.backup_server_uid) if body.backup_server_uid else None,
        location_uid=str(body.location_uid) if body.location_uid else None,
        lifetime=timedelta(minutes=body.lifetime_minutes),
    )
    return One(EnrolmentTokenView(token, instant(expires_at)))


def _view(call: Call, server: BackupServer) -> BackupServerView:
    return BackupServerView(
        instance_uid=server.instance_uid,
        name=server.name,
        organization_uid=server.organization_uid,
        location_uid=server.location_uid,
        management_agent_uid=server.management_agent_uid,
        version=server.version,
        display_version=server.display_version,
        installation_uid=server.installation_uid,
        status=BackupServerStatus(server.status(call.context.clock())),
        backup_server_role_type=BackupServerBackupServerRoleType(server.backup_server_role_type),
    )
