"""Sign-ins, and who stands behind an access token or an API key."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.sql.selectable import NamedFromClause

from tandem.domain.identity import Access, Caller
from tandem.domain.logins import Account, CodePurpose, IdentityProvider, LoginScope, LoginStatus, SignIn
from tandem.store import codes
from tandem.store.database import Connection
from tandem.store.prepared import Prepared
from tandem.store.query import columns_of, records
from tandem.store.schema.login_tables import sign_ins, user_logins
from tandem.store.schema.tables import companies, users
from tandem.store.users import ENABLED

ACTIVE = "Active"
_WITH_COMPANY = companies.c.instance_uid == users.c.organization_uid
_actors = users.alias("actors")
_actors_companies = companies.alias("actors_companies")


def _may_use_the_api(user: NamedFromClause[Any], company: NamedFromClause[Any]) -> ColumnElement[bool]:
    # A user of a company may use the REST API only if the company's REST access was switched on.
    is_on = and_(company.c.is_rest_access_enabled, company.c.status == ACTIVE)
    return and_(user.c.status == ENABLED, or_(company.c.instance_uid.is_(None), is_on))


# Who acts as another must still be what he was when he was let, and so must the other.
_ACTOR_HOLDS = or_(
    sign_ins.c.actor_uid.is_(None),
    and_(
        users.c.role == sign_ins.c.acted_role,
        exists(
            select(_actors.c.position)
            .select_from(
                _actors.outerjoin(_actors_companies, _actors_companies.c.instance_uid == _actors.c.organization_uid)
            )
            .where(
                _actors.c.instance_uid == sign_ins.c.actor_uid,
                _actors.c.role == sign_ins.c.actor_role,
                _may_use_the_api(_actors, _actors_companies),
            )
        ),
    ),
)
_CALLER_COLUMNS = [users.c.instance_uid, users.c.user_name, users.c.organization_uid, users.c.role]
_CALLER = Prepared(
    select(*_CALLER_COLUMNS, sign_ins.c.access, sign_ins.c.actor_name)
    .select_from(sign_ins.join(users, users.c.instance_uid == sign_ins.c.user_uid).outerjoin(companies, _WITH_COMPANY))
    .where(sign_ins.c.instance_uid == bindparam("sign_in"), _may_use_the_api(users, companies), _ACTOR_HOLDS),
    width=6,
)
_KEY_HOLDER = Prepared(
    select(*_CALLER_COLUMNS, user_logins.c.is_read_access_only, user_logins.c.scopes)
    .select_from(
        user_logins.join(users, users.c.instance_uid == user_logins.c.user_uid).outerjoin(companies, _WITH_COMPANY)
    )
    .where(
        user_logins.c.secret_hash == bindparam("key_hash"),
        user_logins.c.status == LoginStatus.ENABLED,
        _may_use_the_api(users, companies),
    ),
    width=6,
)
_ACCOUNT = select(
    users.c.instance_uid.label("user_uid"),
    users.c.user_name,
    users.c.organization_uid,
    users.c.role,
    users.c.password_hash,
    user_logins.c.position.label("login_id"),
    users.c.mfa_policy_status,
    (and_(users.c.status == ENABLED, or_(companies.c.instance_uid.is_(None), companies.c.status == ACTIVE))).label(
        "is_enabled"
    ),
    or_(companies.c.instance_uid.is_(None), companies.c.is_rest_access_enabled).label("is_rest_allowed"),
).select_from(
    users.join(
        user_logins,
        and_(
            user_logins.c.user_uid == users.c.instance_uid,
            user_logins.c.identity_provider_name == IdentityProvider.PASSWORD,
        ),
    ).outerjoin(companies, _WITH_COMPANY)
)


def find_caller(connection: Connection, sign_in_uid: str) -> Caller | None:
    """Find who an access token stands for.

    None when the sign-in that it came of has ended, or the user is gone, disabled or may not use the REST API any
    more; for one who acts as another, also when this is so of himself or either's role has changed.
    """
    found = _CALLER.rows(connection, Caller, sign_in=sign_in_uid)
    return found[0] if found else None


def find_key_holder(connection: Connection, key_hash: str) -> tuple[Caller, bool] | None:
    """Find whose an API key is, and whether it is for the REST API; None as in `find_caller`, or if it is disabled."""
    found = _KEY_HOLDER.rows(connection, _key_holder, key_hash=key_hash)
    return found[0] if found else None


def _key_holder(*values: Any) -> tuple[Caller, bool]:
    user_uid, user_name, organization_uid, role, is_read_only, scopes = values
    access = Access.READ_ONLY if is_read_only else Access.FULL
    return Caller(user_uid, user_name, organization_uid, role, access), LoginScope.REST in scopes


def find_account(
    connection: Connection, *, user_name: str | None = None, user_uid: str | None = None
) -> Account | None:
    """Find what is needed to sign somebody in, by his name in any case, or by his uid."""
    if user_name is not None:
        statement = _ACCOUNT.where(users.c.user_name_key == user_name.casefold())
    else:
        statement = _ACCOUNT.where(users.c.instance_uid == user_uid)
    row = connection.execute(statement).mappings().first()
    if row is None:
        return None
    return Account(**{str(name): value for name, value in row.items()})


def lock_account(connection: Connection, user_uid: str) -> Account | None:
    """Find what is needed to sign somebody in as he is now, and keep changes of his user waiting until the commit."""
    connection.execute(select(users.c.position).where(users.c.instance_uid == user_uid).with_for_update())
    return find_account(connection, user_uid=user_uid)


def insert_sign_in(connection: Connection, sign_in: SignIn) -> None:
    """Store a new sign-in."""
    connection.execute(insert(sign_ins).values({name: getattr(sign_in, name) for name in SignIn.__struct_fields__}))


def lock_sign_in(connection: Connection, uid: str) -> SignIn | None:
    """Find a sign-in as it is now, and keep whoever renews or ends it waiting until the commit."""
    statement = select(*columns_of(sign_ins.c, SignIn)).where(sign_ins.c.instance_uid == uid).with_for_update()
    found = records(connection, statement, SignIn)
    return found[0] if found else None


def renew_sign_in(connection: Connection, uid: str, *, access: Access, expires_at: datetime) -> bool:
    """Let a sign-in go on until an instant; False if it has ended."""
    statement = update(sign_ins).where(sign_ins.c.instance_uid == uid).values(access=access, expires_at=expires_at)
    return connection.execute(statement).rowcount == 1


def end_sign_in(connection: Connection, uid: str) -> None:
    """End a sign-in with all its tokens, and those by which its user acts as others."""
    connection.execute(delete(sign_ins).where(sign_ins.c.instance_uid == uid))


def end_sign_ins(
    connection: Connection, user_uid: str, *, login_id: int | None = None, access: Access | None = None
) -> None:
    """End all sign-ins of a user: after this, no token that was given to him is good.

    Args:
        connection: the transaction of the change that asks for it: a new password, a new status or role.
        user_uid: whose.
        login_id: only those that came of this login.
        access: only those that are good for this.
    """
    statement = delete(sign_ins).where(sign_ins.c.user_uid == user_uid)
    if login_id is not None:
        statement = statement.where(or_(sign_ins.c.login_id == login_id, sign_ins.c.second_login_id == login_id))
    if access is not None:
        statement = statement.where(sign_ins.c.access == access)
    connection.execute(statement)


def end_acting(connection: Connection, *, user_uid: str | None = None, organization_uid: str | None = None) -> None:
    """End the sign-ins by which somebody acts as another, as what he may see of him has changed.

    Args:
        connection: the transaction of the change.
        user_uid: one of the two.
        organization_uid: or the organization of the one who is acted as.
    """
    statement = delete(sign_ins).where(sign_ins.c.actor_uid.is_not(None))
    if user_uid is not None:
        statement = statement.where(or_(sign_ins.c.user_uid == user_uid, sign_ins.c.actor_uid == user_uid))
    if organization_uid is not None:
        members = select(users.c.instance_uid).where(users.c.organization_uid == organization_uid)
        statement = statement.where(sign_ins.c.user_uid.in_(members))
    connection.execute(statement)


def end_with_password(connection: Connection, user_uid: str) -> None:
    """End all that came of a user's password, which is another from now on: sign-ins, and codes that it was given."""
    end_sign_ins(connection, user_uid)
    for purpose in CodePurpose:
        codes.delete_codes(connection, user_uid, purpose)


def delete_over(connection: Connection, now: datetime) -> None:
    """Forget sign-ins that have expired, and those of users that were disabled: they end for good."""
    disabled = select(users.c.instance_uid).where(users.c.status != ENABLED)
    connection.execute(delete(sign_ins).where(or_(sign_ins.c.expires_at <= now, sign_ins.c.user_uid.in_(disabled))))
