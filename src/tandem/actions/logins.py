"""Logins: making API keys and second factors, changing and removing them, and ending the sign-ins that came of them.

Everybody does so for himself; for another, whoever sees him and may give his role; nobody while acting as another.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from tandem.actions.context import Act, hash_secret, new_uid
from tandem.actions.throttles import FREE_CODES_OF_USER, forgive, pay_attempt, subject
from tandem.actions.tokens import KEY_PREFIX
from tandem.actions.totp import secret_in, step_of
from tandem.domain.errors import Conflict, Forbidden, Invalid, NotFound
from tandem.domain.identity import Access, Caller, MfaPolicyStatus, Scope, ScopeKind, User, grantable_roles
from tandem.domain.logins import IdentityProvider, LoginStatus, NewLogin, UserLogin
from tandem.store import activity_log, locations, logins, sign_ins, users
from tandem.store.database import Connection

LOGINS_MAX = 100
# So much of a key is kept and shown, for people to tell keys apart; 37 characters of it, 222 bits, stay unknown.
SHOWN_CHARACTERS = 6


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What an API key or a second factor is made from."""

    description: str
    scopes: tuple[str, ...]
    is_read_access_only: bool = False


class LoginChanges(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be changed of a login; None leaves it."""

    description: str | None = None
    is_read_access_only: bool | None = None
    status: LoginStatus | None = None


def reach(connection: Connection, caller: Caller, user_uid: str) -> tuple[Scope, User]:
    """Give a user whose logins the caller may manage, and the scope in which they are found.

    Raises:
        NotFound: if the user is not there for the caller.
        Forbidden: if he is, but has a role that the caller may not give.
    """
    if user_uid == caller.user_uid:
        own = Scope(ScopeKind.OWN_COMPANY_ONLY, caller.organization_uid)
        return own, users.get_user(connection, own, user_uid)
    manageable = grantable_roles(caller.role)
    if caller.access is Access.ENROLMENT or not manageable:
        raise NotFound.of("user", user_uid)
    user = users.get_user(connection, caller.scope, user_uid)
    if user.role not in manageable:
        raise Forbidden(f"Your role {caller.role} does not permit to manage the logins of a user with {user.role}.")
    if not locations.sees_no_more(connection, caller, user_uid):
        raise Forbidden("This user sees locations that you do not; ask an administrator of the company.")
    return caller.scope, user


def create_api_key(act: Act, user_uid: str, wanted: Wanted) -> tuple[UserLogin, str]:
    """Make an API key; gives it, which is not stored and cannot be had again. Raises as `reach`, and Conflict."""
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    with act.context.database.writing() as connection:
        scope, user = _changeable(connection, act, user_uid)
        login = _new(act, user, IdentityProvider.API_KEY, wanted)
        login = msgspec.structs.replace(
            login,
            identifier_in_provider=key[: len(KEY_PREFIX) + SHOWN_CHARACTERS],
            is_read_access_only=wanted.is_read_access_only or act.caller.access is Access.READ_ONLY,
            secret_hash=hash_secret(key),
        )
        return _insert(connection, act, scope, login, user, activity="AddApiKeyLogin"), key


def create_totp(act: Act, user_uid: str, wanted: Wanted, *, secret_url: str, code: str) -> UserLogin:
    """Add a second factor, whose code proves that the authenticator has the secret.

    Raises:
        NotFound, Forbidden: as `reach`.
        Invalid: if the URL or the code is wrong.
        Conflict: if the user has too many logins.
        Throttled: after too many wrong codes.
    """
    secret = secret_in(secret_url)
    of_user = subject("totp of user", user_uid, free=FREE_CODES_OF_USER)
    with act.context.database.writing() as connection:
        _changeable(connection, act, user_uid)
        pay_attempt(connection, [of_user], act.now)
    step = step_of(secret, code, act.now)
    if step is None:
        text = "code: this is not the code that the authenticator shows for the secret; is its clock right?"
        raise Invalid(text, parameter="code")
    with act.context.database.writing() as connection:
        forgive(connection, [of_user])
        scope, user = _changeable(connection, act, user_uid)
        login = _new(act, user, IdentityProvider.TOTP, wanted)
        sealed_secret = act.context.seal.close(secret, login.instance_uid)
        login = msgspec.structs.replace(login, sealed_secret=sealed_secret, last_step=step)
        made = _insert(connection, act, scope, login, user, activity="AddTotpLogin")
        users.note_second_factors(connection, user_uid)
        # Now that he can prove it, he signs in with it.
        sign_ins.end_sign_ins(connection, user_uid, access=Access.ENROLMENT)
    return made


def change_login(act: Act, user_uid: str, login_id: int, decide: Callable[[UserLogin], LoginChanges]) -> UserLogin:
    """Describe, restrict or switch a login; one that is switched off ends what came of it.

    Args:
        act: by whom.
        user_uid: whose login.
        login_id: which.
        decide: says what is to change at the login as it is; what it raises ends the action.

    Raises:
        NotFound, Forbidden: as `reach`.
        Conflict: for a change that is not allowed: widening a key, or restricting the password.
    """
    with act.context.database.writing() as connection:
        scope, user = _changeable(connection, act, user_uid)
        login = logins.get_login(connection, scope, user_uid, login_id)
        changes = decide(login)
        after = msgspec.structs.replace(
            login, **{name: value for name, value in msgspec.structs.asdict(changes).items() if value is not None}
        )
        _refuse_change(login, after)
        if after.status is not LoginStatus.ENABLED:
            _refuse_loss(connection, act, user, login)
        logins.change_login(
            connection,
            scope,
            login_id,
            description=after.description,
            is_read_access_only=after.is_read_access_only,
            status=after.status,
        )
        if after.status is not LoginStatus.ENABLED:
            sign_ins.end_sign_ins(connection, user_uid, login_id=login_id)
        users.note_second_factors(connection, user_uid)
        detail = f"{_name(user, login)}: {after.status}{', read only' if after.is_read_access_only else ''}"
        _record(connection, act, "UpdateUserLogin", user, detail)
        return after


def delete_login(act: Act, user_uid: str, login_id: int) -> None:
    """Remove an API key or a second factor, with all that came of it.

    Raises:
        NotFound, Forbidden: as `reach`.
        Conflict: for the password, or the second factor that one must have oneself.
    """
    with act.context.database.writing() as connection:
        scope, user = _changeable(connection, act, user_uid)
        login = logins.get_login(connection, scope, user_uid, login_id)
        if login.identity_provider_name is IdentityProvider.PASSWORD:
            raise Conflict("The password login goes with its user only; delete or disable the user.")
        _refuse_loss(connection, act, user, login)
        if not logins.delete_login(connection, scope, login_id):
            raise NotFound.of("login", str(login_id))
        users.note_second_factors(connection, user_uid)
        _record(connection, act, "DeleteUserLogin", user, _name(user, login))


def revoke_tokens(act: Act, user_uid: str, login_id: int | None) -> None:
    """End all sign-ins of a user, or those that came of one login; raises as `reach`, and NotFound for the login."""
    with act.context.database.writing() as connection:
        scope, user = _changeable(connection, act, user_uid)
        detail = user.user_name
        if login_id is not None:
            detail = _name(user, logins.get_login(connection, scope, user_uid, login_id))
        sign_ins.end_sign_ins(connection, user_uid, login_id=login_id)
        _record(connection, act, "RevokeAuthenticationToken", user, detail)


def refuse_while_acting(caller: Caller) -> None:
    """Raise Forbidden if somebody acts as the caller: how others sign in is changed in one's own name."""
    if caller.acted_by is not None:
        raise Forbidden("Logins cannot be changed while acting as another user; do it as yourself.")


def _changeable(connection: Connection, act: Act, user_uid: str) -> tuple[Scope, User]:
    refuse_while_acting(act.caller)
    return reach(connection, act.caller, user_uid)


def _new(act: Act, user: User, provider: IdentityProvider, wanted: Wanted) -> NewLogin:
    return NewLogin(
        instance_uid=new_uid(),
        user_uid=user.instance_uid,
        identity_provider_name=provider,
        identifier_in_provider=user.user_name,
        description=wanted.description,
        creation_date=act.now,
        scopes=tuple(sorted(set(wanted.scopes))),
    )


def _insert(connection: Connection, act: Act, scope: Scope, login: NewLogin, user: User, *, activity: str) -> UserLogin:
    if logins.count_logins(connection, user.instance_uid) >= LOGINS_MAX:
        raise Conflict(f"A user has at most {LOGINS_MAX} logins; remove one first.")
    login_id = logins.insert_login(connection, login)
    made = logins.get_login(connection, scope, user.instance_uid, login_id)
    _record(connection, act, activity, user, _name(user, made))
    return made


def _refuse_change(before: UserLogin, after: UserLogin) -> None:
    is_key = before.identity_provider_name is IdentityProvider.API_KEY
    if after.is_read_access_only != before.is_read_access_only and not (is_key and after.is_read_access_only):
        text = "isReadAccessOnly: an API key can be made read-only, nothing else can, and none can be widened again"
        raise Conflict(f"{text}; make another key.", field="isReadAccessOnly")
    if before.identity_provider_name is IdentityProvider.PASSWORD and after.status != before.status:
        raise Conflict("status: the password login follows its user; disable the user.", field="status")


def _refuse_loss(connection: Connection, act: Act, user: User, login: UserLogin) -> None:
    """Keep a user from giving up a second factor that he must have: a thief of his token would, first of all."""
    is_own = user.instance_uid == act.caller.user_uid
    if login.identity_provider_name is not IdentityProvider.TOTP or not is_own:
        return
    others = [each for each in logins.second_factors_of(connection, user.instance_uid) if each.id != login.id]
    if user.mfa_policy_status is MfaPolicyStatus.ENABLED and not others:
        raise Conflict("You must have a second factor; add another first, or ask your administrator.")


def _name(user: User, login: UserLogin) -> str:
    shown = login.identifier_in_provider if login.identity_provider_name is IdentityProvider.API_KEY else ""
    return " ".join(filter(None, (user.user_name, login.identity_provider_name, shown)))


def _record(connection: Connection, act: Act, activity: str, user: User, detail: str) -> None:
    activity_log.record_activity(
        connection,
        act.caller,
        activity,
        object_uid=user.instance_uid,
        detail=detail,
        now=act.now,
        object_organization_uid=user.organization_uid,
    )
