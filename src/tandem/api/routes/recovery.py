"""The operations of recovery: kits, adoption, and what deleted companies left; rows of the table in `routes`."""

from __future__ import annotations

from functools import partial

from tandem.api import adoption, recovery_kits
from tandem.api.http.operations import BASE, Operation
from tandem.domain.identity import Permission

SERVERS = f"{BASE}/infrastructure/backupServers"
REPOSITORY = SERVERS + "/{backupServerUid}/repositories/{repositoryUid}"
JOB_ADOPTION = SERVERS + "/jobs/{jobUid}/adoption"
REMOVED = f"{SERVERS}/removedRepositories"
_ours = partial(Operation, is_extension=True)

RECOVERY_ROUTES: list[Operation] = [
    _ours(
        "POST",
        f"{REPOSITORY}/recoveryKit",
        "DownloadBackupRepositoryRecoveryKit",
        Permission.WRITE,
        recovery_kits.download_recovery_kit,
    ),
    _ours(
        "GET",
        f"{REPOSITORY}/snapshots",
        "GetBackupRepositorySnapshots",
        Permission.READ,
        adoption.get_repository_snapshots,
    ),
    _ours(
        "POST",
        f"{REPOSITORY}/snapshots/collect",
        "CollectBackupRepositorySnapshots",
        Permission.WRITE,
        adoption.collect_repository_snapshots,
    ),
    _ours("GET", JOB_ADOPTION, "GetBackupServerJobAdoption", Permission.READ, adoption.get_adoption),
    _ours("POST", JOB_ADOPTION, "AdoptBackupServerJobPoints", Permission.WRITE, adoption.adopt_points),
    _ours(
        "GET",
        REMOVED,
        "GetRemovedRepositories",
        Permission.PROVIDER,
        recovery_kits.list_removed_repositories,
        recovery_kits.REMOVED_REPOSITORIES,
    ),
    _ours(
        "POST",
        REMOVED + "/{removedRepositoryUid}/recoveryKit",
        "DownloadRemovedRepositoryRecoveryKit",
        Permission.PROVIDER,
        recovery_kits.download_removed_recovery_kit,
    ),
]
