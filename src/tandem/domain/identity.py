"""Who may do what, and whose data each role sees."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class OrganizationType(StrEnum):
    """The three kinds of organization."""

    PROVIDER = "Provider"
    RESELLER = "Reseller"
    COMPANY = "Company"


class Role(StrEnum):
    """The sixteen user roles of the published contract (contract `UserRole`)."""

    PORTAL_ADMINISTRATOR = "PortalAdministrator"
    SITE_ADMINISTRATOR = "SiteAdministrator"
    PORTAL_OPERATOR = "PortalOperator"
    PORTAL_READONLY_OPERATOR = "PortalReadonlyOperator"
    RESELLER_OWNER = "ResellerOwner"
    RESELLER_ADMINISTRATOR = "ResellerAdministrator"
    RESELLER_OPERATOR = "ResellerOperator"
    RESELLER_USER = "ResellerUser"
    RESELLER_INVOICE_AUDITOR = "ResellerInvoiceAuditor"
    COMPANY_OWNER = "CompanyOwner"
    COMPANY_ADMINISTRATOR = "CompanyAdministrator"
    COMPANY_TENANT = "CompanyTenant"
    COMPANY_LOCATION_ADMINISTRATOR = "CompanyLocationAdministrator"
    COMPANY_LOCATION_USER = "CompanyLocationUser"
    COMPANY_SUBTENANT = "CompanySubtenant"
    COMPANY_INVOICE_AUDITOR = "CompanyInvoiceAuditor"


class Contract(StrEnum):
    """Which release of the published contract the file share job family follows by default."""

    OLDEST = "3.0"
    CURRENT = "3.6.1"


class Permission(StrEnum):
    """What a route asks of its caller; `admitted_roles` turns it into roles."""

    PUBLIC = "public"
    AGENT = "agent"
    SIGNED_IN = "signed in"
    READ = "read"
    WRITE = "write"
    FILE_SHARE_JOBS = "file share job family"
    FILE_SHARE_JOBS_WRITE = "file share job family: write"
    ABOUT = "about"
    USERS_READ = "users: read"
    USERS_WRITE = "users: write"
    PROVIDER = "provider administrator"
    COMPANIES_WRITE = "companies: write"
    CLOUD_TENANTS = "cloud tenants: read"
    ORGANIZATIONS_WRITE = "organizations and locations: write"
    SERVERS_WRITE = "backup servers: write"
    FILES = "files within restore points"


ALL_ROLES = frozenset(Role)
LOCATION_ROLES = frozenset({Role.COMPANY_LOCATION_ADMINISTRATOR, Role.COMPANY_LOCATION_USER})
READERS = ALL_ROLES - {Role.RESELLER_INVOICE_AUDITOR, Role.COMPANY_INVOICE_AUDITOR, Role.COMPANY_SUBTENANT}
WRITERS = READERS - {Role.PORTAL_READONLY_OPERATOR, Role.RESELLER_USER, Role.COMPANY_LOCATION_USER}
PROVIDER_AND_RESELLER_ADMINISTRATORS = frozenset(
    {Role.PORTAL_ADMINISTRATOR, Role.RESELLER_OWNER, Role.RESELLER_ADMINISTRATOR}
)
# The five roles of the oldest release's page, for the whole file share job family.
FILE_SHARE_JOB_ROLES_OLDEST = PROVIDER_AND_RESELLER_ADMINISTRATORS | {Role.COMPANY_OWNER, Role.COMPANY_ADMINISTRATOR}

_FAMILY = {Permission.FILE_SHARE_JOBS, Permission.FILE_SHARE_JOBS_WRITE}
_ADMITTED: dict[Permission, frozenset[Role]] = {
    Permission.SIGNED_IN: ALL_ROLES,
    Permission.READ: READERS,
    Permission.WRITE: WRITERS,
    Permission.FILE_SHARE_JOBS: READERS,
    Permission.FILE_SHARE_JOBS_WRITE: WRITERS,
    Permission.ABOUT: PROVIDER_AND_RESELLER_ADMINISTRATORS,
    Permission.PROVIDER: frozenset({Role.PORTAL_ADMINISTRATOR}),
    Permission.USERS_READ: WRITERS | {Role.PORTAL_READONLY_OPERATOR},
    Permission.USERS_WRITE: WRITERS,
    Permission.COMPANIES_WRITE: PROVIDER_AND_RESELLER_ADMINISTRATORS,
    # Only who sees a whole organization may change it.
    Permission.ORGANIZATIONS_WRITE: PROVIDER_AND_RESELLER_ADMINISTRATORS
    | {Role.COMPANY_OWNER, Role.COMPANY_ADMINISTRATOR},
    Permission.CLOUD_TENANTS: READERS - LOCATION_ROLES,
    Permission.SERVERS_WRITE: FILE_SHARE_JOB_ROLES_OLDEST,
    # Whoever may restore a file may read it; those who only watch see neither contents nor names.
    Permission.FILES: WRITERS,
}


def admitted_roles(permission: Permission, contract: Contract) -> frozenset[Role]:
    """Give the roles that a permission admits.

    Args:
        permission: what the route asks for; PUBLIC and AGENT are not decided by roles.
        contract: the operator's setting; it widens the file share job family from the five roles of the
            oldest page to those of the current document: thirteen that read, ten of them that write.
    """
    if contract is Contract.OLDEST and permission in _FAMILY:
        return FILE_SHARE_JOB_ROLES_OLDEST
    return _ADMITTED[permission]


class ScopeKind(StrEnum):
    """How far a user sees."""

    EVERYTHING = "everything"
    COMPANIES = "companies"
    RESELLER = "reseller"
    COMPANY = "company"
    OWN_COMPANY_ONLY = "own company only"
    LOCATIONS = "locations"
    NOTHING = "nothing"


class Scope(msgspec.Struct, frozen=True):
    """Whose data a user sees: the one value that every query carries."""

    kind: ScopeKind
    organization_uid: str
    # By whom locations are looked up; no other kind of scope asks.
    user_uid: str = ""


# Roles bound to sites, bills or single computers see nothing here: there is nothing of that kind.
_SCOPES: dict[Role, ScopeKind] = {
    Role.PORTAL_ADMINISTRATOR: ScopeKind.EVERYTHING,
    Role.PORTAL_OPERATOR: ScopeKind.COMPANIES,
    Role.PORTAL_READONLY_OPERATOR: ScopeKind.COMPANIES,
    Role.RESELLER_OWNER: ScopeKind.RESELLER,
    Role.RESELLER_ADMINISTRATOR: ScopeKind.RESELLER,
    Role.RESELLER_OPERATOR: ScopeKind.RESELLER,
    Role.RESELLER_USER: ScopeKind.RESELLER,
    Role.COMPANY_OWNER: ScopeKind.COMPANY,
    Role.COMPANY_ADMINISTRATOR: ScopeKind.COMPANY,
    Role.COMPANY_TENANT: ScopeKind.OWN_COMPANY_ONLY,
    Role.COMPANY_LOCATION_ADMINISTRATOR: ScopeKind.LOCATIONS,
    Role.COMPANY_LOCATION_USER: ScopeKind.LOCATIONS,
}


def scope_of(role: Role, organization_uid: str, user_uid: str) -> Scope:
    """Give what a user with this role in this organization sees; roles not listed see nothing."""
    kind = _SCOPES.get(role, ScopeKind.NOTHING)
    # Elsewhere the user makes no difference: all users of an organization have one scope.
    return Scope(kind, organization_uid, user_uid if kind is ScopeKind.LOCATIONS else "")


def organization_type_of(role: Role) -> OrganizationType:
    """Give the type of organization whose users may have this role."""
    if role.value.startswith("Company"):
        return OrganizationType.COMPANY
    return OrganizationType.RESELLER if role.value.startswith("Reseller") else OrganizationType.PROVIDER


_COMPANY_ROLES = frozenset(role for role in Role if organization_type_of(role) is OrganizationType.COMPANY)
_RESELLER_ROLES = frozenset(role for role in Role if organization_type_of(role) is OrganizationType.RESELLER)
_COMPANY_STAFF = _COMPANY_ROLES - {Role.COMPANY_OWNER}
_RESELLER_STAFF = _RESELLER_ROLES - {Role.RESELLER_OWNER}

_GRANTABLE: dict[Role, frozenset[Role]] = {
    Role.PORTAL_ADMINISTRATOR: ALL_ROLES,
    Role.SITE_ADMINISTRATOR: _COMPANY_ROLES,
    Role.PORTAL_OPERATOR: _COMPANY_STAFF,
    Role.RESELLER_OWNER: _RESELLER_STAFF | _COMPANY_ROLES,
    Role.RESELLER_ADMINISTRATOR: _RESELLER_STAFF | _COMPANY_ROLES,
    Role.RESELLER_OPERATOR: _COMPANY_STAFF,
    Role.COMPANY_OWNER: _COMPANY_STAFF,
    Role.COMPANY_ADMINISTRATOR: _COMPANY_STAFF,
    Role.COMPANY_LOCATION_ADMINISTRATOR: LOCATION_ROLES,
}


def grantable_roles(role: Role) -> frozenset[Role]:
    """Give the roles that a user with this role may give to others; nobody can hand out more than he has."""
    return _GRANTABLE.get(role, frozenset())


def may_alter(role: Role, other: Role) -> bool:
    """Say whether a user with one role may change or remove another user who has the other role.

    Nobody alters whom he could not have made: so an administrator never alters the owner.
    """
    return other in grantable_roles(role)


def owner_role_of(kind: OrganizationType) -> Role | None:
    """Give the role of which an organization of a type has one user at most; None if there is none."""
    return {OrganizationType.RESELLER: Role.RESELLER_OWNER, OrganizationType.COMPANY: Role.COMPANY_OWNER}.get(kind)


class Organization(msgspec.Struct, frozen=True, kw_only=True):
    """A provider, a reseller or a company, with its contact data."""

    instance_uid: str
    type: OrganizationType
    name: str
    alias: str | None = None
    tax_id: str | None = None
    email: str | None = None
    phone: str | None = None
    country: int | None = None
    state: int | None = None
    country_name: str | None = None
    region_name: str | None = None
    city: str | None = None
    street: str | None = None
    location_admin0_code: str | None = None
    location_admin1_code: str | None = None
    location_admin2_code: str | None = None
    notes: str | None = None
    zip_code: str | None = None
    website: str | None = None
    veeam_tenant_id: str | None = None
    company_id: str | None = None


class UserStatus(StrEnum):
    """Whether a user may sign in."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"


