"""Changing organizations and companies over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from starlette.responses import Response

from tandem.actions import change_organization, delete_company
from tandem.actions.change_organization import CompanyChanges
from tandem.api.call import Call, refuse_unserved_parameters
from tandem.api.envelope import collection, empty, single
from tandem.api.json_patch import read_patch
from tandem.api.organizations import OrganizationInput, UserName, view_company, view_organization
from tandem.api.texts import Name
from tandem.domain.errors import Invalid
from tandem.domain.identity import Company, CompanyStatus, Organization
from tandem.domain.paging import Page
from tandem.store import organizations

_FLAGS = {"true": True, "false": False}
_SETTABLE = {CompanyStatus.ACTIVE, CompanyStatus.DISABLED}


class OwnerCredentialsPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a company owner's credentials."""

    user_name: UserName
    password: str | msgspec.UnsetType = msgspec.UNSET


class CompanyPatch(msgspec.Struct, rename="camel", kw_only=True):
    """What may be patched of a company."""

    name: Name
    status: CompanyStatus
    reseller_uid: UUID | None
    subscription_plan_uid: UUID | None
    is_rest_access_enabled: bool
    is_alarm_detect_enabled: bool
    owner_credentials: OwnerCredentialsPatch


def patch_organization(call: Call) -> Response:
    """Change an organization's name and contact data."""
    patch = read_patch(call, OrganizationInput)

    def decide(current: Organization) -> dict[str, Any]:
        return patch.changes(view_organization(current))

    changed = change_organization.patch_organization(call.act, call.uid("organizationUid"), decide)
    return single(view_organization(changed))


def patch_company(call: Call) -> Response:
    """Change a company."""
    patch = read_patch(call, CompanyPatch)

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
    return single(view_company(changed, None))


def remove_company(call: Call) -> Response:
    """Delete a company; what it backed up stays in its repositories."""
    text = call.parameter("removeAllAgents")
    if text is None:
        raise Invalid("removeAllAgents: this parameter is required: true or false.", parameter="removeAllAgents")
    if text.lower() not in _FLAGS:
        raise Invalid(f'removeAllAgents: "{text[:40]}" is neither true nor false.', parameter="removeAllAgents")
    delete_company.delete_company(call.act, call.uid("companyUid"), remove_all_agents=_FLAGS[text.lower()])
    return empty()


def list_site_resources(call: Call) -> Response:
    """List the cloud tenants of a company: there are none."""
    refuse_unserved_parameters(call)
    with call.reading() as connection:
        organizations.get_company(connection, call.scope, call.uid("companyUid"))
    return collection(Page(rows=[], total=0, offset=call.window().offset), [])
