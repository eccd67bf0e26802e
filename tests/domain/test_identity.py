"""Who may do what, and whose data each role sees: the published contract's table, word by word."""

import pytest

from tandem.domain.identity import (
    Contract,
    OrganizationType,
    Permission,
    Role,
    Scope,
    ScopeKind,
    admitted_roles,
    grantable_roles,
    organization_type_of,
    scope_of,
)
from tests.roles import ADMINISTRATORS_3, ALL_16, OLDEST_5, PORTAL_1, READ_11, READ_13, READ_ONLY_3, USERS_11, WRITE_10

EXPECTED: dict[Permission, frozenset[Role]] = {
    Permission.SIGNED_IN: ALL_16,
    Permission.READ: READ_13,
    Permission.WRITE: WRITE_10,
    Permission.ABOUT: ADMINISTRATORS_3,
    Permission.PROVIDER: PORTAL_1,
    Permission.USERS_READ: USERS_11,
    Permission.USERS_WRITE: WRITE_10,
    Permission.COMPANIES_WRITE: ADMINISTRATORS_3,
    Permission.SERVERS_WRITE: OLDEST_5,
    Permission.ORGANIZATIONS_WRITE: OLDEST_5,
    Permission.CLOUD_TENANTS: READ_11,
    Permission.FILES: WRITE_10,
}
BY_CONTRACT: dict[Permission, tuple[frozenset[Role], frozenset[Role]]] = {
    Permission.FILE_SHARE_JOBS: (OLDEST_5, READ_13),
    Permission.FILE_SHARE_JOBS_WRITE: (OLDEST_5, WRITE_10),
}
SCOPES: dict[ScopeKind, set[Role]] = {
    ScopeKind.EVERYTHING: {Role.PORTAL_ADMINISTRATOR},
    ScopeKind.COMPANIES: {Role.PORTAL_OPERATOR, Role.PORTAL_READONLY_OPERATOR},
    ScopeKind.RESELLER: {Role.RESELLER_OWNER, Role.RESELLER_ADMINISTRATOR, Role.RESELLER_OPERATOR, Role.RESELLER_USER},
    ScopeKind.COMPANY: {Role.COMPANY_OWNER, Role.COMPANY_ADMINISTRATOR},
    ScopeKind.OWN_COMPANY_ONLY: {Role.COMPANY_TENANT},
    ScopeKind.LOCATIONS: {Role.COMPANY_LOCATION_ADMINISTRATOR, Role.COMPANY_LOCATION_USER},
    # Bound to sites, single computers or bills: there is nothing of that kind here.
    ScopeKind.NOTHING: {
        Role.SITE_ADMINISTRATOR,
        Role.RESELLER_INVOICE_AUDITOR,
        Role.COMPANY_SUBTENANT,
        Role.COMPANY_INVOICE_AUDITOR,
    },
}


def test_the_lists_are_as_long_as_the_contracts() -> None:
    assert [len(roles) for roles in (READ_13, WRITE_10, ALL_16, USERS_11)] == [13, 10, 16, 11]
    assert (len(OLDEST_5), len(ADMINISTRATORS_3)) == (5, 3)


@pytest.mark.parametrize("permission", list(Permission))
def test_each_permission_admits_the_contracts_roles(permission: Permission) -> None:
    if permission in {Permission.PUBLIC, Permission.AGENT}:
        return  # No user's role decides there.
    oldest, current = BY_CONTRACT.get(permission) or (EXPECTED[permission], EXPECTED[permission])
    assert admitted_roles(permission, Contract.OLDEST) == oldest
    assert admitted_roles(permission, Contract.CURRENT) == current


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_no_more_than_it_should(role: Role) -> None:
    (kind,) = [kind for kind, roles in SCOPES.items() if role in roles]
    user_uid = "some user" if kind is ScopeKind.LOCATIONS else ""
    assert scope_of(role, "some organization", "some user") == Scope(kind, "some organization", user_uid)


@pytest.mark.parametrize("role", list(Role))
def test_nobody_grants_more_than_his_own_organization_may_have(role: Role) -> None:
    granted = {organization_type_of(other) for other in grantable_roles(role)}
    allowed = {
        OrganizationType.PROVIDER: set(OrganizationType),
        OrganizationType.RESELLER: {OrganizationType.RESELLER, OrganizationType.COMPANY},
        OrganizationType.COMPANY: {OrganizationType.COMPANY},
    }
    assert granted <= allowed[organization_type_of(role)]
    if role is not Role.PORTAL_ADMINISTRATOR:
        assert Role.PORTAL_ADMINISTRATOR not in grantable_roles(role)


def test_an_owner_is_made_from_above_only() -> None:
    for owner in (Role.RESELLER_OWNER, Role.COMPANY_OWNER):
        for role in Role:
            if organization_type_of(role) is organization_type_of(owner):
                assert owner not in grantable_roles(role)


def test_those_who_only_read_make_no_users() -> None:
    for role in READ_ONLY_3 | (ALL_16 - READ_13) | {Role.COMPANY_TENANT}:
        assert grantable_roles(role) == frozenset()
