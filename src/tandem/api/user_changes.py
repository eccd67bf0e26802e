"""Changing users over HTTP, their locations too, and listing those of an organization or a location."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from tandem.actions import change_user
from tandem.actions.change_user import UserChanges
from tandem.api.http.answers import Done, Many, One
from tandem.api.http.call import Call
from tandem.api.http.json_patch import JsonPatches, read_patch
from tandem.api.http.texts import NewPassword
from tandem.api.http.words import UserMfaPolicyStatus, UserStatus
from tandem.api.organizations import UserName
from tandem.api.users import USERS, MfaPolicyChoice, Profile, UserView, view_user
from tandem.domain.errors import Invalid
from tandem.domain.identity import Role, User
from tandem.store import locations, organizations, users


class CredentialsPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a user's credentials."""

    user_name: UserName
    password: NewPassword | msgspec.UnsetType = msgspec.UNSET


class UserPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a user."""

    role: Role
    profile: Profile
    user_name: UserName
    status: Annotated[UserStatus, msgspec.Meta(extra_json_schema={"enum": ["Disabled", "Enabled"]})]
    mfa_policy_status: MfaPolicyChoice
    credentials: CredentialsPatch


class LocationParameters(msgspec.Struct, rename="camel", kw_only=True):
    """Which location."""

    location_uid: UUID


def list_users(call: Call) -> Many[UserView]:
    """List the users of the organization in the path, or those for whom the location in the path was chosen."""
    query = USERS.read(call)
    organization_uid = call.uid("organizationUid") if "organizationUid" in call.path else None
    location_uid = call.uid("locationUid") if "locationUid" in call.path else None
    with call.reading() as connection:
        if organization_uid is not None:
            organizations.get_organization(connection, call.scope, organization_uid)
        if location_uid is not None:
            locations.get_location(connection, call.scope, location_uid)
        page = users.list_users(
            connection, call.scope, query, organization_uid=organization_uid, location_uid=location_uid
        )
    return Many(page, [view_user(row) for row in page.rows])


def patch_user(call: Call, body: JsonPatches) -> One[UserView]:
    """Change a user."""
    patch = read_patch(body, UserPatch)

    def decide(current: User) -> UserChanges:
        return _changes(patch.changes(view_user(current)))

    return One(view_user(change_user.patch_user(call.act, call.uid("userUid"), decide)))


def delete_user(call: Call) -> Done:
    """Delete a user."""
    change_user.delete_user(call.act, call.uid("userUid"))
    return Done()


def set_location(call: Call, query: LocationParameters) -> One[UserView]:
    """Let a user see a location."""
    return One(view_user(change_user.set_location(call.act, call.uid("userUid"), str(query.location_uid))))


def unset_location(call: Call, query: LocationParameters) -> Done:
    """Take a location from what a user sees."""
    change_user.unset_location(call.act, call.uid("userUid"), str(query.location_uid))
    return Done()


def _changes(changes: dict[str, Any]) -> UserChanges:
    status: UserStatus | None = changes.get("status")
    if status is UserStatus.UNKNOWN:
        raise Invalid("status: Unknown cannot be set; use Enabled or Disabled.", field="status")
    profile: Profile | None = changes.pop("profile", None)
    mfa_policy: UserMfaPolicyStatus | None = changes.pop("mfa_policy_status", None)
    credentials: CredentialsPatch | None = changes.pop("credentials", None)
    password: str | None = None
    if credentials is not None:
        changes.setdefault("user_name", credentials.user_name)
        password = None if isinstance(credentials.password, msgspec.UnsetType) else credentials.password
    if profile is not None:
        changes |= {name: getattr(profile, name) for name in Profile.__struct_fields__}
    return UserChanges(fields=changes, password=password, mfa_policy=mfa_policy)
