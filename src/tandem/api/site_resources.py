"""The cloud tenants of a company over HTTP: there are none here."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tandem.api.http.answers import Many
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Instant, Int32, Uid
from tandem.api.organizations import OwnerView
from tandem.domain.paging import Page
from tandem.store import organizations


class CloudTenantType(StrEnum):
    """The contract's CloudTenantType."""

    GENERAL = "General"
    UNKNOWN = "Unknown"
    VCD = "VCD"


class CloudTenantThrottlingUnit(StrEnum):
    """The contract's CloudTenantThrottlingUnit."""

    KBYTE_PER_SEC = "KbytePerSec"
    MBIT_PER_SEC = "MbitPerSec"
    MBYTE_PER_SEC = "MbytePerSec"


class CloudTenantGatewaySelectionType(StrEnum):
    """The contract's CloudTenantGatewaySelectionType."""

    GATEWAY_POOL = "GatewayPool"
    STANDALONE_GATEWAYS = "StandaloneGateways"
    UNKNOWN = "Unknown"


class CloudTenantView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CloudTenant."""

    instance_uid: Uid
    site_uid: Uid
    site_name: str
    type: CloudTenantType
    v_cloud_organization_uid: Uid | None
    last_active: Instant | None
    is_lease_expiration_enabled: bool
    lease_expiration_date: Instant | None
    description: str | None
    is_throttling_enabled: bool
    throttling_value: Int32 | None
    throttling_unit: CloudTenantThrottlingUnit
    max_concurrent_task: Int32
    is_backup_protection_enabled: bool
    backup_protection_period: Int32 | None
    gateway_selection_type: CloudTenantGatewaySelectionType
    gateway_pools_uids: list[Uid] | None
    is_gateway_failover_enabled: bool
    name: str | None
    hashed_password: str
    is_enabled: bool
    is_backup_resources_enabled: bool
    is_native_replication_resources_enabled: bool
    is_vcd_replication_resources_enabled: bool
    assigned_for_company: Uid | None
    credentials: OwnerView


SITE_RESOURCES = Resource(CloudTenantView)


def list_site_resources(call: Call) -> Many[CloudTenantView]:
    """List the cloud tenants of a company: none, whatever is asked of them."""
    window = SITE_RESOURCES.read(call).window
    with call.reading() as connection:
        organizations.get_company(connection, call.scope, call.uid("companyUid"))
    return Many(Page(rows=[], total=0, offset=window.offset), [])
