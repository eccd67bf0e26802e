"""Creating companies, resellers and users."""

from __future__ import annotations

import msgspec

from tandem.actions.change_user import check_one_owner
from tandem.actions.context import Act, named_in, new_uid
from tandem.actions.passwords import hash_first_password
from tandem.domain.errors import Conflict, Forbidden, Invalid
from tandem.domain.identity import (
    Caller,
    Company,
    Organization,
    OrganizationType,
    Role,
    ScopeKind,
    User,
    grantable_roles,
    organization_type_of,
)
from tandem.store import activity_log, locations, organizations, users
from tandem.store.database import Connection


class NewCompany(msgspec.Struct, frozen=True, kw_only=True):
    """What a company is made from; `organization.instance_uid` is replaced."""

    organization: Organization
    owner_user_name: str
    owner_password: str | None
    reseller_uid: str | None
    subscription_plan_uid: str | None
    is_rest_access_enabled: bool
    is_alarm_detect_enabled: bool


def create_company(act: Act, new: NewCompany) -> Company:
    """Create a company and its owner.

    Raises:
        Invalid: for a bad name or password, or a reseller that is none.
        Conflict: if the name or the owner's user name is taken.
        Forbidden: if a reseller's user names another reseller.
    """
    password_hash = hash_first_password(new.owner_password, "ownerCredentials.password")
    uid = new_uid()
    with act.context.database.writing() as connection:
        company = Company(
            instance_uid=uid,
            name=new.organization.name,
            status="Active",
            reseller_uid=_reseller_of(connection, act.caller, new.reseller_uid),
            subscription_plan_uid=new.subscription_plan_uid,
            is_rest_access_enabled=new.is_rest_access_enabled,
            is_alarm_detect_enabled=new.is_alarm_detect_enabled,
            owner_user_name=new.owner_user_name,
        )
        _insert_organization(connection, msgspec.structs.replace(new.organization, instance_uid=uid))
        organizations.insert_company(connection, company)
        owner = User(
            instance_uid=new_uid(),
            organization_uid=uid,
            role=Role.COMPANY_OWNER,
            user_name=new.owner_user_name,
            status=users.ENABLED,
            email=new.organization.email,
        )
        _insert_user(connection, act, owner, password_hash, field="ownerCredentials.userName")
        activity_log.record_activity(
            connection, act.caller, "CreateCompany", object_uid=uid, detail=company.name, now=act.now
        )
    return company


def create_reseller(act: Act, organization: Organization) -> Organization:
    """Create a reseller; raises Conflict if the name is taken."""
    reseller = msgspec.structs.replace(organization, instance_uid=new_uid(), type=OrganizationType.RESELLER)
    with act.context.database.writing() as connection:
        _insert_organization(connection, reseller)
        activity_log.record_activity(
            connection,
            act.caller,
            "CreateReseller",
            object_uid=reseller.instance_uid,
            detail=reseller.name,
            now=act.now,
        )
    return reseller


def create_user(act: Act, user: User, password: str | None) -> User:
    """Create a user in an organization that the caller sees, with a role that he may give.

    Raises:
        NotFound: if the organization is not there for the caller.
        Forbidden: if the caller may not give this role.
        Invalid: if the role does not belong to the organization's type, or the password is bad.
        Conflict: if the user name is taken, or the organization has an owner and would get another.
    """
    password_hash = hash_first_password(password, "credentials.password")
    user = msgspec.structs.replace(user, instance_uid=new_uid())
    with act.context.database.writing() as connection:
        with named_in("organizationUid"):
            organization = organizations.get_organization(connection, act.caller.scope, user.organization_uid)
        if user.role not in grantable_roles(act.caller.role):
            raise Forbidden(f"Your role {act.caller.role} does not permit to create a user with the role {user.role}.")
        wanted = organization_type_of(user.role)
        if organization.type is not wanted:
            text = f"role: {user.role} is for users of a {wanted.lower()}, but {organization.name} is a"
            raise Invalid(f"{text} {organization.type.lower()}.", field="role")
        check_one_owner(connection, act, user.organization_uid, user.role)
        _insert_user(connection, act, user, password_hash, field="credentials.userName")
        if act.caller.scope.kind is ScopeKind.LOCATIONS:
            # Who sees only some locations makes users for these.
            for location_uid in locations.chosen_locations(connection, act.caller.user_uid):
                locations.choose_location(connection, user.instance_uid, location_uid)
    return user


def _reseller_of(connection: Connection, caller: Caller, wanted: str | None) -> str | None:
    if organization_type_of(caller.role) is OrganizationType.RESELLER:
        if wanted not in {None, caller.organization_uid}:
            raise Forbidden("resellerUid: a company that a reseller creates belongs to that reseller.")
        return caller.organization_uid
    if wanted is not None:
        with named_in("resellerUid"):
            found = organizations.get_organization(connection, caller.scope, wanted)
        if found.type is not OrganizationType.RESELLER:
            raise Invalid(f"resellerUid: {wanted} is a {found.type.lower()}, not a reseller.", field="resellerUid")
    return wanted


def _insert_organization(connection: Connection, organization: Organization) -> None:
    if organizations.is_name_taken(connection, organization.name):
        raise Conflict(f'name: an organization named "{organization.name}" exists already.', field="name")
    organizations.insert_organization(connection, organization, new_uid())


def _insert_user(connection: Connection, act: Act, user: User, password_hash: str, *, field: str) -> None:
    if users.is_user_name_taken(connection, user.user_name):
        raise Conflict(f'{field}: the user name "{user.user_name}" is taken.', field=field)
    users.insert_user(connection, user, password_hash=password_hash, created_at=act.now)
    detail = f"{user.user_name} with the role {user.role}"
    activity_log.record_activity(
        connection,
        act.caller,
        "CreateUser",
        object_uid=user.instance_uid,
        object_organization_uid=user.organization_uid,
        detail=detail,
        now=act.now,
    )
