"""The operations on organizations, their locations and their users: rows of the table in `routes`."""

from __future__ import annotations

from functools import partial

from tandem.api import locations, organization_changes, organizations, site_resources, usage, user_changes, users
from tandem.api.http.operations import BASE, Operation
from tandem.domain.identity import Permission

ORGANIZATIONS = f"{BASE}/organizations"
ORGANIZATION = ORGANIZATIONS + "/{organizationUid}"
COMPANY = ORGANIZATIONS + "/companies/{companyUid}"
LOCATIONS = f"{ORGANIZATIONS}/locations"
LOCATION = LOCATIONS + "/{locationUid}"
USER = BASE + "/users/{userUid}"

READ = Permission.READ
ORGANIZATIONS_WRITE, COMPANIES_WRITE = Permission.ORGANIZATIONS_WRITE, Permission.COMPANIES_WRITE
USERS_READ, USERS_WRITE = Permission.USERS_READ, Permission.USERS_WRITE
EXPANDS_ORGANIZATION = ("Organization",)

_ours = partial(Operation, is_extension=True)

ORGANIZATION_ROUTES: list[Operation] = [
    # Organizations
    Operation(
        "GET",
        ORGANIZATIONS,
        "GetOrganizations",
        READ,
        organizations.list_organizations,
        organizations.ORGANIZATIONS,
    ),
    Operation(
        "GET",
        f"{ORGANIZATIONS}/companies",
        "GetCompanies",
        READ,
        organizations.list_companies,
        organizations.COMPANIES,
        EXPANDS_ORGANIZATION,
    ),
    Operation(
        "POST",
        f"{ORGANIZATIONS}/companies",
        "CreateCompany",
        COMPANIES_WRITE,
        organizations.create_company,
    ),
    Operation("GET", COMPANY, "GetCompany", READ, organizations.get_company),
    Operation("GET", ORGANIZATION, "GetOrganization", READ, organizations.get_organization),
    _ours("POST", f"{ORGANIZATIONS}/resellers", "CreateReseller", Permission.PROVIDER, organizations.create_reseller),
    Operation(
        "PATCH",
        ORGANIZATION,
        "PatchOrganization",
        ORGANIZATIONS_WRITE,
        organization_changes.patch_organization,
        patches=organizations.OrganizationInput,
    ),
    Operation(
        "PATCH",
        COMPANY,
        "PatchCompany",
        COMPANIES_WRITE,
        organization_changes.patch_company,
        patches=organization_changes.CompanyPatch,
    ),
    Operation("DELETE", COMPANY, "DeleteCompany", COMPANIES_WRITE, organization_changes.remove_company),
    Operation(
        "GET",
        f"{COMPANY}/siteResources",
        "GetCompanySiteResources",
        Permission.CLOUD_TENANTS,
        site_resources.list_site_resources,
        site_resources.SITE_RESOURCES,
    ),
    # The same under its path of release 3.5.1.
    Operation(
        "GET",
        f"{COMPANY}/sites",
        "GetCompanySites",
        Permission.CLOUD_TENANTS,
        site_resources.list_site_resources,
        site_resources.SITE_RESOURCES,
        is_extension=True,
    ),
    Operation(
        "GET", f"{ORGANIZATIONS}/companies/usage", "GetCompaniesAggregatedUsage", READ, usage.list_usage, usage.USAGE
    ),
    Operation("GET", f"{COMPANY}/usage", "GetCompanyAggregatedUsage", READ, usage.list_usage, usage.USAGE),
    # Locations
    Operation("GET", LOCATIONS, "GetLocations", READ, locations.list_locations, locations.LOCATIONS),
    Operation("POST", LOCATIONS, "CreateLocation", ORGANIZATIONS_WRITE, locations.create_location),
    Operation("GET", LOCATION, "GetLocation", READ, locations.get_location),
    Operation(
        "PATCH",
        LOCATION,
        "PatchLocation",
        ORGANIZATIONS_WRITE,
        locations.patch_location,
        patches=locations.LocationPatch,
    ),
    Operation("DELETE", LOCATION, "DeleteLocation", ORGANIZATIONS_WRITE, locations.delete_location),
    Operation("GET", f"{LOCATION}/users", "GetUsersByLocation", USERS_READ, user_changes.list_users, users.USERS),
    Operation(
        "GET",
        f"{ORGANIZATION}/locations",
        "GetLocationsByOrganization",
        READ,
        locations.list_locations,
        locations.LOCATIONS,
    ),
    # Users
    Operation(
        "GET", f"{ORGANIZATION}/users", "GetUsersByOrganization", USERS_READ, user_changes.list_users, users.USERS
    ),
    Operation("PATCH", USER, "PatchUser", USERS_WRITE, user_changes.patch_user, patches=user_changes.UserPatch),
    Operation("DELETE", USER, "DeleteUser", USERS_WRITE, user_changes.delete_user),
    Operation(
        "GET", f"{USER}/locations", "GetUserLocations", USERS_READ, locations.list_locations, locations.LOCATIONS
    ),
    Operation("POST", f"{USER}/locations", "SetUserToLocation", USERS_WRITE, user_changes.set_location),
    Operation("DELETE", f"{USER}/locations", "DeleteUserFromLocation", USERS_WRITE, user_changes.unset_location),
    Operation("GET", f"{BASE}/users", "GetUsers", USERS_READ, users.list_users, users.USERS),
    Operation("POST", f"{BASE}/users", "CreateUser", USERS_WRITE, users.create_user),
    Operation("GET", f"{BASE}/users/me", "GetCurrentUser", Permission.SIGNED_IN, users.get_current_user),
    Operation("GET", USER, "GetUser", USERS_READ, users.get_user),
]
