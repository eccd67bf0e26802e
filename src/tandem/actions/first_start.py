"""The first start: the installation's id, the provider, the signing key, the first administrator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tandem.actions.context import new_uid
from tandem.actions.passwords import hash_password
from tandem.actions.signing_keys import new_signing_key
from tandem.domain.errors import Conflict
from tandem.domain.identity import Organization, OrganizationType, Role, User
from tandem.sealing import Seal
from tandem.store import organizations, tokens, users
from tandem.store.database import Database

PROVIDER_NAME = "Service provider"


def prepare(
    database: Database, seal: Seal, *, admin_user: str, admin_password: Callable[[], str], now: datetime
) -> str:
    """Make sure that an installation is complete; gives its uid. Of consoles that start at once, one makes it.

    Args:
        database: migrated.
        seal: what the signing key is sealed with.
        admin_user: the first administrator's user name.
        admin_password: called only if the administrator has to be made.
        now: aware.
    """
    try:
        return _prepare(database, seal, admin_user=admin_user, admin_password=admin_password, now=now)
    except Conflict:
        # Another console was first: the provider's name is taken, and no password was asked for yet.
        return _prepare(database, seal, admin_user=admin_user, admin_password=admin_password, now=now)


def _prepare(
    database: Database, seal: Seal, *, admin_user: str, admin_password: Callable[[], str], now: datetime
) -> str:
    with database.writing() as connection:
        found = tokens.find_installation(connection)
        if found is not None:
            return found[0]
        uid, provider_uid, key_id = new_uid(), new_uid(), new_uid()
        tokens.insert_installation(connection, uid, now)
        sealed_key = seal.close(new_signing_key(), key_id)
        tokens.insert_signing_key(connection, key_id=key_id, sealed_key=sealed_key, now=now)
        provider = Organization(instance_uid=provider_uid, type=OrganizationType.PROVIDER, name=PROVIDER_NAME)
        organizations.insert_organization(connection, provider, new_uid())
        administrator = User(
            instance_uid=new_uid(),
            organization_uid=provider_uid,
            role=Role.PORTAL_ADMINISTRATOR,
            user_name=admin_user,
            status=users.ENABLED,
        )
        password_hash = hash_password(admin_password(), "admin_password")
        users.insert_user(connection, administrator, password_hash=password_hash, created_at=now)
        return uid
