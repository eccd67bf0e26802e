"""Users, stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, exists, insert, select, update

from tandem.domain.identity import Caller, Role, Scope, SignIn, User
from tandem.domain.listing import Query
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing import Collection
from tandem.store.prepared import Prepared
from tandem.store.query import columns_of, fetch_one, records, visible
from tandem.store.tables import companies, refresh_tokens, user_locations, users

_USER = columns_of(users.c, User)
USERS = Collection(
    users,
    User,
    columns={
        "credentials_user_name": users.c.user_name,
        **{
            f"profile_{name}": users.c[name]
            for name in ("first_name", "last_name", "title", "email", "address", "phone")
        },
    },
)
ENABLED = "Enabled"
# A user of a company may use the REST API only if the company's REST access was switched on.
_WITH_COMPANY = users.outerjoin(companies, companies.c.instance_uid == users.c.organization_uid)


def list_users(
    connection: Connection,
    scope: Scope,
    query: Query,
    *,
    organization_uid: str | None = None,
    location_uid: str | None = None,
) -> Page[User]:
    """List the users that the caller sees: all, those of an organization, or those for whom a location was chosen."""
    if location_uid is None:
        return USERS.page(connection, scope, query, organization_uid=organization_uid)
    bound = select(user_locations.c.user_uid).where(user_locations.c.location_uid == location_uid).correlate(None)
    return USERS.page(connection, scope, query, users.c.instance_uid.in_(bound))


def get_user(connection: Connection, scope: Scope, uid: str) -> User:
    """Get one user; raises NotFound."""
    statement = select(*_USER).where(visible(users, scope), users.c.instance_uid == uid)
    return fetch_one(connection, statement, User, noun="user", uid=uid)


def lock_user(connection: Connection, scope: Scope, uid: str) -> User:
    """Get one user and keep every other change of him waiting until the commit; raises NotFound."""
    statement = select(*_USER).where(visible(users, scope), users.c.instance_uid == uid)
    return fetch_one(connection, statement.with_for_update(of=users), User, noun="user", uid=uid)


def lock_own(connection: Connection, caller: Caller) -> User:
    """Get the caller's own user, whatever his scope, and keep every other change of him waiting until the commit."""
    statement = select(*_USER).where(users.c.instance_uid == caller.user_uid).with_for_update()
    return fetch_one(connection, statement, User, noun="user", uid=caller.user_uid)


def find_owner(connection: Connection, organization_uid: str, role: Role) -> User | None:
    """Find who owns an organization: the user with its owner's role."""
    statement = select(*_USER).where(users.c.organization_uid == organization_uid, users.c.role == role)
    found = records(connection, statement.order_by(users.c.position).limit(1), User)
    return found[0] if found else None


def lock_enabled_users(connection: Connection, role: Role) -> list[str]:
    """Get the uids of all who have a role and may sign in; none of them can change until the commit."""
    statement = select(users.c.instance_uid).where(users.c.role == role, users.c.status == ENABLED)
    return list(connection.scalars(statement.order_by(users.c.position).with_for_update()))


def get_own(connection: Connection, caller: Caller) -> User:
    """Get the caller's own user, whatever his scope."""
    statement = select(*_USER).where(users.c.instance_uid == caller.user_uid)
    return fetch_one(connection, statement, User, noun="user", uid=caller.user_uid)


def is_user_name_taken(connection: Connection, user_name: str) -> bool:
    """Say whether anyone has this user name, whatever its case."""
    return bool(connection.scalar(select(exists().where(users.c.user_name_key == user_name.casefold()))))


def insert_user(connection: Connection, user: User, *, password_hash: str, created_at: datetime) -> None:
    """Store a new user."""
    values = {name: getattr(user, name) for name in User.__struct_fields__}
    values |= {"password_hash": password_hash, "created_at": created_at, "user_name_key": user.user_name.casefold()}
    connection.execute(insert(users).values(values))


def update_user(connection: Connection, uid: str, changes: dict[str, Any]) -> None:
    """Change columns of a user."""
    if "user_name" in changes:
        changes = {**changes, "user_name_key": changes["user_name"].casefold()}
    connection.execute(update(users).where(users.c.instance_uid == uid).values(changes))


def delete_user(connection: Connection, uid: str) -> None:
    """Remove a user with his tokens and the locations that were chosen for him; the activity log still names him."""
    connection.execute(delete(user_locations).where(user_locations.c.user_uid == uid))
    connection.execute(delete(refresh_tokens).where(refresh_tokens.c.user_uid == uid))
    connection.execute(delete(users).where(users.c.instance_uid == uid))


def find_sign_in(connection: Connection, user_name: str) -> SignIn | None:
    """Find what is needed to check a password."""
    statement = (
        select(
            users.c.instance_uid,
            users.c.password_hash,
            users.c.status,
            companies.c.is_rest_access_enabled,
            companies.c.status,
        )
        .select_from(_WITH_COMPANY)
        .where(users.c.user_name_key == user_name.casefold())
    )
    row = connection.execute(statement).first()
    if row is None:
        return None
    uid, password_hash, status, rest, company_status = row
    is_enabled = status == ENABLED and company_status in {None, "Active"}
    return SignIn(user_uid=uid, password_hash=password_hash, is_enabled=is_enabled, is_rest_allowed=rest is not False)


_CALLER = Prepared(
    select(users.c.instance_uid, users.c.user_name, users.c.organization_uid, users.c.role)
    .select_from(_WITH_COMPANY)
    .where(
        users.c.instance_uid == bindparam("uid"),
        users.c.status == ENABLED,
        companies.c.instance_uid.is_(None) | (companies.c.is_rest_access_enabled & (companies.c.status == "Active")),
    ),
    width=4,
)


def find_caller(connection: Connection, uid: str) -> Caller | None:
    """Find who a token stands for; None when the user is gone, disabled or may not use the REST API any more."""
    found = _CALLER.rows(connection, Caller, uid=uid)
    return found[0] if found else None
