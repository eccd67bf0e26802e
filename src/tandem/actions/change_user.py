"""Changing and deleting users, and choosing locations for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tandem.actions.context import Act
from tandem.actions.logins import refuse_while_acting
from tandem.actions.passwords import hash_password
from tandem.domain.errors import Conflict, Forbidden, Invalid, NotFound
from tandem.domain.identity import (
    LOCATION_ROLES,
    MfaPolicyStatus,
    Role,
    User,
    UserStatus,
    grantable_roles,
    may_alter,
    organization_type_of,
    owner_role_of,
)
from tandem.domain.locations import Location
from tandem.store import activity_log, locations, organizations, sign_ins, users
from tandem.store.database import Connection


class UserChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change at a user: values by field of `User`, a new password, whether a second factor is needed."""

    fields: dict[str, Any] = {}
    password: str | None = None
    mfa_policy: str | None = None


def patch_user(act: Act, uid: str, decide: Callable[[User], UserChanges]) -> User:
    """Change a user: one that the caller may alter, or, save role and status, himself.

    Args:
        act: by whom.
        uid: which user.
        decide: says what is to change, seeing the user as he is; what it raises ends the action.

    Raises:
        NotFound: if the user is not there for the caller.
        Forbidden: if the caller may not alter this user, or not give the role; for a password or the need of a second
            factor also while somebody acts as the caller.
        Invalid: if the role does not belong to the organization's type, or the password is bad.
        Conflict: if the user name is taken, there is an owner already, or nobody would be left to run the provider.
    """
    with act.context.database.writing() as connection:
        current = _alterable(connection, act, uid)
        _check_within_locations(connection, act, current)
        changes = decide(current)
        if changes.password is not None or changes.mfa_policy not in {None, current.mfa_policy_status}:
            refuse_while_acting(act.caller)
        fields = {name: value for name, value in changes.fields.items() if value != getattr(current, name)}
        _check_role(connection, act, current, fields.get("role"))
        _check_status(connection, act, current, fields)
        _check_user_name(connection, current, fields.get("user_name"))
        if changes.mfa_policy not in {None, current.mfa_policy_status}:
            fields["mfa_policy_status"] = _mfa_policy(act, current, read_mfa_policy(changes.mfa_policy or ""))
        if changes.password is not None:
            fields["password_hash"] = hash_password(changes.password, "credentials.password")
        if fields:
            users.update_user(connection, uid, fields)
        _follow(connection, current, fields)
        _log(connection, act, "PatchUser", current, f"{current.user_name}: {', '.join(sorted(fields))}")
        return msgspec.structs.replace(current, **{n: v for n, v in fields.items() if n != "password_hash"})


def delete_user(act: Act, uid: str) -> None:
    """Delete a user; his tokens end at once.

    Raises:
        NotFound: if the user is not there for the caller.
        Forbidden: if the caller may not alter this user, as an administrator may not the owner.
        Conflict: if it is the caller himself, or nobody would be left to run the provider.
    """
    with act.context.database.writing() as connection:
        current = _alterable(connection, act, uid)
        _check_within_locations(connection, act, current)
        if uid == act.caller.user_uid:
            raise Conflict("Nobody can delete himself; ask another administrator.")
        if current.role is Role.PORTAL_ADMINISTRATOR:
            _check_others_remain(connection, uid)
        users.delete_user(connection, uid)
        _log(connection, act, "DeleteUser", current, f"{current.user_name} {current.role}")


def set_location(act: Act, uid: str, location_uid: str) -> User:
    """Let a user, whose role is bound to locations, see a location of his company.

    Raises:
        NotFound: if the user or the location is not there for the caller.
        Forbidden: if the caller may not alter this user.
        Conflict: if the user's role is not bound to locations.
        Invalid: if the location is another organization's.
    """
    with act.context.database.writing() as connection:
        user = _alterable(connection, act, uid)
        location = _location(connection, act, location_uid)
        if location.organization_uid != user.organization_uid:
            text = f"locationUid: {location_uid} is a location of another organization than the user's."
            raise Invalid(text, parameter="locationUid")
        if user.role not in LOCATION_ROLES:
            raise Conflict(f"The role {user.role} sees all locations; only {' and '.join(LOCATION_ROLES)} see some.")
        if locations.choose_location(connection, uid, location_uid):
            sign_ins.end_acting(connection, user_uid=uid)
            _log(connection, act, "SetUserToLocation", user, f"{user.user_name}: {location.name}")
        return user


def unset_location(act: Act, uid: str, location_uid: str) -> None:
    """Take a location from what a user sees; raises as `set_location`, and NotFound if he does not see it."""
    with act.context.database.writing() as connection:
        user = _alterable(connection, act, uid)
        location = _location(connection, act, location_uid)
        if not locations.unchoose_location(connection, uid, location_uid):
            text = f"locationUid: the location {location_uid} was not chosen for this user."
            raise NotFound(text, parameter="locationUid")
        sign_ins.end_acting(connection, user_uid=uid)
        _log(connection, act, "DeleteUserFromLocation", user, f"{user.user_name}: {location.name}")


