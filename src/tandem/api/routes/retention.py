"""The operations on how long jobs and repositories keep restore points, and on copies that are quarantined."""

from __future__ import annotations

from functools import partial

from tandem.api import copy_forecasts, immutability, reset_copies, retention
from tandem.api.http.operations import BASE, Operation
from tandem.domain.identity import Permission

_SERVER = f"{BASE}/infrastructure/backupServers/{{backupServerUid}}"
_JOBS = f"{BASE}/infrastructure/backupServers/jobs"
_POINT = f"{BASE}/protectedWorkloads/fileShares/restorePoints/{{restorePointUid}}"
_FAMILY, _FAMILY_WRITE = Permission.FILE_SHARE_JOBS, Permission.FILE_SHARE_JOBS_WRITE
_ours = partial(Operation, is_extension=True)

RETENTION_ROUTES: list[Operation] = [
    _ours(
        "PATCH",
        _JOBS + "/fileShareJobs/{jobUid}",
        "PatchBackupServerFileShareJob",
        _FAMILY_WRITE,
        retention.patch_file_share_job,
        patches=retention.RetentionPatch,
    ),
    _ours(
        "GET",
        _JOBS + "/fileShareJobs/{jobUid}/retentionPreview",
        "GetBackupServerFileShareJobRetentionPreview",
        _FAMILY,
        retention.preview_file_share_job,
    ),
    _ours(
        "PATCH",
        _JOBS + "/fileShareCopyJobs/{jobUid}",
        "PatchBackupServerFileShareCopyJob",
        _FAMILY_WRITE,
        retention.patch_file_share_copy_job,
        patches=retention.RetentionPatch,
    ),
    _ours(
        "GET",
        _JOBS + "/fileShareCopyJobs/{jobUid}/retentionPreview",
        "GetBackupServerFileShareCopyJobRetentionPreview",
        _FAMILY,
        retention.preview_file_share_copy_job,
    ),
    _ours(
        "GET",
        _JOBS + "/fileShareCopyJobs/{jobUid}/forecast",
        "GetBackupServerFileShareCopyJobForecast",
        _FAMILY,
        copy_forecasts.get_forecast,
    ),
    _ours(
        "GET",
        f"{_SERVER}/jobs/fileShareCopyJobs/forecast",
        "GetBackupServerFileShareCopyJobForecastByServer",
        _FAMILY,
        copy_forecasts.get_forecast_of_new_job,
    ),
    _ours(
        "PUT",
        _SERVER + "/repositories/{repositoryUid}/immutability",
        "SetBackupRepositoryImmutability",
        Permission.WRITE,
        immutability.set_immutability,
    ),
    _ours(
        "POST",
        _POINT + "/copies/{jobUid}/reset",
        "ResetFileShareRestorePointCopy",
        Permission.WRITE,
        reset_copies.reset_copy,
    ),
]
