"""Locations: the parts into which an organization divides its backup servers and its users."""

from __future__ import annotations

from enum import StrEnum

import msgspec

DEFAULT_NAME = "Default location"


class LocationType(StrEnum):
    """The contract's types of location; here there are no hosted ones."""

    UNKNOWN = "Unknown"
    DEFAULT = "Default"
    CUSTOM = "Custom"
    HOSTED = "Hosted"


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """One location; an organization has a default one from its beginning."""

    instance_uid: str
    organization_uid: str
    name: str
    type: LocationType
    quota_gb: int
