"""Users over HTTP."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from starlette.responses import Response

from tandem.actions import change_user, create_organization
from tandem.api.bodies import read_body
from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, single
from tandem.api.organizations import OwnerCredentials, OwnerView
from tandem.api.texts import Email, Text
from tandem.domain.errors import Invalid
from tandem.domain.identity import MfaPolicyStatus, Role, User
from tandem.store import users


class Title(StrEnum):
    """The contract's titles."""

    UNKNOWN = "Unknown"
    MR = "Mr"
    MRS = "Mrs"
    MISS = "Miss"
    MS = "Ms"


class Profile(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's UserProfile."""

    first_name: Text | None = None
    last_name: Text | None = None
    title: Title = Title.UNKNOWN
    email: Email | None = None
    address: Text | None = None
    phone: Text | None = None


class UserView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's User."""

    instance_uid: str
    organization_uid: str
    role: str
    user_name: str
    status: str
    profile: Profile
    credentials: OwnerView
    mfa_policy_status: str = "Disabled"
    mfa_policy_configuration_status: str = "NotConfigured"


class UserInput(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's UserInput, as far as it means something here."""

    organization_uid: UUID
    role: Role
    profile: Profile
    credentials: OwnerCredentials
    mfa_policy_status: MfaPolicyStatus = MfaPolicyStatus.DISABLED
    backup_resource: dict[str, Any] | None = None


def list_users(call: Call) -> Response:
    """List users."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        page = users.list_users(connection, call.scope, call.window())
    return collection(page, [view_user(row) for row in page.rows])


def get_user(call: Call) -> Response:
    """Get a user."""
    with call.reading() as connection:
        return single(view_user(users.get_user(connection, call.scope, call.uid("userUid"))))


def get_current_user(call: Call) -> Response:
    """Get the caller's own user."""
    with call.reading() as connection:
        return single(view_user(users.get_own(connection, call.who)))


def create_user(call: Call) -> Response:
    """Create a user."""
    body = read_body(call, UserInput)
    if body.backup_resource is not None:
        text = "backupResource: there are no cloud tenants here, and so no quotas of their storage; leave it out."
        raise Invalid(text, field="backupResource")
    change_user.check_mfa_policy(body.mfa_policy_status)
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
    )
    return single(view_user(create_organization.create_user(call.act, user, body.credentials.password)))


def view_user(user: User) -> UserView:
    """Show a user as the contract does."""
    profile = Profile(
        first_name=user.first_name,
        last_name=user.last_name,
        title=Title(user.title),
        email=user.email,
        address=user.address,
        phone=user.phone,
    )
    return UserView(
        instance_uid=user.instance_uid,
        organization_uid=user.organization_uid,
        role=user.role,
        user_name=user.user_name,
        status=user.status,
        profile=profile,
        credentials=OwnerView(user.user_name),
    )
