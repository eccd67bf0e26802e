"""Creating, changing and deleting locations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tandem.actions.context import Act, named_in, new_uid
from tandem.domain.errors import Conflict
from tandem.domain.locations import Location, LocationType
from tandem.store import activity_log, locations, organizations
from tandem.store.database import Connection


def create_location(act: Act, *, organization_uid: str, name: str, quota_gb: int) -> Location:
    """Create a location in an organization.

    Raises:
        NotFound: if the organization is not there for the caller.
        Conflict: if the organization has a location of this name.
    """
    location = Location(
        instance_uid=new_uid(),
        organization_uid=organization_uid,
        name=name,
        type=LocationType.CUSTOM,
        quota_gb=quota_gb,
    )
    with act.context.database.writing() as connection:
        with named_in("organizationUid"):
            organizations.lock_organization(connection, act.caller.scope, organization_uid)
        _check_name(connection, organization_uid, name)
        locations.insert_location(connection, location)
        _log(connection, act, "CreateLocation", location, name)
    return location


def patch_location(act: Act, uid: str, decide: Callable[[Location], dict[str, Any]]) -> Location:
    """Change a location's name or quota.

    Args:
        act: by whom.
        uid: which location.
        decide: gives the new values by field, seeing the location as it is; what it raises ends the action.

    Raises:
        NotFound: if the location is not there for the caller.
        Conflict: if its organization has another location of this name.
    """
    with act.context.database.writing() as connection:
        current = locations.get_location(connection, act.caller.scope, uid)
        organizations.lock_organization(connection, act.caller.scope, current.organization_uid)
        current = locations.lock_location(connection, act.caller.scope, uid)
        changes = decide(current)
        if changes.get("name", current.name).casefold() != current.name.casefold():
            _check_name(connection, current.organization_uid, changes["name"])
        if changes:
            locations.update_location(connection, act.caller.scope, uid, changes)
            _log(connection, act, "PatchLocation", current, f"{current.name}: {', '.join(sorted(changes))}")
        return locations.get_location(connection, act.caller.scope, uid)


def delete_location(act: Act, uid: str) -> None:
    """Delete a location; users for whom it was chosen do not see it any more.

    Raises:
        NotFound: if the location is not there for the caller.
        Conflict: if it is its organization's default location, or has backup servers.
    """
    with act.context.database.writing() as connection:
        location = locations.lock_location(connection, act.caller.scope, uid)
        if location.type is LocationType.DEFAULT:
            raise Conflict(f"The location {location.name} is its organization's default location: it stays.")
        if locations.has_backup_servers(connection, uid):
            raise Conflict(f"The location {location.name} has backup servers; move them to another one first.")
        locations.delete_location(connection, act.caller.scope, uid)
        _log(connection, act, "DeleteLocation", location, location.name)


def _check_name(connection: Connection, organization_uid: str, name: str) -> None:
    if locations.is_location_name_taken(connection, organization_uid, name):
        raise Conflict(f'name: the organization has a location named "{name}" already.', field="name")


def _log(connection: Connection, act: Act, activity: str, location: Location, detail: str) -> None:
    activity_log.record_activity(
        connection,
        act.caller,
        activity,
        object_uid=location.instance_uid,
        detail=detail,
        now=act.now,
        object_organization_uid=location.organization_uid,
    )
