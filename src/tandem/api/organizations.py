"""Organizations and companies over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec

from tandem.actions import create_organization
from tandem.api.company_services import CompanyServices
from tandem.api.http.answers import Many, One
from tandem.api.http.call import Call
from tandem.api.http.listing import Resource
from tandem.api.http.texts import Email, Int32, Name, NewPassword, Text, Uid
from tandem.api.http.words import CompanyStatus
from tandem.api.http.words import OrganizationType as TypeWord
from tandem.domain.identity import Company, Organization, OrganizationType
from tandem.store import organizations

UserName = Annotated[str, msgspec.Meta(min_length=1, max_length=255, pattern=r"^[^\s\x00]([^\x00]*[^\s\x00])?\Z")]


class OrganizationView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's Organization."""

    instance_uid: Uid
    name: str
    alias: str | None
    type: TypeWord
    tax_id: str | None
    email: str | None
    phone: str | None
    country: Int32 | None
    state: Int32 | None
    country_name: str | None
    region_name: str | None
    city: str | None
    street: str | None
    location_admin0_code: str | None = msgspec.field(name="locationAdmin0Code")
    location_admin1_code: str | None = msgspec.field(name="locationAdmin1Code")
    location_admin2_code: str | None = msgspec.field(name="locationAdmin2Code")
    notes: str | None
    zip_code: str | None
    website: str | None
    veeam_tenant_id: str | None
    company_id: str | None


class EmbeddedOrganization(msgspec.Struct):
    """What `expand=Organization` fills in."""

    organization: OrganizationView


class OwnerView(msgspec.Struct, rename="camel"):
    """The contract's OwnerCredentials, which never show the password."""

    user_name: str
    password: str | msgspec.UnsetType | None = msgspec.UNSET


class CompanyView(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's Company."""

    instance_uid: Uid
    name: str
    status: CompanyStatus
    reseller_uid: Uid | None
    subscription_plan_uid: Uid | None
    is_rest_access_enabled: bool
    is_alarm_detect_enabled: bool
    owner_credentials: OwnerView
    company_services: CompanyServices
    # The console does not know under which name its clients reach it.
    login_url: str | None = None
    embedded: EmbeddedOrganization | msgspec.UnsetType = msgspec.field(name="_embedded", default=msgspec.UNSET)


class OrganizationInput(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's OrganizationInput."""

    name: Name
    alias: Text | None = None
    tax_id: Text | None = None
    email: Email | None = None
    phone: Text | None = None
    country: Int32 | None = None
    state: Int32 | None = None
    country_name: Text | None = None
    region_name: Text | None = None
    city: Text | None = None
    street: Text | None = None
    location_admin0_code: Text | None = msgspec.field(name="locationAdmin0Code", default=None)
    location_admin1_code: Text | None = msgspec.field(name="locationAdmin1Code", default=None)
    location_admin2_code: Text | None = msgspec.field(name="locationAdmin2Code", default=None)
    notes: Text | None = None
    zip_code: Text | None = None
    website: Text | None = None
    veeam_tenant_id: Text | None = None
    company_id: Text | None = None


class OwnerCredentialsInput(msgspec.Struct, rename="camel", kw_only=True):
    """A user's name and first password; without one he makes it by a password reset."""

    user_name: UserName
    password: NewPassword | None = None


class CompanyInput(msgspec.Struct, rename="camel", kw_only=True):
    """The contract's CompanyInput, as far as it means something here."""

    organization_input: OrganizationInput
    owner_credentials: OwnerCredentialsInput
    reseller_uid: UUID | None = None
    subscription_plan_uid: UUID | None = None
    is_rest_access_enabled: bool = False
    is_alarm_detect_enabled: bool = False
    # Read and not kept: a company has the services of this console, which its answer shows.
    company_services: CompanyServices | None = None


class ResellerInput(msgspec.Struct, rename="camel", kw_only=True):
    """What a reseller is made from."""

    organization_input: OrganizationInput


ORGANIZATIONS = Resource(OrganizationView, organizations.ORGANIZATIONS)
COMPANIES = Resource(CompanyView, organizations.COMPANIES)


def list_organizations(call: Call) -> Many[OrganizationView]:
    """List organizations."""
    query = ORGANIZATIONS.read(call)
    with call.reading() as connection:
        page = organizations.list_organizations(connection, call.scope, query)
    return Many(page, [view_organization(row) for row in page.rows])


def get_organization(call: Call) -> One[OrganizationView]:
    """Get an organization."""
    with call.reading() as connection:
        found = organizations.get_organization(connection, call.scope, call.uid("organizationUid"))
    return One(view_organization(found))


def create_reseller(call: Call, body: ResellerInput) -> One[OrganizationView]:
    """Create a reseller."""
    return One(view_organization(create_organization.create_reseller(call.act, _organization(body))))


def list_companies(call: Call) -> Many[CompanyView]:
    """List companies."""
    query = COMPANIES.read(call)
    expand = call.expands("Organization")
    with call.reading() as connection:
        page = organizations.list_companies(connection, call.scope, query)
        uids = [row.instance_uid for row in page.rows] if expand else []
        embedded = organizations.organizations_by_uid(connection, call.scope, uids)
    return Many(page, [view_company(row, embedded.get(row.instance_uid)) for row in page.rows])


def get_company(call: Call) -> One[CompanyView]:
    """Get a company."""
    with call.reading() as connection:
        return One(view_company(organizations.get_company(connection, call.scope, call.uid("companyUid")), None))


def create_company(call: Call, body: CompanyInput) -> One[CompanyView]:
    """Create a company with its owner."""
    new = create_organization.NewCompany(
        organization=_organization(body),
        owner_user_name=body.owner_credentials.user_name,
        owner_password=body.owner_credentials.password,
        reseller_uid=str(body.reseller_uid) if body.reseller_uid else None,
        subscription_plan_uid=str(body.subscription_plan_uid) if body.subscription_plan_uid else None,
        is_rest_access_enabled=body.is_rest_access_enabled,
        is_alarm_detect_enabled=body.is_alarm_detect_enabled,
    )
    return One(view_company(create_organization.create_company(call.act, new), None))


def view_organization(organization: Organization) -> OrganizationView:
    """Show an organization as the contract does."""
    values: dict[str, Any] = {name: getattr(organization, name) for name in OrganizationView.__struct_fields__}
    values["type"] = TypeWord(organization.type)
    return OrganizationView(**values)


def view_company(company: Company, organization: Organization | None) -> CompanyView:
    """Show a company as the contract does, with its organization if it is asked for."""
    names = set(CompanyView.__struct_fields__) & set(Company.__struct_fields__)
    fields: dict[str, Any] = {name: getattr(company, name) for name in names}
    if organization is not None:
        fields["embedded"] = EmbeddedOrganization(view_organization(organization))
    fields["status"] = CompanyStatus(company.status)
    credentials = OwnerView(company.owner_user_name)
    return CompanyView(**fields, owner_credentials=credentials, company_services=CompanyServices())


def _organization(body: CompanyInput | ResellerInput) -> Organization:
    given = body.organization_input
    values: dict[str, Any] = {name: getattr(given, name) for name in OrganizationInput.__struct_fields__}
    return Organization(instance_uid="", type=OrganizationType.COMPANY, **values)
