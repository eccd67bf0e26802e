"""Logins over HTTP: passwords, API keys, second factors, and the end of tokens."""

from __future__ import annotations

from typing import Annotated

import msgspec

from tandem.actions import logins as actions
from tandem.actions.totp import new_secret, secret_url
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.json_patch import JsonPatches, read_patch
from tandem.api.http.listing import Resource, window_of
from tandem.api.http.texts import Instant, Int32, Int64, Text, Uid, instant
from tandem.domain.errors import Invalid, NotFound
from tandem.domain.identity import Scope, ScopeKind, grantable_roles
from tandem.domain.listing import Query
from tandem.domain.logins import LoginScope, LoginStatus, UserLogin
from tandem.store import logins, organizations

LOGIN_ID_DIGITS_MAX = 15
ChosenScope = Annotated[LoginScope, msgspec.Meta(extra_json_schema={"enum": ["integration", "rest", "ui"]})]
Scopes = Annotated[list[ChosenScope], msgspec.Meta(min_length=1)]


class UserLoginView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's UserLogin. `parameters` holds an API key, in the answer that makes it and nowhere else."""

    id: Int32
    user_uid: Uid
    identity_provider_name: str
    description: str
    is_read_access_only: bool
    status: LoginStatus
    identifier_in_provider: str
    user_name: str
    company_id: Uid | msgspec.UnsetType = msgspec.UNSET
    company_name: str | msgspec.UnsetType = msgspec.UNSET
    scopes: list[LoginScope]
    parameters: str | msgspec.UnsetType = msgspec.UNSET
    creation_date: Instant


class ApiKeyParameters(msgspec.Struct, rename="camel", kw_only=True):
    """What an API key is made from."""

    description: Text
    scopes: Scopes
    is_read_access_only: bool = False


class TotpParameters(msgspec.Struct, rename="camel", kw_only=True):
    """What a second factor is made from."""

    secret_url: Text
    code: Text
    description: Text
    scopes: Scopes


class RevocationParameters(msgspec.Struct, rename="camel", kw_only=True):
    """Whether only what came of one login is to end."""

    user_login_id: Int64 | None = None


class UserLoginPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a login."""

    description: Text
    is_read_access_only: bool
    status: Annotated[LoginStatus, msgspec.Meta(extra_json_schema={"enum": ["disabled", "enabled"]})]


class TotpSecretView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's TotpSecret."""

    secret: str
    secret_url: str


LOGINS = Resource(UserLoginView, logins.LOGINS)


def list_own_logins(call: Call) -> Many[UserLoginView]:
    """List the caller's own logins."""
    query = LOGINS.read(call)
    own = Scope(ScopeKind.OWN_COMPANY_ONLY, call.who.organization_uid)
    with call.reading() as connection:
        page = logins.list_logins(connection, own, query, call.who.user_uid)
    return Many(page, [_view(row) for row in page.rows])


def list_user_logins(call: Call) -> Many[UserLoginView]:
    """List the logins of a user."""
    user_uid = call.uid("userUid")
    with call.reading() as connection:
        scope, _user = actions.reach(connection, call.who, user_uid)
        page = logins.list_logins(connection, scope, Query(window=window_of(call)), user_uid)
    return Many(page, [_view(row) for row in page.rows])


def list_organization_keys(call: Call) -> Many[UserLoginView]:
    """List the API keys of an organization's users: of those whose logins the caller may manage, and his own."""
    query, organization_uid, who = LOGINS.read(call), call.uid("organizationUid"), call.who
    with call.reading() as connection:
        organizations.get_organization(connection, call.scope, organization_uid)
        page = logins.list_api_keys(
            connection, call.scope, query, organization_uid, of=grantable_roles(who.role), own_uid=who.user_uid
        )
    return Many(page, [_view(row) for row in page.rows])


def get_user_login(call: Call) -> One[UserLoginView]:
    """Get one login of a user."""
    user_uid, login_id = call.uid("userUid"), _login_id(call)
    with call.reading() as connection:
        scope, _user = actions.reach(connection, call.who, user_uid)
        return One(_view(logins.get_login(connection, scope, user_uid, login_id)))


def create_api_key(call: Call, query: ApiKeyParameters) -> One[UserLoginView]:
    """Make an API key; it is in this answer only."""
    wanted = actions.Wanted(
        description=query.description,
        scopes=_known(query.scopes),
        is_read_access_only=query.is_read_access_only,
    )
    login, key = actions.create_api_key(call.act, call.uid("userUid"), wanted)
    view = _view(login)
    view.parameters = key
    return One(view, is_secret=True)


def create_totp(call: Call, query: TotpParameters) -> One[UserLoginView]:
    """Add a second factor."""
    wanted = actions.Wanted(description=query.description, scopes=_known(query.scopes))
    user_uid = call.uid("userUid")
    login = actions.create_totp(call.act, user_uid, wanted, secret_url=query.secret_url, code=query.code)
    return One(_view(login))


def patch_user_login(call: Call, body: JsonPatches) -> One[UserLoginView]:
    """Describe, restrict or switch a login."""
    patch = read_patch(body, UserLoginPatch)

    def decide(login: UserLogin) -> actions.LoginChanges:
        changes = patch.changes(_view(login))
        status: LoginStatus | None = changes.get("status")
        if status not in {None, LoginStatus.ENABLED, LoginStatus.DISABLED}:
            raise Invalid(f"status: {status} is not allowed; use enabled or disabled.", field="status")
        return actions.LoginChanges(**changes)

    return One(_view(actions.change_login(call.act, call.uid("userUid"), _login_id(call), decide)))


def delete_user_login(call: Call) -> One[bool]:
    """Remove a login."""
    actions.delete_login(call.act, call.uid("userUid"), _login_id(call))
    return One(data=True)


def revoke_tokens(call: Call, query: RevocationParameters) -> One[bool]:
    """End a user's tokens, or those that came of one login."""
    actions.revoke_tokens(call.act, call.uid("userUid"), query.user_login_id)
    return One(data=True)


def make_totp_secret(call: Call) -> One[TotpSecretView]:
    """Make a secret for an authenticator; it is stored when a code proves that one has it."""
    secret = new_secret()
    return One(TotpSecretView(secret=secret, secret_url=secret_url(secret, call.who.user_name)), is_secret=True)


def _login_id(call: Call) -> int:
    text = call.path["userLoginId"]
    if not (text.isascii() and text.isdigit() and len(text) <= LOGIN_ID_DIGITS_MAX):
        raise NotFound(f"userLoginId: {text[:60]!r} is not the id of anything.")
    return int(text)


def _known(scopes: list[LoginScope]) -> tuple[str, ...]:
    if LoginScope.UNKNOWN in scopes:
        raise Invalid("scopes: unknown cannot be chosen; use integration, rest or ui.", parameter="scopes")
    return tuple(scopes)


def _view(login: UserLogin) -> UserLoginView:
    return UserLoginView(
        id=login.id,
        user_uid=login.user_uid,
        identity_provider_name=login.identity_provider_name,
        description=login.description,
        is_read_access_only=login.is_read_access_only,
        status=login.status,
        identifier_in_provider=login.identifier_in_provider,
        user_name=login.user_name,
        company_id=login.company_id or msgspec.UNSET,
        company_name=login.company_name or msgspec.UNSET,
        scopes=[LoginScope(scope) for scope in login.scopes],
        creation_date=instant(login.creation_date),
    )
