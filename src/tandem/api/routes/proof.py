"""The operations of proving copies: reading back, healing, restore drills, reports; rows of the table in `routes`."""

from __future__ import annotations

from functools import partial

from tandem.api import proof
from tandem.api.http.operations import BASE, Operation
from tandem.domain.identity import Permission

SERVERS = f"{BASE}/infrastructure/backupServers"
REPOSITORY = SERVERS + "/{backupServerUid}/repositories/{repositoryUid}"
COPY_JOB = SERVERS + "/jobs/fileShareCopyJobs/{jobUid}"
READ, WRITE = Permission.READ, Permission.WRITE
FAMILY, FAMILY_WRITE = Permission.FILE_SHARE_JOBS, Permission.FILE_SHARE_JOBS_WRITE
_ours = partial(Operation, is_extension=True)

PROOF_ROUTES: list[Operation] = [
    _ours("GET", f"{REPOSITORY}/verification", "GetBackupRepositoryVerification", READ, proof.get_verification),
    _ours("PUT", f"{REPOSITORY}/verification", "SetBackupRepositoryVerification", WRITE, proof.set_verification),
    _ours("POST", f"{REPOSITORY}/verify", "VerifyBackupRepository", WRITE, proof.verify_repository),
    _ours("POST", f"{REPOSITORY}/heal", "HealBackupRepository", WRITE, proof.heal_repository),
    _ours("GET", f"{COPY_JOB}/proof", "GetFileShareCopyJobProof", FAMILY, proof.get_copy_proof),
    _ours("PUT", f"{COPY_JOB}/proof", "SetFileShareCopyJobProof", FAMILY_WRITE, proof.set_copy_proof),
    _ours("POST", f"{COPY_JOB}/drill", "DrillFileShareCopyJob", FAMILY_WRITE, proof.drill_copy),
    _ours(
        "GET",
        BASE + "/organizations/companies/{companyUid}/protectionReport",
        "GetCompanyProtectionReport",
        READ,
        proof.get_protection_report,
    ),
    _ours("GET", f"{BASE}/protectionReports/keys", "GetProtectionReportKeys", Permission.PUBLIC, proof.get_report_keys),
]
