"""Changing organizations and companies: contact data, status, whose customer a company is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tandem.actions.context import Act, named_in
from tandem.actions.logins import refuse_while_acting
from tandem.actions.passwords import hash_password
from tandem.domain.activity_log import ActivityType
from tandem.domain.errors import Conflict, Forbidden, Invalid
from tandem.domain.identity import Company, Organization, OrganizationType, Role
from tandem.store import activity_log, organizations, sign_ins, users
from tandem.store.database import Connection


class CompanyChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change at a company: values by field of `Company`, and its owner's credentials."""

    fields: dict[str, Any] = {}
    owner_user_name: str | None = None
    owner_password: str | None = None


def patch_organization(act: Act, uid: str, decide: Callable[[Organization], dict[str, Any]]) -> Organization:
    """Change an organization's name or contact data.

    Args:
        act: by whom.
        uid: which organization.
        decide: gives the new values by field, seeing the organization as it is; what it raises ends the action.

    Raises:
        NotFound: if the organization is not there for the caller.
        Conflict: if the name is taken.
    """
    with act.context.database.writing() as connection:
        current = organizations.lock_organization(connection, act.caller.scope, uid)
        changes = decide(current)
        if changes:
            _check_name(connection, changes.get("name"), current.name)
            organizations.update_organization(connection, act.caller.scope, uid, changes)
            _log(connection, act, "PatchOrganization", current, changes)
        return organizations.get_organization(connection, act.caller.scope, uid)


def patch_company(act: Act, uid: str, decide: Callable[[Company], CompanyChanges]) -> Company:
    """Change a company; switching it off ends its users' access at once.

    Args:
        act: by whom.
        uid: which company.
        decide: says what is to change, seeing the company as it is; what it raises ends the action.

    Raises:
        NotFound: if the company, or the reseller that it is to have, is not there for the caller.
        Forbidden: if the caller may not give the company to another reseller, or somebody who acts as him changes the
            owner's password.
        Conflict: if a name is taken, or an owner is to be changed and there is none.
        Invalid: for a reseller that is none, or a bad password.
    """
    with act.context.database.writing() as connection:
        current = organizations.lock_company(connection, act.caller.scope, uid)
        changes = decide(current)
        fields = {name: value for name, value in changes.fields.items() if value != getattr(current, name)}
        if "reseller_uid" in fields:
            _check_reseller(connection, act, fields["reseller_uid"])
            sign_ins.end_acting(connection, organization_uid=uid)
        if "name" in fields:
            name = fields.pop("name")
            _check_name(connection, name, current.name)
            organizations.update_organization(connection, act.caller.scope, uid, {"name": name})
        if fields:
            organizations.update_company(connection, act.caller.scope, uid, fields)
        if changes.owner_password is not None:
            refuse_while_acting(act.caller)
        _change_owner(connection, uid, changes)
        _log(connection, act, "PatchCompany", current, changes.fields | _owner_fields(changes))
        return organizations.get_company(connection, act.caller.scope, uid)


def _check_name(connection: Connection, name: str | None, current: str) -> None:
    if name is None or name.casefold() == current.casefold():
        return
    if organizations.is_name_taken(connection, name):
        raise Conflict(f'name: an organization named "{name}" exists already.', field="name")


def _check_reseller(connection: Connection, act: Act, reseller_uid: str | None) -> None:
    # A reseller who gave a customer away, or took one, would act on what is not his.
    if act.caller.role is not Role.PORTAL_ADMINISTRATOR:
        text = f"resellerUid: your role {act.caller.role} does not permit to give a company to another reseller."
        raise Forbidden(text, field="resellerUid")
    if reseller_uid is None:
        return
    with named_in("resellerUid"):
        found = organizations.get_organization(connection, act.caller.scope, reseller_uid)
    if found.type is not OrganizationType.RESELLER:
        raise Invalid(f"resellerUid: {reseller_uid} is a {found.type.lower()}, not a reseller.", field="resellerUid")


def _owner_fields(changes: CompanyChanges) -> dict[str, Any]:
    names = ("owner_user_name", "owner_password")
    return {name: None for name in names if getattr(changes, name) is not None}


def _change_owner(connection: Connection, uid: str, changes: CompanyChanges) -> None:
    if changes.owner_user_name is None and changes.owner_password is None:
        return
    owner = users.find_owner(connection, uid, Role.COMPANY_OWNER)
    if owner is None:
        raise Conflict("ownerCredentials: the company has no owner; create one.", field="ownerCredentials")
    values: dict[str, Any] = {}
    name = changes.owner_user_name
    if name is not None and name != owner.user_name:
        if name.casefold() != owner.user_name.casefold() and users.is_user_name_taken(connection, name):
            field = "ownerCredentials.userName"
            raise Conflict(f'{field}: the user name "{name}" is taken.', field=field)
        values["user_name"] = name
        organizations.rename_owner(connection, uid, name)
    if changes.owner_password is not None:
        values["password_hash"] = hash_password(changes.owner_password, "ownerCredentials.password")
        sign_ins.end_with_password(connection, owner.instance_uid)
    if values:
        users.update_user(connection, owner.instance_uid, values)


def _log(
    connection: Connection, act: Act, activity: str, changed: Organization | Company, changes: dict[str, Any]
) -> None:
    is_status = isinstance(changed, Company) and set(changes) == {"status"}
    activity_log.record_activity(
        connection,
        act.caller,
        activity,
        object_uid=changed.instance_uid,
        detail=f"{changed.name}: {', '.join(sorted(changes))}",
        now=act.now,
        type=ActivityType.COMPANY_STATUS_UPDATED if is_status else None,
        object_organization_uid=changed.instance_uid,
    )
