"""What is written down of what people and agents do: the contract's words for it, and a sentence."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

MESSAGE_LENGTH_MAX = 1_000


class ActivityKind(StrEnum):
    """Where an activity came from: from outside through the API, or from the console and its agents themselves."""

    EXTERNAL = "External"
    INTERNAL = "Internal"


class ActivityType(StrEnum):
    """The contract's activity types (`ActivityLogType`)."""

    AGENT_PACKAGES_DOWNLOADED = "AgentPackagesDownloaded"
    AGENT_STORED_CREDENTIALS_CHANGED = "AgentStoredCredentialsChanged"
    BACKUP_JOB_ASSIGNED = "BackupJobAssigned"
    BACKUP_JOB_CREATED = "BackupJobCreated"
    BACKUP_JOB_DELETED = "BackupJobDeleted"
    BACKUP_JOB_DISABLED = "BackupJobDisabled"
    BACKUP_JOB_ENABLED = "BackupJobEnabled"
    BACKUP_JOB_MODIFIED = "BackupJobModified"
    BACKUP_JOB_RETRIED = "BackupJobRetried"
    BACKUP_JOB_REVOKED = "BackupJobRevoked"
    BACKUP_JOB_STARTED = "BackupJobStarted"
    BACKUP_JOB_STOPPED = "BackupJobStopped"
    BACKUP_POLICY_CREATED = "BackupPolicyCreated"
    BACKUP_POLICY_MODIFIED = "BackupPolicyModified"
    BACKUP_POLICY_REMOVED = "BackupPolicyRemoved"
    BACKUP_REPOSITORY_ADDED = "BackupRepositoryAdded"
    BACKUP_SERVER_ENCRYPTION_PASSWORD_ADDED = "BackupServerEncryptionPasswordAdded"  # noqa: S105  (a word)
    BACKUP_SERVER_ENCRYPTION_PASSWORD_DELETED = "BackupServerEncryptionPasswordDeleted"  # noqa: S105  (a word)
    BACKUP_SERVER_ENCRYPTION_PASSWORD_MODIFIED = "BackupServerEncryptionPasswordModified"  # noqa: S105  (a word)
    BACKUP_SERVER_RESOURCE_ADDED = "BackupServerResourceAdded"
    BACKUP_SERVER_RESOURCE_REMOVED = "BackupServerResourceRemoved"
    BACKUP_USER_CREDENTIALS_ADDED = "BackupUserCredentialsAdded"
    BACKUP_USER_CREDENTIALS_MODIFIED = "BackupUserCredentialsModified"
    BACKUP_USER_CREDENTIALS_REMOVED = "BackupUserCredentialsRemoved"
    CLIENT_USER_MFA_POLICY_MODIFIED = "ClientUserMFAPolicyModified"
    COMPANY_AUTHENTICATION_TOKEN_RESET = "CompanyAuthenticationTokenReset"  # noqa: S105  (a word)
    COMPANY_CREATED = "CompanyCreated"
    COMPANY_DELETED = "CompanyDeleted"
    COMPANY_LOCATION_CREATED = "CompanyLocationCreated"
    COMPANY_LOCATION_MODIFIED = "CompanyLocationModified"
    COMPANY_LOCATION_REMOVED = "CompanyLocationRemoved"
    COMPANY_MFA_POLICY_ENFORCEMENT_UPDATED = "CompanyMFAPolicyEnforcementUpdated"
    COMPANY_MFA_POLICY_MODIFIED = "CompanyMFAPolicyModified"
    COMPANY_MODIFIED = "CompanyModified"
    COMPANY_RESTAPI_ACCESS_MODIFIED = "CompanyRESTAPIAccessModified"
    COMPANY_RESTORED = "CompanyRestored"
    COMPANY_STATUS_UPDATED = "CompanyStatusUpdated"
    COMPANY_USER_CREATED = "CompanyUserCreated"
    COMPANY_USER_LOCATION_CREATED = "CompanyUserLocationCreated"
    COMPANY_USER_LOCATION_REMOVED = "CompanyUserLocationRemoved"
    COMPANY_USER_MODIFIED = "CompanyUserModified"
    COMPANY_USER_REMOVED = "CompanyUserRemoved"
    COMPANY_USER_ROLE_MODIFIED = "CompanyUserRoleModified"
    COMPANY_USER_STATUS_UPDATED = "CompanyUserStatusUpdated"
    DEPLOYMENT_TASK_RECORD_RESET = "DeploymentTaskRecordReset"
    DISCOVERY_RULE_CREATED = "DiscoveryRuleCreated"
    DISCOVERY_RULE_MODIFIED = "DiscoveryRuleModified"
    DISCOVERY_RULE_REMOVED = "DiscoveryRuleRemoved"
    LICENSE_ASSIGNED = "LicenseAssigned"
    LICENSE_INSTALLED = "LicenseInstalled"
    LICENSE_MODIFIED = "LicenseModified"
    LICENSE_REVOKED = "LicenseRevoked"
    LICENSE_UPDATED = "LicenseUpdated"
    LICENSE_USAGE_REPORT_FINALIZED = "LicenseUsageReportFinalized"
    LOGIN_FAILED = "LoginFailed"
    LOGIN_SUCCESSFUL = "LoginSuccessful"
    MANAGEMENT_AGENT_ACCEPTED = "ManagementAgentAccepted"
    MANAGEMENT_AGENT_ASSIGNED = "ManagementAgentAssigned"
    MANAGEMENT_AGENT_CERTIFICATE_CHANGED = "ManagementAgentCertificateChanged"
    MANAGEMENT_AGENT_CONNECTED = "ManagementAgentConnected"
    MANAGEMENT_AGENT_DELETED = "ManagementAgentDeleted"
    MANAGEMENT_AGENT_DISCONNECTED = "ManagementAgentDisconnected"
    MANAGEMENT_AGENT_REGISTERED = "ManagementAgentRegistered"
    MANAGEMENT_AGENT_REJECTED = "ManagementAgentRejected"
    PORTAL_BRANDING_MODIFIED = "PortalBrandingModified"
    PRODUCT_USAGE_STATISTICS_SENT = "ProductUsageStatisticsSent"
    PROVIDER_USER_MFA_POLICY_MODIFIED = "ProviderUserMFAPolicyModified"
    PROXY_SESSION_CLOSED = "ProxySessionClosed"
    PROXY_SESSION_OPENED = "ProxySessionOpened"
    PUBLIC_CLOUD_ACCOUNT_CHANGED = "PublicCloudAccountChanged"
    PUBLIC_CLOUD_ACCOUNT_CREATED = "PublicCloudAccountCreated"
    PUBLIC_CLOUD_ACCOUNT_DELETED = "PublicCloudAccountDeleted"
    PUBLIC_CLOUD_APPLIANCE_DELETED = "PublicCloudApplianceDeleted"
    PUBLIC_CLOUD_APPLIANCE_DEPLOYMENT_STARTED = "PublicCloudApplianceDeploymentStarted"
    PUBLIC_CLOUD_APPLIANCE_MAPPED = "PublicCloudApplianceMapped"
    PUBLIC_CLOUD_APPLIANCE_REGISTRATION_STARTED = "PublicCloudApplianceRegistrationStarted"
    PUBLIC_CLOUD_APPLIANCE_UNMAPPED = "PublicCloudApplianceUnmapped"
    RESELLER_CREATED = "ResellerCreated"
    RESELLER_DELETED = "ResellerDeleted"
    RESELLER_MODIFIED = "ResellerModified"
    RESELLER_RESTAPI_ACCESS_MODIFIED = "ResellerRESTAPIAccessModified"
    RESELLER_STATUS_UPDATED = "ResellerStatusUpdated"
    RESTORE_PERFORMED = "RestorePerformed"
    SSO_COMPANY_MATCHING_FAILED = "SSOCompanyMatchingFailed"
    SSO_IDENTITY_PROVIDER_ADDED = "SsoIdentityProviderAdded"
    SSO_IDENTITY_PROVIDER_REMOVED = "SsoIdentityProviderRemoved"
    SSO_IDENTITY_PROVIDER_RULE_ADDED = "SsoIdentityProviderRuleAdded"
    SSO_IDENTITY_PROVIDER_RULE_REMOVED = "SsoIdentityProviderRuleRemoved"
    SSO_IDENTITY_PROVIDER_RULE_STATUS_UPDATED = "SsoIdentityProviderRuleStatusUpdated"
    SSO_IDENTITY_PROVIDER_RULE_UPDATED = "SsoIdentityProviderRuleUpdated"
    SSO_IDENTITY_PROVIDER_STATUS_UPDATED = "SsoIdentityProviderStatusUpdated"
    SSO_IDENTITY_PROVIDER_UPDATED = "SsoIdentityProviderUpdated"
    SSO_IDENTITY_PROVIDER_VALIDATION_FAILED = "SSOIdentityProviderValidationFailed"
    SSO_LOGIN_FAILED = "SSOLoginFailed"
    SSO_LOGIN_SUCCESFUL = "SsoLoginSuccesful"
    SSO_USER_ROLE_UPDATE = "SSOUserRoleUpdate"
    SUPPORT_CASE_ATTACHMENT_UPLOADED = "SupportCaseAttachmentUploaded"
    SUPPORT_CASE_CREATED = "SupportCaseCreated"
    TENANT_ASSIGNED = "TenantAssigned"
    TENANT_CREATED = "TenantCreated"
    TENANT_DISABLED = "TenantDisabled"
    TENANT_ENABLED = "TenantEnabled"
    TENANT_MODIFIED = "TenantModified"
    TENANT_REMOVED = "TenantRemoved"
    TENANT_UNASSIGNED = "TenantUnassigned"
    UNKNOWN = "Unknown"
    USER_IMPERSONATION_SUCCESSFUL = "UserImpersonationSuccessful"
    USER_LOGIN_TYPE_CREATED = "UserLoginTypeCreated"
    USER_LOGIN_TYPE_REMOVED = "UserLoginTypeRemoved"
    USER_RECORD_CREATED = "UserRecordCreated"
    USER_RECORD_DISABLED = "UserRecordDisabled"
    USER_RECORD_ENABLED = "UserRecordEnabled"
    USER_RECORD_MODIFIED = "UserRecordModified"
    USER_RECORD_RECREATED = "UserRecordRecreated"
    USER_RECORD_REMOVED = "UserRecordRemoved"
    USER_TOKEN_REVOKED = "UserTokenRevoked"  # noqa: S105  (a word)
    VB365_COPY_JOB_CREATED = "VB365CopyJobCreated"
    VB365_JOB_CREATED = "VB365JobCreated"
    VB365_JOB_DELETED = "VB365JobDeleted"
    VB365_JOB_DISABLED = "VB365JobDisabled"
    VB365_JOB_ENABLED = "VB365JobEnabled"
    VB365_JOB_MODIFIED = "VB365JobModified"
    VB365_JOB_STARTED = "VB365JobStarted"
    VB365_JOB_STOPPED = "VB365JobStopped"
    VB365_ORGANIZATION_CREATED = "VB365OrganizationCreated"
    VB365_ORGANIZATION_DELETED = "VB365OrganizationDeleted"
    VB365_ORGANIZATION_MAPPED = "VB365OrganizationMapped"
    VB365_ORGANIZATION_MODIFIED = "VB365OrganizationModified"
    VB365_ORGANIZATION_UNMAPPED = "VB365OrganizationUnmapped"
    VBR_ISO_PREDOWNLOAD_CANCELLED = "VbrIsoPredownloadCancelled"
    VBR_ISO_PREDOWNLOAD_STARTED = "VbrIsoPredownloadStarted"
    VBR_UID_REGENERATED = "VbrUidRegenerated"
    VCD_ORGANIZATION_MAPPED = "VCDOrganizationMapped"
    VCD_ORGANIZATION_UNMAPPED = "VCDOrganizationUnmapped,"  # The published word ends so.
    VCSP_PULSE_TENANT_CREATED = "VCSPPulseTenantCreated"
    VCSP_PULSE_TENANT_MAPPED = "VCSPPulseTenantMapped"
    VCSP_PULSE_TENANT_UNMAPPED = "VCSPPulseTenantUnmapped"
    V_ONE_UID_REGENERATED = "VOneUidRegenerated"
    VSPHERE_TAG_ASSIGNED = "vSphereTagAssigned"
    VSPHERE_TAG_REVOKED = "vSphereTagRevoked"


