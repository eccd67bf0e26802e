"""The operations on how runs go: limits, logs and events; rows of the table in `routes`."""

from __future__ import annotations

from functools import partial

from tandem.api import job_events, limits, sessions
from tandem.api.http.operations import BASE, Operation
from tandem.domain.identity import Permission

READ, WRITE = Permission.READ, Permission.WRITE
SERVERS = f"{BASE}/infrastructure/backupServers"
SERVER_LIMITS = SERVERS + "/{backupServerUid}/limits"
REPOSITORY_LIMITS = SERVERS + "/{backupServerUid}/repositories/{repositoryUid}/limits"
_ours = partial(Operation, is_extension=True)

RUN_ROUTES: list[Operation] = [
    _ours("GET", SERVER_LIMITS, "GetBackupServerLimits", READ, limits.get_limits),
    _ours("PATCH", SERVER_LIMITS, "PatchBackupServerLimits", WRITE, limits.patch_limits, patches=limits.LimitsPatch),
    _ours("GET", REPOSITORY_LIMITS, "GetBackupRepositoryLimits", READ, limits.get_limits),
    _ours(
        "PATCH",
        REPOSITORY_LIMITS,
        "PatchBackupRepositoryLimits",
        WRITE,
        limits.patch_limits,
        patches=limits.LimitsPatch,
    ),
    _ours(
        "GET",
        BASE + "/infrastructure/sessions/{sessionUid}/log",
        "GetSessionLog",
        READ,
        sessions.get_session_log,
        media="text/plain",
    ),
    job_events.JOB_EVENTS,
]
