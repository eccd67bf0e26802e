"""Locations, and which of them were chosen for which users, stored."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, exists, insert, not_, select, update

from tandem.domain.identity import Caller, Scope, ScopeKind
from tandem.domain.listing import Query
from tandem.domain.locations import Location, LocationType
from tandem.domain.paging import Page
from tandem.store.database import Connection
from tandem.store.listing.collection import Collection
from tandem.store.query import columns_of, fetch_one, visible
from tandem.store.schema.tables import backup_servers, jobs, locations, user_locations

_LOCATION = select(*columns_of(locations.c, Location))
LOCATIONS = Collection(locations, Location)


def list_locations(
    connection: Connection,
    scope: Scope,
    query: Query,
    *,
    organization_uid: str | None = None,
    user_uid: str | None = None,
) -> Page[Location]:
    """List the locations that the caller sees: all, those of an organization, or those chosen for a user."""
    if user_uid is None:
        return LOCATIONS.page(connection, scope, query, organization_uid=organization_uid)
    chosen = select(user_locations.c.location_uid).where(user_locations.c.user_uid == user_uid).correlate(None)
    return LOCATIONS.page(connection, scope, query, locations.c.instance_uid.in_(chosen))


def get_location(connection: Connection, scope: Scope, uid: str) -> Location:
    """Get one location; raises NotFound."""
    statement = _LOCATION.where(visible(locations, scope), locations.c.instance_uid == uid)
    return fetch_one(connection, statement, Location, noun="location", uid=uid)


def lock_location(connection: Connection, scope: Scope, uid: str) -> Location:
    """Get one location and keep every other change of it waiting until the commit; raises NotFound."""
    statement = _LOCATION.where(visible(locations, scope), locations.c.instance_uid == uid)
    return fetch_one(connection, statement.with_for_update(of=locations), Location, noun="location", uid=uid)


def is_location_name_taken(connection: Connection, organization_uid: str, name: str) -> bool:
    """Say whether an organization has a location of this name, whatever its case."""
    names = connection.scalars(select(locations.c.name).where(locations.c.organization_uid == organization_uid))
    return name.casefold() in {each.casefold() for each in names}


def insert_location(connection: Connection, location: Location) -> None:
    """Store a new location."""
    connection.execute(insert(locations).values({name: getattr(location, name) for name in Location.__struct_fields__}))


def update_location(connection: Connection, scope: Scope, uid: str, changes: dict[str, Any]) -> None:
    """Change columns of a location."""
    statement = update(locations).where(visible(locations, scope), locations.c.instance_uid == uid)
    connection.execute(statement.values(changes))


def delete_location(connection: Connection, scope: Scope, uid: str) -> None:
    """Remove a location that is not its organization's default, with the choices of it."""
    is_custom = (locations.c.instance_uid == uid) & (locations.c.type != LocationType.DEFAULT)
    seen = select(locations.c.instance_uid).where(visible(locations, scope), is_custom).correlate(None)
    connection.execute(delete(user_locations).where(user_locations.c.location_uid.in_(seen)))
    connection.execute(delete(locations).where(visible(locations, scope), is_custom))


def has_backup_servers(connection: Connection, location_uid: str) -> bool:
    """Say whether any backup server is in a location."""
    return bool(connection.scalar(select(exists().where(backup_servers.c.location_uid == location_uid))))


def move_backup_server(connection: Connection, backup_server_uid: str, location_uid: str) -> None:
    """Put a backup server, with its jobs, into another location."""
    of_server = backup_servers.c.instance_uid == backup_server_uid
    connection.execute(update(backup_servers).where(of_server).values(location_uid=location_uid))
    of_jobs = jobs.c.backup_server_uid == backup_server_uid
    connection.execute(update(jobs).where(of_jobs).values(location_uid=location_uid))


def sees_no_more(connection: Connection, caller: Caller, user_uid: str) -> bool:
    """Say whether no location was chosen for a user but those that the caller sees.

    Whoever is bound to locations must not alter, or act as, one for whom this does not hold: he would see more by him.
    """
    if caller.scope.kind is not ScopeKind.LOCATIONS:
        return True
    of_user = user_locations.c.user_uid == user_uid
    beyond = select(user_locations.c.location_uid).where(of_user, not_(visible(user_locations, caller.scope)))
    return connection.scalar(beyond.limit(1)) is None


def choose_location(connection: Connection, user_uid: str, location_uid: str) -> bool:
    """Let a user see a location; False if he did already."""
    same = (user_locations.c.user_uid == user_uid) & (user_locations.c.location_uid == location_uid)
    if connection.scalar(select(exists().where(same))):
        return False
    connection.execute(insert(user_locations).values(user_uid=user_uid, location_uid=location_uid))
    return True


def unchoose_location(connection: Connection, user_uid: str, location_uid: str | None = None) -> bool:
    """Take a location, or all, from what a user sees; False if there was none."""
    statement = delete(user_locations).where(user_locations.c.user_uid == user_uid)
    if location_uid is not None:
        statement = statement.where(user_locations.c.location_uid == location_uid)
    return connection.execute(statement).rowcount > 0


def chosen_locations(connection: Connection, user_uid: str) -> list[str]:
    """Get the uids of the locations that were chosen for a user."""
    columns = select(user_locations.c.location_uid).where(user_locations.c.user_uid == user_uid)
    return list(connection.scalars(columns.order_by(user_locations.c.location_uid)))
