"""The grants of POST /token: by password, with a second factor, by refresh token, and to act as another user.

Grants and errors are OAuth 2.0's (RFC 6749 §4.3, §5.2, §6), as the contract has them. Refresh tokens rotate; a
replayed one ends every token of its sign-in (RFC 9700 §4.14).
"""

from __future__ import annotations

import secrets
from datetime import timedelta

import msgspec

from tandem.actions.context import Context, hash_secret, new_uid
from tandem.actions.passwords import is_password_right
from tandem.actions.throttles import (
    FREE_CODES_OF_USER,
    FREE_FAILURES_OF_ADDRESS,
    FREE_FAILURES_OF_USER,
    forgive,
    give_back,
    is_told,
    origin,
    pay_attempt,
    refuse_if_throttled,
    subject,
)
from tandem.actions.tokens import ACCESS_TOKEN_SECONDS, GrantRefused, TokenChecker
from tandem.actions.totp import step_of
from tandem.domain.activity_log import ActivityType
from tandem.domain.errors import NotFound
from tandem.domain.identity import Access, Caller, MfaPolicyStatus, grantable_roles
from tandem.domain.logins import Account, CodePurpose, RefreshToken, SignIn, SingleUseCode
from tandem.store import activity_log, codes, locations, logins, sign_ins, tokens, users
from tandem.store.database import Connection

REFRESH_TOKEN_LIFETIME = timedelta(days=14)
MFA_TOKEN_LIFETIME = timedelta(minutes=5)
MFA_ATTEMPTS_MAX = 5
# These two come without a refresh token: what they were given for is asked for again afterwards.
ENROLMENT_LIFETIME = timedelta(minutes=15)
THE_PROVIDER = "the service provider"
ACTING_LIFETIME = timedelta(minutes=15)
ISSUE_TOKEN = "OAuth2IssueToken"  # noqa: S105  (the operation's id)

_WRONG_PASSWORD = "The user name or the password is wrong."  # noqa: S105  (a text)
_WRONG_MFA_TOKEN = "mfa_token: it is unknown, used or expired; begin again with the password."  # noqa: S105
_WRONG_CODE = "mfa_code: the code is wrong or was used before; wait for the next one."
_WRONG_REFRESH_TOKEN = "The refresh token is unknown, expired or was used before; sign in again."  # noqa: S105
_NOT_ALLOWED = "REST API access is switched off for this company; its provider can switch it on."