def _alterable(connection: Connection, act: Act, uid: str) -> User:
    caller = act.caller
    if uid == caller.user_uid:
        return users.lock_own(connection, caller)
    found = users.lock_user(connection, caller.scope, uid)
    if not may_alter(caller.role, found.role):
        raise Forbidden(f"Your role {caller.role} does not permit to alter a user with the role {found.role}.")
    return found


def _check_within_locations(connection: Connection, act: Act, user: User) -> None:
    is_self = user.instance_uid == act.caller.user_uid
    if not is_self and not locations.sees_no_more(connection, act.caller, user.instance_uid):
        raise Forbidden("This user sees locations that you do not; ask an administrator of the company.")


def _location(connection: Connection, act: Act, location_uid: str) -> Location:
    try:
        return locations.lock_location(connection, act.caller.scope, location_uid)
    except NotFound as error:
        raise NotFound(f"locationUid: {error.message}", parameter="locationUid") from error


def _check_role(connection: Connection, act: Act, current: User, role: Role | None) -> None:
    if role is None:
        return
    if role not in grantable_roles(act.caller.role):
        raise Forbidden(f"Your role {act.caller.role} does not permit to give the role {role}.", field="role")
    if current.instance_uid == act.caller.user_uid and act.caller.role not in grantable_roles(act.caller.role):
        # Who could not give himself back what he lets go of would need somebody else anyway.
        raise Forbidden("role: ask another administrator to change your own role.", field="role")
    wanted, actual = organization_type_of(role), organization_type_of(current.role)
    if wanted is not actual:
        text = f"role: {role} is for users of a {wanted.lower()}; the user belongs to a {actual.lower()}."
        raise Invalid(text, field="role")
    check_one_owner(connection, act, current.organization_uid, role)
    if current.role is Role.PORTAL_ADMINISTRATOR:
        _check_others_remain(connection, current.instance_uid)


def check_one_owner(connection: Connection, act: Act, organization_uid: str, role: Role) -> None:
    """Raise Conflict if a role is an owner's and the organization has an owner already."""
    if role is not owner_role_of(organization_type_of(role)):
        return
    organizations.lock_organization(connection, act.caller.scope, organization_uid)
    owner = users.find_owner(connection, organization_uid, role)
    if owner is not None:
        text = f"role: the organization has an owner already, {owner.user_name}; there can be one only."
        raise Conflict(text, field="role")


def _check_status(connection: Connection, act: Act, current: User, fields: dict[str, Any]) -> None:
    if fields.get("status") != UserStatus.DISABLED:
        return
    if current.instance_uid == act.caller.user_uid:
        raise Conflict("status: nobody can disable himself; ask another administrator.", field="status")
    if current.role is Role.PORTAL_ADMINISTRATOR:
        _check_others_remain(connection, current.instance_uid)


def _check_others_remain(connection: Connection, uid: str) -> None:
    if set(users.lock_enabled_users(connection, Role.PORTAL_ADMINISTRATOR)) <= {uid}:
        raise Conflict("This is the last portal administrator; without one, nobody could run the provider.")


def _check_user_name(connection: Connection, current: User, user_name: str | None) -> None:
    if user_name is None or user_name.casefold() == current.user_name.casefold():
        return
    if users.is_user_name_taken(connection, user_name):
        raise Conflict(f'userName: the user name "{user_name}" is taken.', field="userName")


def read_mfa_policy(status: str) -> MfaPolicyStatus:
    """Give whether a user is to need a second factor; raises Invalid for what cannot be set."""
    allowed = (MfaPolicyStatus.DISABLED, MfaPolicyStatus.ENABLED)
    if status not in allowed:
        text = f"mfaPolicyStatus: {status} cannot be set; allowed: {', '.join(allowed)}."
        raise Invalid(text, field="mfaPolicyStatus")
    return MfaPolicyStatus(status)


def _mfa_policy(act: Act, current: User, status: MfaPolicyStatus) -> MfaPolicyStatus:
    if current.instance_uid == act.caller.user_uid and status is MfaPolicyStatus.DISABLED:
        text = "mfaPolicyStatus: nobody can free himself of the second factor; ask another administrator."
        raise Forbidden(text, field="mfaPolicyStatus")
    return status


def _follow(connection: Connection, before: User, fields: dict[str, Any]) -> None:
    """Let what depends on a user's fields follow their change."""
    uid, role = before.instance_uid, fields.get("role", before.role)
    if role not in LOCATION_ROLES:
        locations.unchoose_location(connection, uid)
    if role is Role.COMPANY_OWNER:
        user_name = fields.get("user_name", before.user_name)
        organizations.rename_owner(connection, before.organization_uid, user_name)
    is_bound_anew = fields.get("mfa_policy_status") is MfaPolicyStatus.ENABLED
    if "password_hash" in fields:
        sign_ins.end_with_password(connection, uid)
    elif fields.get("status") == UserStatus.DISABLED or is_bound_anew:
        sign_ins.end_sign_ins(connection, uid)


def _log(connection: Connection, act: Act, activity: str, user: User, detail: str) -> None:
    activity_log.record_activity(
        connection,
        act.caller,
        activity,
        object_uid=user.instance_uid,
        detail=detail,
        now=act.now,
        object_organization_uid=user.organization_uid,
    )
