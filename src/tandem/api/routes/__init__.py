"""Every operation: a row each, with its permission; an operation without a row does not exist."""

from __future__ import annotations

from functools import partial
from typing import Any

from tandem.api import (
    about,
    activity_log,
    agents,
    backup_servers,
    collect,
    credentials,
    encryption_passwords,
    file_share_backups,
    file_share_copy_jobs,
    file_share_jobs,
    file_shares,
    holds,
    job_assignments,
    job_session_heatmap,
    jobs,
    proxies,
    repositories,
    restore_points,
    sessions,
)
from tandem.api.description import documentation
from tandem.api.http.operations import BASE, Operation
from tandem.api.routes.async_actions import ASYNC_ACTION_ROUTES
from tandem.api.routes.logins import LOGIN_ROUTES
from tandem.api.routes.organizations import ORGANIZATION_ROUTES
from tandem.api.routes.point_files import POINT_FILE_ROUTES
from tandem.api.routes.proof import PROOF_ROUTES
from tandem.api.routes.recovery import RECOVERY_ROUTES
from tandem.api.routes.retention import RETENTION_ROUTES
from tandem.api.routes.runs import RUN_ROUTES
from tandem.domain.identity import Permission
from tandem.protocol.messages import CHALLENGE_PATH, ENROL_PATH, EXCHANGE_PATH, SESSION_PATH

SERVERS = f"{BASE}/infrastructure/backupServers"
SERVER = SERVERS + "/{backupServerUid}"
JOBS = f"{SERVERS}/jobs"
JOB = JOBS + "/{jobUid}"
SHARES = f"{BASE}/protectedWorkloads/fileShares"
SHARE = SHARES + "/{fileShareUid}"

PUBLIC, AGENT, READ, WRITE = Permission.PUBLIC, Permission.AGENT, Permission.READ, Permission.WRITE
EXPANDS_JOB, EXPANDS_INFO = ("BackupServerJob",), ("BackupRepositoryInfo",)
FAMILY, FAMILY_WRITE = Permission.FILE_SHARE_JOBS, Permission.FILE_SHARE_JOBS_WRITE
_ours = partial(Operation, is_extension=True)

