"""What a user signs in with: a password, API keys, second factors; and the sign-ins that came of it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from tandem.domain.identity import Access, Caller, MfaPolicyStatus, Role


class IdentityProvider(StrEnum):
    """The three kinds of login, by the name under which the API shows each."""

    PASSWORD = "VSPC"  # noqa: S105  (a name)
    API_KEY = "ApiKey"
    TOTP = "TOTP"


class LoginScope(StrEnum):
    """The services that a login is for (contract `UserLoginScopesItem`)."""

    INTEGRATION = "integration"
    REST = "rest"
    UI = "ui"
    UNKNOWN = "unknown"


class LoginStatus(StrEnum):
    """Whether a login can be used (contract `UserLoginStatus`)."""

    UNKNOWN = "Unknown"
    ENABLED = "enabled"
    DISABLED = "disabled"
    DISABLED_DUE_TO_USER = "disabledDueToUser"
    DISABLED_DUE_TO_COMPANY = "disabledDueToCompany"
    DISABLED_DUE_TO_TENANT = "disabledDueToTenant"
    DISABLED_DUE_TO_SYSTEM = "disabledDueToSystem"
    DISABLED_DUE_SYSTEM_COMPONENTS_RESTRICTIONS = "disabledDueSystemComponentsRestrictions"


class UserLogin(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which a user signs in; its secret is no part of it."""

    id: int
    user_uid: str
    identity_provider_name: IdentityProvider
    description: str
    is_read_access_only: bool
    status: LoginStatus
    identifier_in_provider: str
    user_name: str
    company_id: str | None
    company_name: str | None
    scopes: tuple[str, ...]
    creation_date: datetime


class NewLogin(msgspec.Struct, frozen=True, kw_only=True):
    """A login to be stored: an API key by its hash, a second factor by its sealed secret."""

    instance_uid: str
    user_uid: str
    identity_provider_name: IdentityProvider
    identifier_in_provider: str
    description: str
    creation_date: datetime
    scopes: tuple[str, ...] = (LoginScope.REST, LoginScope.UI)
    is_read_access_only: bool = False
    status: LoginStatus = LoginStatus.ENABLED
    secret_hash: str | None = None
    sealed_secret: str | None = None
    last_step: int | None = None


class SecondFactor(msgspec.Struct, frozen=True):
    """A second factor as stored; codes of steps up to `last_step` are used up."""

    id: int
    instance_uid: str
    sealed_secret: str
    last_step: int


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What is needed to check a password and to decide what the user may do with it."""

    user_uid: str
    user_name: str
    organization_uid: str
    role: Role
    password_hash: str
    login_id: int
    mfa_policy_status: MfaPolicyStatus
    is_enabled: bool
    is_rest_allowed: bool

    @property
    def caller(self) -> Caller:
        """Whom the activity log names."""
        return Caller(self.user_uid, self.user_name, self.organization_uid, self.role)


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in: what all tokens that came of it have in common. Without its row, none of them is good.

    Attributes:
        instance_uid: what access tokens carry.
        user_uid: whom they stand for.
        login_id: the login by which somebody signed in.
        second_login_id: the second factor that was proved.
        access: what they are good for.
        actor_uid: the user who acts as another, with the name and the role that he had then.
        acted_role: the role that the other had then.
        parent_uid: the sign-in of that user, whose end is the end of this one too.
    """

    instance_uid: str
    user_uid: str
    login_id: int
    created_at: datetime
    expires_at: datetime
    access: Access = Access.FULL
    second_login_id: int | None = None
    actor_uid: str | None = None
    actor_name: str | None = None
    actor_role: Role | None = None
    acted_role: Role | None = None
    parent_uid: str | None = None


class RefreshToken(msgspec.Struct, frozen=True):
    """A refresh token as stored: by its hash, never itself."""

    token_hash: str
    sign_in_uid: str
    expires_at: datetime
    used_at: datetime | None


class CodePurpose(StrEnum):
    """What a single-use code is for."""

    MFA = "second factor"
    PASSWORD_RESET = "password reset"  # noqa: S105  (a purpose)


class SingleUseCode(msgspec.Struct, frozen=True, kw_only=True):
    """A code that is good once, as stored: by its hash. One without a user opens nothing."""

    code_hash: str
    purpose: CodePurpose
    user_uid: str | None
    access: Access
    created_at: datetime
    expires_at: datetime
    sealed_code: str | None = None
    attempts: int = 0
