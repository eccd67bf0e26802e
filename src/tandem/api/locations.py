"""Locations over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from tandem.actions import change_location
from tandem.api.http.answers import Done, Many, One
from tandem.api.http.call import Call
from tandem.api.http.json_patch import JsonPatches, read_patch
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Int32, Name, Uid
from tandem.api.http.words import OrganizationLocationType
from tandem.domain.locations import Location
from tandem.store import locations, organizations, users

Quota = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1, extra_json_schema={"format": "int32"})]


class LocationView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's OrganizationLocation."""

    instance_uid: Uid
    organization_uid: Uid
    name: str
    type: OrganizationLocationType
    quota_gb: Int32


class LocationInput(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's OrganizationLocationInput; a quota of 0 is none."""

    organization_uid: UUID
    name: Name
    quota_gb: Quota


class LocationPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a location."""

    name: Name
    quota_gb: Quota


LOCATIONS = Resource(LocationView, locations.LOCATIONS)


def list_locations(call: Call) -> Many[LocationView]:
    """List locations: all, those of the organization in the path, or those chosen for the user in the path."""
    query = LOCATIONS.read(call)
    organization_uid = call.uid("organizationUid") if "organizationUid" in call.path else None
    user_uid = call.uid("userUid") if "userUid" in call.path else None
    with call.reading() as connection:
        if organization_uid is not None:
            organizations.get_organization(connection, call.scope, organization_uid)
        if user_uid is not None and user_uid != call.who.user_uid:
            users.get_user(connection, call.scope, user_uid)
        page = locations.list_locations(
            connection, call.scope, query, organization_uid=organization_uid, user_uid=user_uid
        )
    return Many(page, [_view(row) for row in page.rows])


def get_location(call: Call) -> One[LocationView]:
    """Get a location."""
    with call.reading() as connection:
        return One(_view(locations.get_location(connection, call.scope, call.uid("locationUid"))))


def create_location(call: Call, body: LocationInput) -> One[LocationView]:
    """Create a location."""
    made = change_location.create_location(
        call.act, organization_uid=str(body.organization_uid), name=body.name, quota_gb=body.quota_gb
    )
    return One(_view(made))


def patch_location(call: Call, body: JsonPatches) -> One[LocationView]:
    """Change a location's name or quota."""
    patch = read_patch(body, LocationPatch)

    def decide(current: Location) -> dict[str, Any]:
        return patch.changes(_view(current))

    return One(_view(change_location.patch_location(call.act, call.uid("locationUid"), decide)))


def delete_location(call: Call) -> Done:
    """Delete a location."""
    change_location.delete_location(call.act, call.uid("locationUid"))
    return Done()


def _view(location: Location) -> LocationView:
    return LocationView(
        instance_uid=location.instance_uid,
        organization_uid=location.organization_uid,
        name=location.name,
        type=OrganizationLocationType(location.type),
        quota_gb=location.quota_gb,
    )