class Phrase(NamedTuple):
    """How an operation is told: its type, and the words between who did it and what it was done to."""

    type: ActivityType
    words: str


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the log, as somebody may see it.

    `user_uid`, `user_name` and `organization_uid` are None for an actor whose organization the reader does not see:
    a company learns what was done to its things, not who works at its provider.
    """

    at: datetime
    activity: str
    type: ActivityType | None
    user_uid: str | None
    user_name: str | None
    organization_uid: str | None
    is_by_user: bool
    detail: str

    @property
    def kind(self) -> ActivityKind:
        """Where it came from: agents and the console itself have no user."""
        return ActivityKind.EXTERNAL if self.is_by_user else ActivityKind.INTERNAL

    @property
    def message(self) -> str:
        """The sentence that tells it."""
        phrase = PHRASES.get(self.activity)
        words = _SPECIAL.get(self.type) if self.type else None
        words = words or (phrase.words if phrase else f"did {self.activity}")
        told = " ".join(filter(None, (self.user_name or "Your service provider", words, self.detail)))
        # One line, whatever somebody has named a thing.
        return " ".join(told.split())[:MESSAGE_LENGTH_MAX].rstrip(".") + "."


def type_of(activity: Activity) -> ActivityType:
    """Give the type of an activity: the one noted with it, else its operation's, else Unknown."""
    phrase = PHRASES.get(activity.activity)
    return activity.type or (phrase.type if phrase else ActivityType.UNKNOWN)