class Tokens(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a grant gives: tokens, or a token with which to prove a second factor."""

    access_token: str | None = None
    refresh_token: str | None = None
    mfa_token: str | None = None
    expires_in: int
    token_type: str | None = None


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """Where tokens are asked for: by what means they are made, from which address, and whether to read only."""

    context: Context
    checker: TokenChecker
    address: str
    is_read_only: bool = False

    @property
    def access(self) -> Access:
        """What is asked for."""
        return Access.READ_ONLY if self.is_read_only else Access.FULL


def grant_by_password(desk: Desk, *, user_name: str, password: str) -> Tokens:
    """Exchange a user name and a password for tokens, or for the right to prove a second factor.

    A user who must have a second factor, and has none, gets a token that only lets him add one.

    Raises:
        GrantRefused: if they are wrong, or the user may not use the REST API.
        Throttled: after too many failures.
    """
    desk.checker.look_for_keys()
    context, now = desk.context, desk.context.clock()
    of_user = subject("user", user_name.casefold(), free=None)
    of_pair = subject("user from", user_name.casefold(), origin(desk.address), free=FREE_FAILURES_OF_USER)
    of_address = subject("address", origin(desk.address), free=FREE_FAILURES_OF_ADDRESS)
    subjects = [of_pair, of_user, of_address]
    with context.database.reading() as connection:
        refuse_if_throttled(connection, subjects, now)
        found = sign_ins.find_account(connection, user_name=user_name)
    with context.database.writing() as connection:
        failures = pay_attempt(connection, subjects, now)
    is_right = is_password_right(password, found.password_hash if found else None)
    if not is_right or found is None or not found.is_enabled:
        if found is not None and is_told(failures[of_user.key]):
            what = "disabled" if is_right else "wrong password"
            with context.database.writing() as connection:
                _tell_failure(connection, desk, found, what)
        raise GrantRefused("invalid_grant", _WRONG_PASSWORD)
    if not found.is_rest_allowed:
        raise GrantRefused("unauthorized_client", _NOT_ALLOWED)
    with context.database.writing() as connection:
        checked, found = found, sign_ins.lock_account(connection, found.user_uid)
        # Checking took its time: who has set a new password since means that the old one is good for nothing.
        if found is None or not found.is_enabled or found.password_hash != checked.password_hash:
            raise GrantRefused("invalid_grant", _WRONG_PASSWORD)
        forgive(connection, [of_pair, of_user])
        give_back(connection, of_address)
        if logins.second_factors_of(connection, found.user_uid):
            return _ask_for_code(connection, desk, found)
        if found.mfa_policy_status is MfaPolicyStatus.ENABLED:
            sign_in = _sign_in(desk, found, Access.ENROLMENT, ENROLMENT_LIFETIME)
            _record(connection, desk, found, "with the password, to add a second factor")
            return _short(connection, desk, sign_in)
        _record(connection, desk, found, "with the password")
        return _begin(connection, desk, _sign_in(desk, found, desk.access, REFRESH_TOKEN_LIFETIME))


def grant_by_code(desk: Desk, *, mfa_token: str, mfa_code: str) -> Tokens:
    """Exchange what the password gave, and a code of the user's authenticator, for tokens.

    Raises:
        GrantRefused: if either is wrong, was used before or comes too late.
        Throttled: after too many failures.
    """
    desk.checker.look_for_keys()
    with desk.context.database.writing() as connection:
        answer = _try_code(connection, desk, hash_secret(mfa_token), mfa_code)
    # Raised here, so that what the attempt has cost is kept.
    if isinstance(answer, GrantRefused):
        raise answer
    return answer


def grant_by_refresh_token(desk: Desk, *, refresh_token: str) -> Tokens:
    """Exchange a refresh token for a new pair; a token used before ends all that came from its sign-in.

    What was read-only stays so, and becomes so if that is asked for now.
    """
    desk.checker.look_for_keys()
    now = desk.context.clock()
    token_hash = hash_secret(refresh_token)
    with desk.context.database.writing() as connection:
        found = _find_refreshable(connection, desk, token_hash)
        if found is not None and tokens.use_refresh_token(connection, token_hash, now):
            access = Access.READ_ONLY if desk.is_read_only else found.access
            expires_at = now + REFRESH_TOKEN_LIFETIME
            sign_ins.renew_sign_in(connection, found.instance_uid, access=access, expires_at=expires_at)
            return _pair(connection, desk, found.instance_uid)
        if found is not None:
            sign_ins.end_sign_in(connection, found.instance_uid)
    raise GrantRefused("invalid_grant", _WRONG_REFRESH_TOKEN)


def grant_to_act(desk: Desk, *, refresh_token: str, user_uid: str) -> Tokens:
    """Give an access token with which one user acts as another, whom he sees and whose role he may give.

    The refresh token stays good. There is none for the other user: whoever goes on asks again, and is checked again.
    """
    desk.checker.look_for_keys()
    with desk.context.database.writing() as connection:
        parent = _find_refreshable(connection, desk, hash_secret(refresh_token), is_kept=True)
        actor = sign_ins.find_caller(connection, parent.instance_uid) if parent else None
        if parent is None or actor is None:
            answer: Tokens | None = None
        else:
            acted = _may_act_as(connection, actor, user_uid)
            answer = _act(connection, desk, parent, actor, acted)
    if answer is None:
        raise GrantRefused("invalid_grant", _WRONG_REFRESH_TOKEN)
    return answer


def _ask_for_code(connection: Connection, desk: Desk, account: Account) -> Tokens:
    mfa_token, now = secrets.token_urlsafe(32), desk.context.clock()
    code = SingleUseCode(
        code_hash=hash_secret(mfa_token),
        purpose=CodePurpose.MFA,
        user_uid=account.user_uid,
        access=desk.access,
        created_at=now,
        expires_at=now + MFA_TOKEN_LIFETIME,
    )
    codes.insert_code(connection, code)
    return Tokens(mfa_token=mfa_token, expires_in=int(MFA_TOKEN_LIFETIME.total_seconds()))


def _try_code(connection: Connection, desk: Desk, token_hash: str, mfa_code: str) -> Tokens | GrantRefused:
    now = desk.context.clock()
    of_address = subject("mfa", origin(desk.address), free=FREE_FAILURES_OF_ADDRESS)
    failures = pay_attempt(connection, [of_address], now)
    token = codes.find_code(connection, token_hash, CodePurpose.MFA, now)
    if token is None or not codes.count_attempt(connection, token_hash, MFA_ATTEMPTS_MAX):
        return GrantRefused("invalid_grant", _WRONG_MFA_TOKEN)
    of_user = subject("mfa of user", token.user_uid or "", free=FREE_CODES_OF_USER)
    failures |= pay_attempt(connection, [of_user], now)
    account = sign_ins.lock_account(connection, token.user_uid or "")
    if account is None or not account.is_enabled or not account.is_rest_allowed:
        return GrantRefused("invalid_grant", _WRONG_MFA_TOKEN)
    login_id = _use_code(connection, desk, account, mfa_code)
    if login_id is None:
        if is_told(failures[of_user.key]):
            _tell_failure(connection, desk, account, "wrong code of the second factor")
        return GrantRefused("invalid_grant", _WRONG_CODE)
    if not codes.use_code(connection, token_hash):
        return GrantRefused("invalid_grant", _WRONG_MFA_TOKEN)
    forgive(connection, [of_user])
    give_back(connection, of_address)
    _record(connection, desk, account, "with the password and a second factor")
    access = Access.READ_ONLY if desk.is_read_only else token.access
    return _begin(connection, desk, _sign_in(desk, account, access, REFRESH_TOKEN_LIFETIME, login_id))


def _use_code(connection: Connection, desk: Desk, account: Account, mfa_code: str) -> int | None:
    for factor in logins.second_factors_of(connection, account.user_uid):
        secret = desk.context.seal.open(factor.sealed_secret, factor.instance_uid)
        step = step_of(secret, mfa_code, desk.context.clock())
        if step is not None and logins.use_step(connection, factor.id, step):
            return factor.id
    return None


def _find_refreshable(connection: Connection, desk: Desk, token_hash: str, *, is_kept: bool = False) -> SignIn | None:
    """Find the sign-in of a refresh token that is good for its user as he is now; one used before ends it.

    With `is_kept` the token is only looked at: None is given then for one that was used.
    """
    found = tokens.find_refresh_token(connection, token_hash)
    if found is None or found.expires_at <= desk.context.clock():
        return None
    # Before its tokens, as whoever ends it does: of many who come with one token, none waits for another in a circle.
    sign_in = sign_ins.lock_sign_in(connection, found.sign_in_uid)
    caller = sign_ins.find_caller(connection, found.sign_in_uid)
    account = sign_ins.find_account(connection, user_uid=sign_in.user_uid) if sign_in else None
    if sign_in is None or caller is None or account is None:
        return None
    lacks_factor = account.mfa_policy_status is MfaPolicyStatus.ENABLED and sign_in.second_login_id is None
    if lacks_factor or (is_kept and found.used_at is not None):
        sign_ins.end_sign_in(connection, sign_in.instance_uid)
        return None
    return sign_in


def _may_act_as(connection: Connection, actor: Caller, user_uid: str) -> Account:
    refused = GrantRefused("invalid_grant", f"userUid: there is no user {user_uid} whom you may act as.")
    try:
        user = users.get_user(connection, actor.scope, user_uid)
    except NotFound as error:
        raise refused from error
    account = sign_ins.find_account(connection, user_uid=user_uid)
    if account is None or user.role not in grantable_roles(actor.role) or user_uid == actor.user_uid:
        raise refused
    if not (account.is_enabled and account.is_rest_allowed and locations.sees_no_more(connection, actor, user_uid)):
        raise refused
    return account


def _act(connection: Connection, desk: Desk, parent: SignIn, actor: Caller, acted: Account) -> Tokens:
    access = Access.READ_ONLY if desk.is_read_only else parent.access
    sign_in = msgspec.structs.replace(
        _sign_in(desk, acted, access, ACTING_LIFETIME, parent.second_login_id),
        login_id=parent.login_id,
        actor_uid=actor.user_uid,
        # A customer is told that his provider acts, not by whom.
        actor_name=actor.user_name if actor.organization_uid == acted.organization_uid else THE_PROVIDER,
        actor_role=actor.role,
        acted_role=acted.role,
        parent_uid=parent.instance_uid,
    )
    now = desk.context.clock()
    activity_log.record_activity(
        connection,
        actor,
        ISSUE_TOKEN,
        object_uid=acted.user_uid,
        detail=acted.user_name,
        now=now,
        type=ActivityType.USER_IMPERSONATION_SUCCESSFUL,
        object_organization_uid=acted.organization_uid,
    )
    return _short(connection, desk, sign_in)


def _sign_in(
    desk: Desk, account: Account, access: Access, lifetime: timedelta, second_login_id: int | None = None
) -> SignIn:
    now = desk.context.clock()
    return SignIn(
        instance_uid=new_uid(),
        user_uid=account.user_uid,
        login_id=account.login_id,
        second_login_id=second_login_id,
        access=access,
        created_at=now,
        expires_at=now + lifetime,
    )


def _begin(connection: Connection, desk: Desk, sign_in: SignIn) -> Tokens:
    sign_ins.insert_sign_in(connection, sign_in)
    return _pair(connection, desk, sign_in.instance_uid)


def _short(connection: Connection, desk: Desk, sign_in: SignIn) -> Tokens:
    sign_ins.insert_sign_in(connection, sign_in)
    seconds = int((sign_in.expires_at - sign_in.created_at).total_seconds())
    access_token = desk.checker.sign(sign_in.instance_uid, seconds)
    return Tokens(access_token=access_token, expires_in=seconds, token_type="bearer")  # noqa: S106  (a type)


def _pair(connection: Connection, desk: Desk, sign_in_uid: str) -> Tokens:
    refresh_token = secrets.token_urlsafe(32)
    stored = RefreshToken(
        token_hash=hash_secret(refresh_token),
        sign_in_uid=sign_in_uid,
        expires_at=desk.context.clock() + REFRESH_TOKEN_LIFETIME,
        used_at=None,
    )
    tokens.insert_refresh_token(connection, stored)
    return Tokens(
        access_token=desk.checker.sign(sign_in_uid),
        refresh_token=refresh_token,
        expires_in=ACCESS_TOKEN_SECONDS,
        token_type="bearer",  # noqa: S106  (a type)
    )


def _tell_failure(connection: Connection, desk: Desk, account: Account, what: str) -> None:
    _record(connection, desk, account, what, type_=ActivityType.LOGIN_FAILED)


def _record(connection: Connection, desk: Desk, account: Account, what: str, type_: ActivityType | None = None) -> None:
    activity_log.record_activity(
        connection,
        account.caller,
        ISSUE_TOKEN,
        object_uid=account.user_uid,
        detail=f"{what}, from {desk.address}",
        now=desk.context.clock(),
        type=type_,
    )