class Company(msgspec.Struct, frozen=True, kw_only=True):
    """A customer: the part of a company that is not its organization's contact data."""

    instance_uid: str
    name: str
    status: str
    reseller_uid: str | None
    subscription_plan_uid: str | None
    is_rest_access_enabled: bool
    is_alarm_detect_enabled: bool
    owner_user_name: str


class MfaPolicyStatus(StrEnum):
    """Whether a user must prove a second factor (contract `UserMfaPolicyStatus`)."""

    UNKNOWN = "Unknown"
    DISABLED = "Disabled"
    ENABLED = "Enabled"
    ENABLED_BY_INHERITANCE = "EnabledByInheritance"


class MfaPolicyConfigurationStatus(StrEnum):
    """Whether a user has a second factor (contract `UserMfaPolicyConfigurationStatus`)."""

    UNKNOWN = "Unknown"
    CONFIGURED = "Configured"
    NOT_CONFIGURED = "NotConfigured"


class User(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs in."""

    instance_uid: str
    organization_uid: str
    role: Role
    user_name: str
    status: str
    first_name: str | None = None
    last_name: str | None = None
    title: str = "Unknown"
    email: str | None = None
    address: str | None = None
    phone: str | None = None
    mfa_policy_status: MfaPolicyStatus = MfaPolicyStatus.DISABLED
    mfa_policy_configuration_status: MfaPolicyConfigurationStatus = MfaPolicyConfigurationStatus.NOT_CONFIGURED


class Access(StrEnum):
    """What a sign-in or an API key is good for."""

    FULL = "full"
    READ_ONLY = "read only"
    ENROLMENT = "enrolment of a second factor"


class Caller(msgspec.Struct, frozen=True):
    """Who is asking: the user behind an access token or an API key, as the database has it now.

    `acted_by` is the name of another user who acts as this one.
    """

    user_uid: str
    user_name: str
    organization_uid: str
    role: Role
    access: Access = Access.FULL
    acted_by: str | None = None

    @property
    def scope(self) -> Scope:
        """Whose data this caller sees."""
        return scope_of(self.role, self.organization_uid, self.user_uid)
