"""Having a backup server's agent report what it has; queued, not done."""

from __future__ import annotations

from tandem.actions.ask_agent import START_LIFETIME, require_connected
from tandem.actions.context import Act
from tandem.protocol.messages import Collect
from tandem.store import activity_log, agent_commands, backup_servers


def collect(act: Act, backup_server_uid: str) -> None:
    """Queue a report of all repositories of a backup server; one that waits already is enough.

    Raises:
        NotFound: if the backup server is not there for the caller.
        Unavailable: if its agent is away.
    """
    now = act.now
    with act.context.database.writing() as connection:
        server = backup_servers.get_backup_server(connection, act.caller.scope, backup_server_uid)
        require_connected(act.context, server)
        order = Collect()
        if not agent_commands.is_waiting(connection, server.instance_uid, order, now):
            agent_commands.insert_command(
                connection, server.instance_uid, order, now=now, expires_at=now + START_LIFETIME
            )
        activity_log.record_activity(
            connection,
            act.caller,
            "ForceCollectBackupServer",
            object_uid=server.instance_uid,
            detail=server.name,
            now=now,
            object_organization_uid=server.organization_uid,
        )