ROUTES: list[Operation] = [
    *LOGIN_ROUTES,
    Operation("GET", f"{BASE}/about", "GetAboutInformation", Permission.ABOUT, about.get_about),
    *ASYNC_ACTION_ROUTES,
    *ORGANIZATION_ROUTES,
    *PROOF_ROUTES,
    *RUN_ROUTES,
    # Backup servers
    Operation(
        "GET", SERVERS, "GetBackupServers", READ, backup_servers.list_backup_servers, backup_servers.BACKUP_SERVERS
    ),
    _ours(
        "POST",
        f"{SERVERS}/enrolmentTokens",
        "CreateBackupServerEnrolmentToken",
        Permission.SERVERS_WRITE,
        backup_servers.create_enrolment_token,
    ),
    Operation("GET", SERVER, "GetBackupServer", READ, backup_servers.get_backup_server),
    Operation("POST", f"{SERVER}/collect", "ForceCollectBackupServer", WRITE, collect.collect_from_backup_server),
    # Backup proxies
    Operation("GET", f"{SERVERS}/proxies", "GetBackupProxies", READ, proxies.list_proxies, proxies.PROXIES),
    Operation("GET", f"{SERVER}/proxies", "GetBackupProxiesByServer", READ, proxies.list_proxies, proxies.PROXIES),
    Operation("GET", SERVER + "/proxies/{proxyUid}", "GetBackupProxy", READ, proxies.get_proxy),
    # Credentials and encryption passwords
    Operation("GET", f"{SERVER}/credentials", "GetBackupServerCredentialsByServer", READ, credentials.list_credentials),
    Operation(
        "POST",
        f"{SERVER}/credentials/linux",
        "CreateBackupServerLinuxCredentials",
        WRITE,
        credentials.create_linux_credentials,
    ),
    Operation(
        "POST",
        f"{SERVER}/credentials/standard",
        "CreateBackupServerStandardCredentials",
        WRITE,
        credentials.create_standard_credentials,
    ),
    Operation(
        "DELETE",
        SERVER + "/credentials/{credentialsUid}",
        "DeleteBackupServerCredentials",
        WRITE,
        credentials.delete_credentials,
    ),
    Operation(
        "GET",
        f"{SERVER}/encryptionPasswords",
        "GetBackupServerEncryptionPasswordsByServer",
        READ,
        encryption_passwords.list_encryption_passwords,
    ),
    Operation(
        "POST",
        f"{SERVER}/encryptionPasswords",
        "CreateBackupServerEncryptionPassword",
        WRITE,
        encryption_passwords.create_encryption_password,
    ),
    Operation(
        "DELETE",
        SERVER + "/encryptionPasswords/{passwordUid}",
        "DeleteBackupServerEncryptionPassword",
        WRITE,
        encryption_passwords.delete_encryption_password,
    ),
    # Backup repositories
    Operation(
        "GET",
        f"{SERVERS}/repositories",
        "GetBackupRepositories",
        READ,
        repositories.list_repositories,
        repositories.REPOSITORIES,
        EXPANDS_INFO,
    ),
    Operation(
        "GET",
        f"{SERVER}/repositories",
        "GetBackupRepositoriesByServer",
        READ,
        repositories.list_repositories_by_server,
        repositories.REPOSITORIES,
        EXPANDS_INFO,
    ),
    _ours("POST", f"{SERVER}/repositories", "CreateBackupRepository", WRITE, repositories.create_repository),
    _ours(
        "POST",
        SERVER + "/repositories/{repositoryUid}/access",
        "ChangeBackupRepositoryAccess",
        WRITE,
        repositories.change_repository_access,
    ),
    Operation(
        "GET",
        SERVER + "/repositories/{repositoryUid}",
        "GetBackupRepository",
        READ,
        repositories.get_repository,
        expands=EXPANDS_INFO,
    ),
    # Jobs
    Operation("GET", JOBS, "GetBackupServerJobs", READ, jobs.list_jobs, jobs.JOBS),
    Operation("GET", f"{SERVER}/jobs", "GetBackupServerJobByServer", READ, jobs.list_jobs, jobs.JOBS),
    Operation("GET", JOB, "GetBackupServerJob", READ, jobs.get_job),
    Operation("PATCH", JOB, "PatchBackupServerJob", WRITE, jobs.patch_job, patches=jobs.JobPatch),
    Operation("DELETE", JOB, "DeleteBackupServerJob", WRITE, jobs.delete_job),
    Operation("POST", f"{JOB}/start", "StartBackupServerJob", WRITE, jobs.start_job),
    Operation("POST", f"{JOB}/stop", "StopBackupServerJob", WRITE, jobs.stop_job),
    Operation("POST", f"{JOB}/retry", "RetryBackupServerJob", WRITE, jobs.retry_job),
    _ours("POST", f"{JOB}/release", "ReleaseBackupServerJobHold", WRITE, holds.release_hold),
    Operation("POST", f"{JOB}/assign", "AssignBackupServerJob", Permission.PROVIDER, job_assignments.assign_job),
    Operation("DELETE", f"{JOB}/assign", "UnassignBackupServerJob", Permission.PROVIDER, job_assignments.unassign_job),
    _ours("GET", f"{JOB}/sessions", "GetBackupServerJobSessions", READ, sessions.list_job_sessions, sessions.SESSIONS),
    # File share jobs
    Operation(
        "GET",
        f"{JOBS}/fileShareJobs",
        "GetBackupServerFileShareJobs",
        FAMILY,
        file_share_jobs.list_file_share_jobs,
        file_share_jobs.FILE_SHARE_JOBS,
        EXPANDS_JOB,
    ),
    Operation(
        "GET",
        f"{JOBS}/fileShareJobs/objects",
        "GetBackupServerFileShareJobsObjects",
        FAMILY,
        file_share_jobs.list_objects,
        file_share_jobs.OBJECTS,
    ),
    Operation(
        "GET",
        JOBS + "/fileShareJobs/{jobUid}",
        "GetBackupServerFileShareJob",
        FAMILY,
        file_share_jobs.get_file_share_job,
    ),
    Operation(
        "GET",
        JOBS + "/fileShareJobs/{jobUid}/objects",
        "GetBackupServerFileShareJobObjects",
        FAMILY,
        file_share_jobs.list_objects,
        file_share_jobs.OBJECTS,
    ),
    Operation(
        "GET",
        f"{SERVER}/jobs/fileShareJobs",
        "GetBackupServerFileShareJobsByServer",
        FAMILY,
        file_share_jobs.list_file_share_jobs,
        file_share_jobs.FILE_SHARE_JOBS,
        EXPANDS_JOB,
    ),
    Operation(
        "GET",
        f"{SERVER}/jobs/fileShareJobs/objects",
        "GetBackupServerFileShareJobsObjectsByServer",
        FAMILY,
        file_share_jobs.list_objects,
        file_share_jobs.OBJECTS,
    ),
    _ours(
        "POST",
        f"{SERVER}/jobs/fileShareJobs",
        "CreateBackupServerFileShareJob",
        FAMILY_WRITE,
        file_share_jobs.create_file_share_job,
    ),
    # File share copy jobs
    Operation(
        "GET",
        f"{JOBS}/fileShareCopyJobs",
        "GetBackupServerFileShareCopyJobs",
        FAMILY,
        file_share_copy_jobs.list_file_share_copy_jobs,
        file_share_copy_jobs.FILE_SHARE_COPY_JOBS,
        EXPANDS_JOB,
    ),
    Operation(
        "GET",
        f"{JOBS}/fileShareCopyJobs/objects",
        "GetBackupServerFileShareCopyJobsObjects",
        FAMILY,
        file_share_copy_jobs.list_objects,
        file_share_copy_jobs.OBJECTS,
    ),
    Operation(
        "GET",
        JOBS + "/fileShareCopyJobs/{jobUid}",
        "GetBackupServerFileShareCopyJob",
        FAMILY,
        file_share_copy_jobs.get_file_share_copy_job,
    ),
    Operation(
        "GET",
        JOBS + "/fileShareCopyJobs/{jobUid}/objects",
        "GetBackupServerFileShareCopyJobObjects",
        FAMILY,
        file_share_copy_jobs.list_objects,
        file_share_copy_jobs.OBJECTS,
    ),
    Operation(
        "GET",
        f"{SERVER}/jobs/fileShareCopyJobs",
        "GetBackupServerFileShareCopyJobsByServer",
        FAMILY,
        file_share_copy_jobs.list_file_share_copy_jobs,
        file_share_copy_jobs.FILE_SHARE_COPY_JOBS,
        EXPANDS_JOB,
    ),
    Operation(
        "GET",
        f"{SERVER}/jobs/fileShareCopyJobs/objects",
        "GetBackupServerFileShareCopyJobsObjectsByServer",
        FAMILY,
        file_share_copy_jobs.list_objects,
        file_share_copy_jobs.OBJECTS,
    ),
    _ours(
        "POST",
        f"{SERVER}/jobs/fileShareCopyJobs",
        "CreateBackupServerFileShareCopyJob",
        FAMILY_WRITE,
        file_share_copy_jobs.create_file_share_copy_job,
    ),
    *RETENTION_ROUTES,
    # Sessions
    _ours("GET", f"{BASE}/infrastructure/sessions", "GetSessions", READ, sessions.list_sessions, sessions.SESSIONS),
    _ours("GET", BASE + "/infrastructure/sessions/{sessionUid}", "GetSession", READ, sessions.get_session),
    Operation(
        "GET",
        f"{BASE}/infrastructure/jobSessionHeatmap",
        "GetJobSessionHeatmap",
        READ,
        job_session_heatmap.get_heatmap,
    ),
    # The activity log names users: whoever may list these may read it
    Operation(
        "GET",
        f"{BASE}/eventLogs/activityLogs",
        "GetActivityLogs",
        Permission.USERS_READ,
        activity_log.list_activity_log,
    ),
    # File shares and their restore points
    Operation(
        "GET", SHARES, "GetProtectedOnPremisesFileShares", READ, file_shares.list_file_shares, file_shares.FILE_SHARES
    ),
    _ours("GET", SHARE, "GetProtectedOnPremisesFileShare", READ, file_shares.get_file_share),
    _ours(
        "GET",
        f"{SERVER}/fileShares",
        "GetFileSharesByServer",
        READ,
        file_shares.list_file_shares,
        file_shares.FILE_SHARES,
    ),
    _ours("POST", f"{SERVER}/fileShares", "CreateFileShare", WRITE, file_shares.create_file_share),
    _ours(
        "GET", f"{SHARE}/sessions", "GetFileShareSessions", READ, sessions.list_file_share_sessions, sessions.SESSIONS
    ),
    Operation(
        "GET",
        f"{SHARES}/backups",
        "GetProtectedFileSharesBackups",
        READ,
        file_share_backups.list_file_share_backups,
        file_share_backups.FILE_SHARE_BACKUPS,
    ),
    Operation(
        "GET",
        f"{SHARE}/backups",
        "GetProtectedFileSharesBackupsByFileShare",
        READ,
        file_share_backups.list_file_share_backups,
        file_share_backups.FILE_SHARE_BACKUPS,
    ),
    Operation(
        "GET",
        f"{SHARES}/restorePoints",
        "GetProtectedFileSharesRestorePoints",
        READ,
        restore_points.list_restore_points,
        restore_points.RESTORE_POINTS,
    ),
    Operation(
        "GET",
        f"{SHARE}/restorePoints",
        "GetProtectedFileShareRestorePoints",
        READ,
        restore_points.list_restore_points,
        restore_points.RESTORE_POINTS,
    ),
    _ours(
        "GET",
        SHARES + "/restorePoints/{restorePointUid}",
        "GetProtectedFileShareRestorePoint",
        READ,
        restore_points.get_restore_point,
    ),
    _ours(
        "POST",
        SHARES + "/restorePoints/{restorePointUid}/restore",
        "RestoreFileShareRestorePoint",
        WRITE,
        restore_points.restore_restore_point,
    ),
    *POINT_FILE_ROUTES,
    *RECOVERY_ROUTES,
    # Agents
    _ours("POST", ENROL_PATH, "EnrolAgent", PUBLIC, agents.enrol),
    _ours("POST", CHALLENGE_PATH, "ChallengeAgent", PUBLIC, agents.challenge),
    _ours("POST", SESSION_PATH, "OpenAgentSession", PUBLIC, agents.open_session),
    _ours("POST", EXCHANGE_PATH, "ExchangeWithAgent", AGENT, agents.take_exchange),
    # Operation
    _ours("GET", "/health/live", "GetLive", PUBLIC, about.get_live),
    _ours("GET", "/health/ready", "GetReady", PUBLIC, about.get_ready),
    # The API's own description
    _ours(
        "GET",
        f"{BASE}/openapi.json",
        "GetOpenApi",
        PUBLIC,
        documentation.description_of(lambda: ROUTES, BASE),
        gives=dict[str, Any],
    ),
    _ours("GET", "/docs", "GetDocumentation", PUBLIC, documentation.get_page),
    _ours("GET", "/docs/start.js", "GetDocumentationStart", PUBLIC, documentation.get_start),
    _ours("GET", "/docs/{file}", "GetDocumentationFile", PUBLIC, documentation.get_file),
    _ours("GET", "/metrics", "GetMetrics", PUBLIC, about.get_metrics),
]
