"""Logins, stored: what users sign in with."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, func, insert, or_, select, update

from tandem.domain.errors import NotFound
from tandem.domain.identity import Role, Scope
from tandem.domain.listing import Query
from tandem.domain.logins import IdentityProvider, LoginStatus, NewLogin, SecondFactor, UserLogin
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import fetch_one, visible
from tandem.store.schema.login_tables import user_logins
from tandem.store.schema.tables import companies, users

_SOURCE = user_logins.join(users, users.c.instance_uid == user_logins.c.user_uid).outerjoin(
    companies, companies.c.instance_uid == users.c.organization_uid
)
LOGINS = Collection(
    user_logins,
    UserLogin,
    source=_SOURCE,
    columns={
        "id": user_logins.c.position,
        "user_name": users.c.user_name,
        "company_id": companies.c.instance_uid,
        "company_name": companies.c.name,
    },
)
_LOGINS = select(*(LOGINS.columns[name] for name in UserLogin.__struct_fields__)).select_from(_SOURCE)


def list_logins(connection: Connection, scope: Scope, query: Query, user_uid: str) -> Page[UserLogin]:
    """List the logins of one user."""
    return LOGINS.page(connection, scope, query, user_uid=user_uid)


def list_api_keys(
    connection: Connection, scope: Scope, query: Query, organization_uid: str, *, of: Iterable[Role], own_uid: str
) -> Page[UserLogin]:
    """List the API keys of an organization's users.

    Args:
        connection: an open connection.
        scope: the caller's.
        query: what is asked for.
        organization_uid: whose users.
        of: only those of users with these roles,
        own_uid: and those of this user.
    """
    return LOGINS.page(
        connection,
        scope,
        query,
        users.c.organization_uid == organization_uid,
        user_logins.c.identity_provider_name == IdentityProvider.API_KEY,
        or_(users.c.role.in_(sorted(of)), users.c.instance_uid == own_uid),
    )


def get_login(connection: Connection, scope: Scope, user_uid: str, login_id: int) -> UserLogin:
    """Get one login of a user; raises NotFound."""
    statement = _LOGINS.where(
        visible(user_logins, scope), user_logins.c.user_uid == user_uid, user_logins.c.position == login_id
    )
    return fetch_one(connection, statement, UserLogin, noun="login", uid=str(login_id))


def change_login(
    connection: Connection, scope: Scope, login_id: int, *, description: str, is_read_access_only: bool, status: str
) -> None:
    """Store what can be changed of a login; raises NotFound."""
    statement = update(user_logins).where(visible(user_logins, scope), user_logins.c.position == login_id)
    values = {"description": description, "is_read_access_only": is_read_access_only, "status": status}
    if connection.execute(statement.values(values)).rowcount != 1:
        raise NotFound.of("login", str(login_id))


def delete_login(connection: Connection, scope: Scope, login_id: int) -> bool:
    """Forget a login, and with it all sign-ins that came of it; False if it is not there for the caller."""
    statement = delete(user_logins).where(visible(user_logins, scope), user_logins.c.position == login_id)
    return connection.execute(statement).rowcount == 1


def insert_login(connection: Connection, login: NewLogin) -> int:
    """Store a new login; gives its id."""
    values = {name: getattr(login, name) for name in NewLogin.__struct_fields__}
    made = connection.execute(insert(user_logins).values(values).returning(user_logins.c.position))
    return made.scalar_one()


def count_logins(connection: Connection, user_uid: str) -> int:
    """Count a user's logins."""
    statement = select(func.count()).select_from(user_logins).where(user_logins.c.user_uid == user_uid)
    return connection.scalar(statement) or 0


def second_factors_of(connection: Connection, user_uid: str) -> list[SecondFactor]:
    """Get a user's second factors, those that can be used."""
    statement = select(
        user_logins.c.position, user_logins.c.instance_uid, user_logins.c.sealed_secret, user_logins.c.last_step
    ).where(
        user_logins.c.user_uid == user_uid,
        user_logins.c.identity_provider_name == IdentityProvider.TOTP,
        user_logins.c.status == LoginStatus.ENABLED,
    )
    return [SecondFactor(*row) for row in connection.execute(statement.order_by(user_logins.c.position))]


def use_step(connection: Connection, login_id: int, step: int) -> bool:
    """Use up a second factor's codes up to a step of time; False if that one was used before, or it is off."""
    unused = (user_logins.c.last_step < step) & (user_logins.c.status == LoginStatus.ENABLED)
    statement = update(user_logins).where(user_logins.c.position == login_id, unused).values(last_step=step)
    return connection.execute(statement).rowcount == 1
