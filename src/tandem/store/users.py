"""Users, stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import delete, exists, insert, select, update

from tandem.domain.identity import Caller, MfaPolicyConfigurationStatus, Role, Scope, User
from tandem.domain.listing import Query
from tandem.domain.logins import IdentityProvider, LoginStatus, NewLogin
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.logins import insert_login
from tandem.store.query import columns_of, fetch_one, records, visible
from tandem.store.schema.login_tables import user_logins
from tandem.store.schema.tables import user_locations, users

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


def get_own(connection: Connection, caller: Caller) -> User:
    """Get the caller's own user, whatever his scope."""
    statement = select(*_USER).where(users.c.instance_uid == caller.user_uid)
    return fetch_one(connection, statement, User, noun="user", uid=caller.user_uid)


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


def is_user_name_taken(connection: Connection, user_name: str) -> bool:
    """Say whether anyone has this user name, whatever its case."""
    return bool(connection.scalar(select(exists().where(users.c.user_name_key == user_name.casefold()))))


def insert_user(connection: Connection, user: User, *, password_hash: str, created_at: datetime) -> None:
    """Store a new user, and the login that his password is."""
    values = {name: getattr(user, name) for name in User.__struct_fields__}
    values |= {"password_hash": password_hash, "created_at": created_at, "user_name_key": user.user_name.casefold()}
    connection.execute(insert(users).values(values))
    login = NewLogin(
        instance_uid=str(uuid4()),
        user_uid=user.instance_uid,
        identity_provider_name=IdentityProvider.PASSWORD,
        identifier_in_provider=user.user_name,
        description="Password",
        creation_date=created_at,
    )
    insert_login(connection, login)


def update_user(connection: Connection, uid: str, changes: dict[str, Any]) -> None:
    """Change columns of a user."""
    if "user_name" in changes:
        changes = {**changes, "user_name_key": changes["user_name"].casefold()}
        is_password = user_logins.c.identity_provider_name == IdentityProvider.PASSWORD
        login = update(user_logins).where(user_logins.c.user_uid == uid, is_password)
        connection.execute(login.values(identifier_in_provider=changes["user_name"]))
    connection.execute(update(users).where(users.c.instance_uid == uid).values(changes))


def delete_user(connection: Connection, uid: str) -> None:
    """Remove a user with his tokens and the locations that were chosen for him; the activity log still names him."""
    connection.execute(delete(user_locations).where(user_locations.c.user_uid == uid))
    connection.execute(delete(users).where(users.c.instance_uid == uid))


def replace_password(connection: Connection, uid: str, password_hash: str) -> None:
    """Store the hash of a user's new password; his sign-ins are ended by `sign_ins.end_sign_ins`."""
    connection.execute(update(users).where(users.c.instance_uid == uid).values(password_hash=password_hash))


def note_second_factors(connection: Connection, uid: str) -> None:
    """Keep with a user whether he has a second factor that can be used."""
    has_one = exists().where(
        user_logins.c.user_uid == uid,
        user_logins.c.identity_provider_name == IdentityProvider.TOTP,
        user_logins.c.status == LoginStatus.ENABLED,
    )
    is_configured = bool(connection.scalar(select(has_one)))
    status = MfaPolicyConfigurationStatus.CONFIGURED if is_configured else MfaPolicyConfigurationStatus.NOT_CONFIGURED
    noted = update(users).where(users.c.instance_uid == uid).values(mfa_policy_configuration_status=status)
    connection.execute(noted)


def is_email_of(connection: Connection, uid: str, email: str) -> bool:
    """Say whether a user has this e-mail address, whatever its case; an empty one is none."""
    found = connection.scalar(select(users.c.email).where(users.c.instance_uid == uid))
    return bool(found) and found.strip().casefold() == email.strip().casefold()