_T = ActivityType

# Every operation that changes something, by its id; Unknown where the contract's list has no word for it.
PHRASES: dict[str, Phrase] = {
    # Jobs
    "CreateBackupServerFileShareJob": Phrase(_T.BACKUP_JOB_CREATED, "created the file share job"),
    "CreateBackupServerFileShareCopyJob": Phrase(_T.BACKUP_JOB_CREATED, "created the file share copy job"),
    "PatchBackupServerFileShareJob": Phrase(_T.BACKUP_JOB_MODIFIED, "changed the retention of the file share job"),
    "PatchBackupServerFileShareCopyJob": Phrase(
        _T.BACKUP_JOB_MODIFIED, "changed the retention of the file share copy job"
    ),
    "ResetFileShareRestorePointCopy": Phrase(_T.UNKNOWN, "took a copy out of quarantine of the job"),
    "PatchBackupServerJob": Phrase(_T.BACKUP_JOB_MODIFIED, "changed the job"),
    "StartBackupServerJob": Phrase(_T.BACKUP_JOB_STARTED, "started the job"),
    "StopBackupServerJob": Phrase(_T.BACKUP_JOB_STOPPED, "stopped the job"),
    "RetryBackupServerJob": Phrase(_T.BACKUP_JOB_RETRIED, "retried the job"),
    "ReleaseBackupServerJobHold": Phrase(_T.BACKUP_JOB_MODIFIED, "released the retention hold of the job"),
    "DeleteBackupServerJob": Phrase(_T.BACKUP_JOB_DELETED, "deleted the job"),
    "AssignBackupServerJob": Phrase(_T.BACKUP_JOB_ASSIGNED, "assigned the job"),
    "UnassignBackupServerJob": Phrase(_T.BACKUP_JOB_REVOKED, "took the assignment from the job"),
    # Backup servers and what is on them
    "CreateBackupServerEnrolmentToken": Phrase(
        _T.UNKNOWN, "made an enrolment token for the agent of the backup server"
    ),
    "EnrolAgent": Phrase(_T.MANAGEMENT_AGENT_REGISTERED, "enrolled for the backup server"),
    "ForceCollectBackupServer": Phrase(_T.UNKNOWN, "collected data of the backup server"),
    "PatchBackupServerLimits": Phrase(_T.UNKNOWN, "changed the limits of the backup server"),
    "PatchBackupRepositoryLimits": Phrase(_T.UNKNOWN, "changed the limits of the backup repository"),
    "CreateBackupRepository": Phrase(_T.BACKUP_REPOSITORY_ADDED, "added the backup repository"),
    "VerifyBackupRepository": Phrase(_T.UNKNOWN, "had a part read back of the backup repository"),
    "HealBackupRepository": Phrase(_T.UNKNOWN, "started the healing of the backup repository"),
    "SetBackupRepositoryVerification": Phrase(_T.UNKNOWN, "changed the verification of the backup repository"),
    "DrillFileShareCopyJob": Phrase(_T.UNKNOWN, "started a restore drill of the job"),
    "SetFileShareCopyJobProof": Phrase(_T.BACKUP_JOB_MODIFIED, "changed the restore drills of the job"),
    "SetBackupRepositoryImmutability": Phrase(_T.UNKNOWN, "changed the immutable period of the backup repository"),
    "CollectBackupRepositorySnapshots": Phrase(_T.UNKNOWN, "looked into the backup repository"),
    "AdoptBackupServerJobPoints": Phrase(_T.BACKUP_JOB_MODIFIED, "adopted restore points for the job"),
    "DownloadBackupRepositoryRecoveryKit": Phrase(_T.UNKNOWN, "downloaded the recovery kit of the backup repository"),
    "DownloadRemovedRepositoryRecoveryKit": Phrase(_T.UNKNOWN, "downloaded the recovery kit of the removed repository"),
    "ChangeBackupRepositoryAccess": Phrase(_T.UNKNOWN, "changed what opens the backup repository"),
    "CreateFileShare": Phrase(_T.BACKUP_SERVER_RESOURCE_ADDED, "added the file share"),
    "RestoreFileShareRestorePoint": Phrase(_T.RESTORE_PERFORMED, "started a restore"),
    "GetFileShareRestorePointFiles": Phrase(_T.UNKNOWN, "looked into the folder"),
    "SearchFileShareRestorePointFiles": Phrase(_T.UNKNOWN, "searched a restore point for"),
    "SearchFileShareFiles": Phrase(_T.UNKNOWN, "searched the restore points of a file share for"),
    "DownloadFileShareRestorePointFile": Phrase(_T.UNKNOWN, "downloaded"),
    "CreateBackupServerLinuxCredentials": Phrase(_T.BACKUP_USER_CREDENTIALS_ADDED, "added the Linux credentials"),
    "CreateBackupServerStandardCredentials": Phrase(_T.BACKUP_USER_CREDENTIALS_ADDED, "added the credentials"),
    "DeleteBackupServerCredentials": Phrase(_T.BACKUP_USER_CREDENTIALS_REMOVED, "removed the credentials"),
    "CreateBackupServerEncryptionPassword": Phrase(
        _T.BACKUP_SERVER_ENCRYPTION_PASSWORD_ADDED, "added the encryption password"
    ),
    "DeleteBackupServerEncryptionPassword": Phrase(
        _T.BACKUP_SERVER_ENCRYPTION_PASSWORD_DELETED, "deleted the encryption password"
    ),
    # Organizations
    "CreateCompany": Phrase(_T.COMPANY_CREATED, "created the company"),
    "PatchCompany": Phrase(_T.COMPANY_MODIFIED, "changed the company"),
    "DeleteCompany": Phrase(_T.COMPANY_DELETED, "deleted the company"),
    "CreateReseller": Phrase(_T.RESELLER_CREATED, "created the reseller"),
    "PatchOrganization": Phrase(_T.COMPANY_MODIFIED, "changed the organization"),
    "CreateLocation": Phrase(_T.COMPANY_LOCATION_CREATED, "created the location"),
    "PatchLocation": Phrase(_T.COMPANY_LOCATION_MODIFIED, "changed the location"),
    "DeleteLocation": Phrase(_T.COMPANY_LOCATION_REMOVED, "removed the location"),
    # Users and how they sign in
    "OAuth2IssueToken": Phrase(_T.LOGIN_SUCCESSFUL, "signed in"),
    "CreateUser": Phrase(_T.USER_RECORD_CREATED, "created the user"),
    "PatchUser": Phrase(_T.USER_RECORD_MODIFIED, "changed the user"),
    "DeleteUser": Phrase(_T.USER_RECORD_REMOVED, "removed the user"),
    "SetUserToLocation": Phrase(_T.COMPANY_USER_LOCATION_CREATED, "gave a location to the user"),
    "DeleteUserFromLocation": Phrase(_T.COMPANY_USER_LOCATION_REMOVED, "took a location from the user"),
    "CreateResetPasswordRequest": Phrase(_T.USER_RECORD_MODIFIED, "asked for a new password for the user"),
    "CompleteResetPasswordRequest": Phrase(_T.USER_RECORD_MODIFIED, "set a new password for the user"),
    "AddApiKeyLogin": Phrase(_T.USER_LOGIN_TYPE_CREATED, "created an API key for the user"),
    "AddTotpLogin": Phrase(_T.USER_LOGIN_TYPE_CREATED, "registered an authenticator for the user"),
    "UpdateUserLogin": Phrase(_T.USER_RECORD_MODIFIED, "changed a login of the user"),
    "DeleteUserLogin": Phrase(_T.USER_LOGIN_TYPE_REMOVED, "removed a login of the user"),
    "RevokeAuthenticationToken": Phrase(_T.USER_TOKEN_REVOKED, "revoked tokens of the user"),
    # Asynchronous actions
    "CancelAsyncAction": Phrase(_T.UNKNOWN, "cancelled the asynchronous action"),
    "ClearAsyncActionResult": Phrase(_T.UNKNOWN, "dropped the result of the asynchronous action"),
    "AttachRequestDataToAsyncAction": Phrase(_T.UNKNOWN, "attached request data to the asynchronous action"),
}

# What is told in other words than its operation, if this type was noted with it.
_SPECIAL: dict[ActivityType, str] = {
    _T.BACKUP_JOB_ENABLED: "switched on the schedule of the job",
    _T.BACKUP_JOB_DISABLED: "switched off the schedule of the job",
    _T.BACKUP_JOB_STARTED: "started the job",
    _T.BACKUP_JOB_STOPPED: "stopped the job",
    _T.LOGIN_FAILED: "failed to sign in",
    _T.USER_IMPERSONATION_SUCCESSFUL: "signed in in place of the user",
}
