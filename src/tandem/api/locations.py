"""Locations over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from starlette.responses import Response

from tandem.actions import change_location
from tandem.api.bodies import read_body
from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, empty, single
from tandem.api.json_patch import read_patch
from tandem.api.texts import Name
from tandem.domain.locations import Location, LocationType
from tandem.store import locations, organizations, users

Quota = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class LocationView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's OrganizationLocation."""

    instance_uid: str
    organization_uid: str
    name: str
    type: LocationType
    quota_gb: int


class LocationInput(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's OrganizationLocationInput; a quota of 0 is none."""

    organization_uid: UUID
    name: Name
    quota_gb: Quota


class LocationPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a location."""

    name: Name
    quota_gb: Quota


def list_locations(call: Call) -> Response:
    """List locations: all, those of the organization in the path, or those chosen for the user in the path."""
    refuse_unserved_parameters(call)
    organization_uid = call.uid("organizationUid") if "organizationUid" in call.path else None
    user_uid = call.uid("userUid") if "userUid" in call.path else None
    with call.reading() as connection:
        if organization_uid is not None:
            organizations.get_organization(connection, call.scope, organization_uid)
        if user_uid is not None and user_uid != call.who.user_uid:
            users.get_user(connection, call.scope, user_uid)
        page = locations.list_locations(
            connection, call.scope, call.window(), organization_uid=organization_uid, user_uid=user_uid
        )
    return collection(page, [_view(row) for row in page.rows])


def get_location(call: Call) -> Response:
    """Get a location."""
    with call.reading() as connection:
        return single(_view(locations.get_location(connection, call.scope, call.uid("locationUid"))))


def create_location(call: Call) -> Response:
    """Create a location."""
    body = read_body(call, LocationInput)
    made = change_location.create_location(
        call.act, organization_uid=str(body.organization_uid), name=body.name, quota_gb=body.quota_gb
    )
    return single(_view(made))


def patch_location(call: Call) -> Response:
    """Change a location's name or quota."""
    patch = read_patch(call, LocationPatch)

    def decide(current: Location) -> dict[str, Any]:
        return patch.changes(_view(current))

    return single(_view(change_location.patch_location(call.act, call.uid("locationUid"), decide)))


def delete_location(call: Call) -> Response:
    """Delete a location."""
    change_location.delete_location(call.act, call.uid("locationUid"))
    return empty()


def _view(location: Location) -> LocationView:
    return LocationView(**{name: getattr(location, name) for name in LocationView.__struct_fields__})
