"""Changing organizations and companies over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from tandem.actions import change_organization, delete_company
from tandem.actions.change_organization import CompanyChanges
from tandem.api.http.answers import Done, One
from tandem.api.http.call import Call
from tandem.api.http.json_patch import JsonPatches, read_patch
from tandem.api.http.texts import Name, NewPassword
from tandem.api.http.words import CompanyStatus
from tandem.api.organizations import (
    CompanyView,
    OrganizationInput,
    OrganizationView,
    UserName,
    view_company,
    view_organization,
)
from tandem.domain.errors import Invalid
from tandem.domain.identity import Company, Organization

_SETTABLE = {CompanyStatus.ACTIVE, CompanyStatus.DISABLED}


class OwnerCredentialsPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a company owner's credentials."""

    user_name: UserName
    password: NewPassword | msgspec.UnsetType = msgspec.UNSET


class CompanyPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a company."""

    name: Name
    status: Annotated[CompanyStatus, msgspec.Meta(extra_json_schema={"enum": sorted(_SETTABLE)})]
    reseller_uid: UUID | None
    subscription_plan_uid: UUID | None
    is_rest_access_enabled: bool
    is_alarm_detect_enabled: bool
    owner_credentials: OwnerCredentialsPatch


class RemovalParameters(msgspec.Struct, rename="camel", kw_only=True):
    """Whether backup servers with jobs go too; else these keep the company from being deleted."""

    remove_all_agents: bool


def patch_organization(call: Call, body: JsonPatches) -> One[OrganizationView]:
    """Change an organization's name and contact data."""
    patch = read_patch(body, OrganizationInput)

    def decide(current: Organization) -> dict[str, Any]:
        return patch.changes(view_organization(current))

    changed = change_organization.patch_organization(call.act, call.uid("organizationUid"), decide)
    return One(view_organization(changed))


def patch_company(call: Call, body: JsonPatches) -> One[CompanyView]:
    """Change a company."""
    patch = read_patch(body, CompanyPatch)

    def decide(current: Company) -> CompanyChanges:
        changes = patch.changes(view_company(current, None))
        status: CompanyStatus | None = changes.get("status")
        if status is not None and status not in _SETTABLE:
            raise Invalid(f"status: {status} cannot be set; use Active or Disabled.", field="status")
        credentials: OwnerCredentialsPatch | None = changes.pop("owner_credentials", None)
        password = credentials.password if credentials else msgspec.UNSET
        return CompanyChanges(
            fields={name: str(value) if isinstance(value, UUID) else value for name, value in changes.items()},
            owner_user_name=credentials.user_name if credentials else None,
            owner_password=None if isinstance(password, msgspec.UnsetType) else password,
        )

    changed = change_organization.patch_company(call.act, call.uid("companyUid"), decide)
    return One(view_company(changed, None))


def remove_company(call: Call, query: RemovalParameters) -> Done:
    """Delete a company; what it backed up stays in its repositories."""
    delete_company.delete_company(call.act, call.uid("companyUid"), remove_all_agents=query.remove_all_agents)
    return Done()
