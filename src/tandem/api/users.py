"""Users over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from tandem.actions import change_user, create_organization
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Email, Text, Uid
from tandem.api.http.words import (
    UserMfaPolicyConfigurationStatus,
    UserMfaPolicyStatus,
    UserProfileTitle,
    UserRole,
    UserStatus,
)
from tandem.api.organizations import OwnerCredentialsInput, OwnerView
from tandem.domain.errors import Invalid
from tandem.domain.identity import Role, User
from tandem.store import users

MfaPolicyChoice = Annotated[UserMfaPolicyStatus, msgspec.Meta(extra_json_schema={"enum": ["Disabled", "Enabled"]})]


class Profile(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's UserProfile."""

    first_name: Text | None = None
    last_name: Text | None = None
    title: UserProfileTitle = UserProfileTitle.UNKNOWN
    email: Email | None = None
    address: Text | None = None
    phone: Text | None = None


class UserView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's User."""

    instance_uid: Uid
    organization_uid: Uid
    role: UserRole
    user_name: str
    status: UserStatus
    profile: Profile
    credentials: OwnerView
    mfa_policy_status: UserMfaPolicyStatus
    mfa_policy_configuration_status: UserMfaPolicyConfigurationStatus


class UserInput(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's UserInput, as far as it means something here."""

    organization_uid: UUID
    role: Role
    profile: Profile
    credentials: OwnerCredentialsInput
    mfa_policy_status: MfaPolicyChoice = UserMfaPolicyStatus.DISABLED
    backup_resource: Annotated[dict[str, Any] | None, msgspec.Meta(extra_json_schema={"enum": [None]})] = None


USERS = Resource(UserView, users.USERS)


def list_users(call: Call) -> Many[UserView]:
    """List users."""
    query = USERS.read(call)
    with call.reading() as connection:
        page = users.list_users(connection, call.scope, query)
    return Many(page, [view_user(row) for row in page.rows])


def get_user(call: Call) -> One[UserView]:
    """Get a user."""
    with call.reading() as connection:
        return One(view_user(users.get_user(connection, call.scope, call.uid("userUid"))))


def get_current_user(call: Call) -> One[UserView]:
    """Get the caller's own user."""
    with call.reading() as connection:
        return One(view_user(users.get_own(connection, call.who)))


def create_user(call: Call, body: UserInput) -> One[UserView]:
    """Create a user."""
    if body.backup_resource is not None:
        text = "backupResource: there are no cloud tenants here, and so no quotas of their storage; leave it out."
        raise Invalid(text, field="backupResource")
    user = User(
        instance_uid="",
        organization_uid=str(body.organization_uid),
        role=body.role,
        user_name=body.credentials.user_name,
        status=users.ENABLED,
        first_name=body.profile.first_name,
        last_name=body.profile.last_name,
        title=body.profile.title,
        email=body.profile.email,
        address=body.profile.address,
        phone=body.profile.phone,
        mfa_policy_status=change_user.read_mfa_policy(body.mfa_policy_status),
    )
    return One(view_user(create_organization.create_user(call.act, user, body.credentials.password)))


def view_user(user: User) -> UserView:
    """Show a user as the contract does."""
    profile = Profile(
        first_name=user.first_name,
        last_name=user.last_name,
        title=UserProfileTitle(user.title),
        email=user.email,
        address=user.address,
        phone=user.phone,
    )
    return UserView(
        instance_uid=user.instance_uid,
        organization_uid=user.organization_uid,
        role=UserRole(user.role),
        user_name=user.user_name,
        status=UserStatus(user.status),
        profile=profile,
        credentials=OwnerView(user.user_name),
        mfa_policy_status=UserMfaPolicyStatus(user.mfa_policy_status),
        mfa_policy_configuration_status=UserMfaPolicyConfigurationStatus(user.mfa_policy_configuration_status),
    )
